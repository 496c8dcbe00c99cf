import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "weights-too-large"


def weights(*ratios):
    """Weights 10 × 8 and 1 × 10 of the given multiples of He's deviation √(2/inputs)."""
    signs = [np.where(np.arange(80) % 3, 1.0, -1.0), np.where(np.arange(10) % 3, 1.0, -1.0)]
    shapes, inputs = [(10, 8), (1, 10)], [8, 10]
    parts = zip(ratios, signs, shapes, inputs, strict=True)
    return {
        "initial_weights": tuple(
            ratio * np.sqrt(2 / fan) * sign.reshape(shape) for ratio, sign, shape, fan in parts
        )
    }


def test_fires_on_the_largest_layer_of_a_run_that_did_not_learn(curves, make_trace):
    (finding,) = run(PROBLEM, make_trace(curves["stuck"], facts=weights(1, 20)))
    assert (finding.severity, finding.layer) == (Severity.ERROR, "layer2")
    # √(2/10) = 0.447, twenty times that is 8.94
    assert finding.message == (
        "the weights of layer2 start at a size of 8.94, 20 × what suits 10 inputs"
    )


def test_fires_on_weights_of_one_sign_that_add_up(curves, make_trace):
    # 32 × 32 with a mean of 0.5 have a singular value of 16; of deviation √(2/32) = 0.25 and mean
    # 0 they would have 0.25 · 2 · √32 = 2.83, and 16 / 2.83 = 5.66.
    drawn = np.where(np.arange(1024).reshape(32, 32) % 2, 0.4, 0.6)
    layers, facts = ((32, "tanh"), (1, "linear")), {"initial_weights": (drawn, np.ones((1, 32)))}
    facts["initial_weights"][1][0, ::2] = -1.0
    (finding,) = run(PROBLEM, make_trace(curves["stuck"], layers=layers, facts=facts))
    assert finding.message == (
        "the weights of layer1 start with a mean of 0.5 and add up to 5.66 × what suits 32 inputs"
    )


@pytest.mark.parametrize("shape", ["learned", "falling"])
def test_stays_silent_in_a_run_that_learns(shape, curves, make_trace):
    assert run(PROBLEM, make_trace(curves[shape], facts=weights(50, 50))) == []


def test_stays_silent_on_equal_weights(curves, make_trace):
    facts = {"initial_weights": (np.full((10, 8), 40.0), np.full((1, 10), 40.0))}
    assert run(PROBLEM, make_trace(curves["stuck"], facts=facts)) == []


@pytest.mark.parametrize(("ratio", "fires"), [(2.99, False), (3.01, True)])
def test_three_times_he_is_its_boundary(ratio, fires, curves, make_trace):
    trace = make_trace(curves["stuck"], facts=weights(0.5, ratio))
    assert bool(run(PROBLEM, trace)) is fires


@pytest.mark.parametrize(("excess", "fires"), [(99, True), (101, False)])
def test_explains_a_rate_above_the_limit_up_to_a_quarter_of_the_squares(
    excess, fires, curves, make_trace
):
    # Two layers of 2 and 10 times He's: 0.25 · 4 · 100 = 100.
    facts = {**weights(2, 10), "learning_rate": 0.01 * excess, "stability_limit": 0.01}
    assert bool(run(PROBLEM, make_trace(curves["exploded"], facts=facts))) is fires


def test_is_skipped_without_weights(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"]))
    assert result == Skipped(PROBLEM, "the trace has no initial weights")

import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "weights-too-small"


def weights(*ratios):
    """Weights 10 × 8 and 1 × 10 of the given multiples of Glorot's deviation √(2/(in + out))."""
    shapes = [(10, 8), (1, 10)]
    return {
        "initial_weights": tuple(
            ratio
            * np.sqrt(2 / sum(shape))
            * np.where(np.arange(np.prod(shape)) % 3, 1.0, -1.0).reshape(shape)
            for ratio, shape in zip(ratios, shapes, strict=True)
        )
    }


def test_fires_on_a_hidden_layer_of_a_run_that_did_not_learn(curves, make_trace):
    (finding,) = run(PROBLEM, make_trace(curves["stuck"], facts=weights(0.02, 0.02)))
    assert (finding.severity, finding.layer) == (Severity.ERROR, "layer1")
    assert "start at 0.02 × the usual size" in finding.message
    assert finding.evidence[1].observed == pytest.approx(0.02 * 0.02)


@pytest.mark.parametrize("shape", ["learned", "falling"])
def test_stays_silent_in_a_run_that_learns(shape, curves, make_trace):
    assert run(PROBLEM, make_trace(curves[shape], facts=weights(1e-4, 1e-4))) == []


@pytest.mark.parametrize("ratios", [(1.0, 0.0), (1.0, 1e-6)])
def test_stays_silent_where_only_the_last_layer_starts_small(ratios, curves, make_trace):
    assert run(PROBLEM, make_trace(curves["stuck"], facts=weights(*ratios))) == []


def test_stays_silent_on_equal_weights(curves, make_trace):
    facts = {"initial_weights": (np.zeros((10, 8)), np.zeros((1, 10)))}
    assert run(PROBLEM, make_trace(curves["stuck"], facts=facts)) == []


@pytest.mark.parametrize(("dead", "fires"), [(1.0, False), (0.9, True)])
def test_stays_silent_where_a_layer_is_dead_from_the_start(dead, fires, curves, make_trace):
    shares = np.array([[dead, 0.0], [0.0, 0.0]])
    trace = make_trace(curves["stuck"], facts=weights(0.02, 0.02), series={"dead_share": shares})
    assert bool(run(PROBLEM, trace)) == fires


@pytest.mark.parametrize(
    ("ratios", "fires"),
    [((0.11, 0.01), False), ((0.09, 0.01), True), ((0.09, 0.12), False), ((0.09, 0.11), True)],
)
def test_a_tenth_in_a_layer_and_a_hundredth_in_all_are_its_boundaries(
    ratios, fires, curves, make_trace
):
    # together 0.0011, 0.0009, 0.0108 and 0.0099
    assert bool(run(PROBLEM, make_trace(curves["stuck"], facts=weights(*ratios)))) is fires


@pytest.mark.parametrize(("end", "fires"), [(0.6, True), (0.4, False)])
def test_stays_silent_where_something_else_shrinks_the_weights(end, fires, curves, make_trace):
    series = {"weight_norm": [[1.0, 1.0], [end, end]]}
    trace = make_trace(curves["stuck"], facts=weights(0.02, 0.02), series=series)
    assert bool(run(PROBLEM, trace)) is fires


def test_is_skipped_without_a_hidden_layer(curves, make_trace):
    facts = {"initial_weights": (np.full((1, 3), 1e-9) * [1, 2, 3],)}
    trace = make_trace(curves["stuck"], layers=((1, "linear"),), facts=facts)
    assert run(PROBLEM, trace) == Skipped(PROBLEM, "no hidden layer")


def test_is_skipped_without_weights(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"]))
    assert result == Skipped(PROBLEM, "the trace has no initial weights")

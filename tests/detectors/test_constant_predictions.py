import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "constant-predictions"
TARGETS = np.linspace(-1.0, 1.0, 64)[:, None]


def made(make_trace, losses, predictions):
    return make_trace(losses, facts={"targets": TARGETS}, ending={"predictions": predictions})


def test_fires_where_all_predictions_are_the_same(curves, make_trace):
    (finding,) = run(PROBLEM, made(make_trace, curves["stuck"], np.full((64, 1), 0.25)))
    assert finding.severity is Severity.ERROR
    assert finding.message.startswith("the network predicts 0.25 for every input")


def test_a_mean_that_is_zero_but_for_rounding_is_told_as_zero(curves, make_trace):
    targets = TARGETS - TARGETS.mean() + 1.3e-17
    facts, ending = {"targets": targets}, {"predictions": np.full((64, 1), 1e-12)}
    (finding,) = run(PROBLEM, make_trace(curves["stuck"], facts=facts, ending=ending))
    assert finding.message.startswith(
        "the network predicts 0 for every input (the targets' mean is 0):"
    )


@pytest.mark.parametrize("shape", ["learned", "falling", "exploded"])
def test_stays_silent_in_a_run_that_learns_or_diverges(shape, curves, make_trace):
    # In a run that learned, predictions cannot be constant; only the loss is looked at then.
    predictions = TARGETS if shape == "learned" else np.zeros((64, 1))
    assert run(PROBLEM, made(make_trace, curves[shape], predictions)) == []


def test_stays_silent_where_the_data_allow_no_more(curves, make_trace):
    noise = np.random.default_rng(1).normal(size=(64, 1))
    facts, ending = {"targets": noise}, {"predictions": np.zeros((64, 1))}
    assert run(PROBLEM, make_trace(curves["stuck"], facts=facts, ending=ending)) == []


@pytest.mark.parametrize(("spread", "fires"), [(0.019, True), (0.021, False)])
def test_a_fiftieth_of_the_targets_deviation_is_its_boundary(spread, fires, curves, make_trace):
    trace = made(make_trace, curves["stuck"], spread * TARGETS)
    assert bool(run(PROBLEM, trace)) is fires


def test_every_output_has_to_be_constant(curves, make_trace):
    both, one = np.column_stack([TARGETS, TARGETS]), np.column_stack([0 * TARGETS, -TARGETS])
    facts, ending = {"targets": both}, {"predictions": one}
    layers = ((10, "tanh"), (2, "linear"))
    trace = make_trace(curves["stuck"], layers=layers, facts=facts, ending=ending)
    assert run(PROBLEM, trace) == []


def test_is_skipped_without_predictions(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"]))
    assert result == Skipped(PROBLEM, "the trace has no predictions at the end")

import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "vanishing-gradients"
DEEP = ((10, "sigmoid"), (10, "sigmoid"), (1, "linear"))


def norms(ratio):
    return np.tile([ratio, 0.1, 1.0], (200, 1))


def test_fires_on_a_run_that_learned_nothing(curves, make_trace):
    trace = make_trace(curves["stuck"], layers=DEEP, series={"gradient_norm": norms(1e-5)})
    (finding,) = run(PROBLEM, trace)
    assert (finding.severity, finding.layer) == (Severity.ERROR, "layer1")


def test_reads_the_first_steps_because_the_ratio_recovers(curves, make_trace):
    table = norms(1.0)
    table[:3, 0] = 1e-5
    trace = make_trace(curves["stuck"], layers=DEEP, series={"gradient_norm": table})
    assert len(run(PROBLEM, trace)) == 1


@pytest.mark.parametrize("shape", ["learned", "falling"])
def test_a_finished_or_learning_run_has_no_vanishing_gradient(shape, curves, make_trace):
    trace = make_trace(curves[shape], layers=DEEP, series={"gradient_norm": norms(1e-12)})
    assert run(PROBLEM, trace) == []


@pytest.mark.parametrize(("ratio", "fires"), [(0.9e-3, True), (1.1e-3, False)])
def test_the_ratio_is_its_boundary(ratio, fires, curves, make_trace):
    trace = make_trace(curves["stuck"], layers=DEEP, series={"gradient_norm": norms(ratio)})
    assert bool(run(PROBLEM, trace)) is fires


@pytest.mark.parametrize(("spread", "fires"), [(0.9e-3, True), (1.1e-3, False)])
def test_ten_times_the_ratio_is_enough_where_the_signal_dies_forward_too(
    spread, fires, curves, make_trace
):
    # The targets' deviation is 1, but for what the grid of 64 points makes of it.
    deviation = np.std(np.sqrt(2) * np.sin(np.linspace(-np.pi, np.pi, 64)))
    series = {"gradient_norm": norms(9e-3), "prediction_deviation": np.full(200, spread)}
    series["prediction_deviation"] *= deviation
    trace = make_trace(curves["stuck"], layers=DEEP, series=series)
    assert bool(run(PROBLEM, trace)) is fires


def test_is_skipped_where_there_is_no_depth(curves, make_trace):
    trace = make_trace(curves["stuck"], series={"gradient_norm": np.ones((200, 2))})
    assert isinstance(run(PROBLEM, trace), Skipped)


def test_is_skipped_without_gradient_norms(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"], layers=DEEP))
    assert result == Skipped(PROBLEM, "the trace has no gradient norm")


@pytest.mark.parametrize(("spread", "fires"), [(0.9e-3, True), (1.1e-3, False)])
def test_of_several_outputs_each_varies_about_its_own_mean(spread, fires, curves, make_trace):
    # Of two columns of classes each has a deviation of 0.5.
    targets = np.eye(2)[np.arange(64) // 32]
    series = {"gradient_norm": norms(9e-3), "prediction_deviation": np.full(200, 0.5 * spread)}
    trace = make_trace(curves["stuck"], layers=DEEP, series=series, facts={"targets": targets})
    assert bool(run(PROBLEM, trace)) is fires

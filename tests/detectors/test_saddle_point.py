import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "saddle-point"
SADDLE = {"newton_decrement": 0.001, "smallest_eigenvalue": -0.02, "largest_eigenvalue": 1.0}


def test_fires_on_a_flat_loss_with_negative_curvature(curves, make_trace):
    (finding,) = run(PROBLEM, make_trace(curves["stuck"], ending=SADDLE))
    assert finding.severity is Severity.ERROR
    assert "go from -0.02 to 1" in finding.message


def test_tells_how_long_gradient_descent_needs_to_leave(curves, make_trace):
    facts = {"optimizer": "sgd", "learning_rate": 0.1}
    (finding,) = run(PROBLEM, make_trace(curves["stuck"], facts=facts, ending=SADDLE))
    # ln 10 / (0.1 · 0.02) = 1151
    assert finding.message.endswith("to get ten times as far from it takes some 1,200 steps")


@pytest.mark.parametrize("shape", ["learned", "falling", "exploded"])
def test_stays_silent_in_a_run_that_learns_or_diverges(shape, curves, make_trace):
    assert run(PROBLEM, make_trace(curves[shape], ending=SADDLE)) == []


@pytest.mark.parametrize(
    ("changed", "fires"),
    [
        ({"smallest_eigenvalue": -0.0011}, True),
        ({"smallest_eigenvalue": -0.0009}, False),
        ({"smallest_eigenvalue": 0.1}, False),
        ({"newton_decrement": 0.019}, True),
        ({"newton_decrement": 0.021}, False),
    ],
)
def test_its_boundaries(changed, fires, curves, make_trace):
    # the loss ends at 0.98: decrements of 1.94 % and 2.14 % of it; no R² keeps it "stalled"
    trace = make_trace(np.full(200, 0.98), ending={**SADDLE, **changed})
    assert bool(run(PROBLEM, trace)) is fires


@pytest.mark.parametrize(("steps", "fires"), [(49, False), (50, True)])
def test_fewer_steps_have_not_come_to_rest(steps, fires, make_trace):
    assert bool(run(PROBLEM, make_trace(np.full(steps, 0.98), ending=SADDLE))) is fires


def test_is_skipped_without_curvature(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"]))
    assert result == Skipped(PROBLEM, "the trace has no smallest eigenvalue at the end")

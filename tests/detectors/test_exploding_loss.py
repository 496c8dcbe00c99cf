import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity

PROBLEM = "exploding-loss"


@pytest.mark.parametrize("shape", ["exploded", "exploded_and_stuck"])
def test_fires_on_a_loss_that_blew_up(shape, curves, make_trace):
    (finding,) = run(PROBLEM, make_trace(curves[shape]))
    assert finding.severity is Severity.ERROR
    assert finding.evidence[0].steps[0] == 2  # 1, 2, … : within twice its smallest until step 2


@pytest.mark.parametrize("shape", ["learned", "stuck", "falling", "recovered"])
def test_stays_silent_on_a_loss_that_did_not_or_that_came_back(shape, curves, make_trace):
    assert run(PROBLEM, make_trace(curves[shape])) == []


def test_an_overflow_in_a_single_step_is_an_explosion(make_trace):
    (finding,) = run(PROBLEM, make_trace([1.0, np.inf], ending={"reason": "non-finite"}))
    assert "in one step" in finding.message


def test_a_nan_without_growth_is_left_to_non_finite_values(make_trace):
    assert run(PROBLEM, make_trace([1.0, 0.9, np.nan], ending={"reason": "non-finite"})) == []


def test_the_factor_is_its_boundary(make_trace):
    losses = np.minimum(1.2 ** np.arange(200), 20.0)
    assert len(run(PROBLEM, make_trace(losses), thresholds={"factor": 19.9})) == 1
    assert run(PROBLEM, make_trace(losses), thresholds={"factor": 20.1}) == []

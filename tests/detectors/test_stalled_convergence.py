import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity

PROBLEM = "stalled-convergence"
GAIN_LEFT = {"newton_decrement": 0.1, "smallest_eigenvalue": 0.1, "largest_eigenvalue": 1.0}


def test_fires_on_a_loss_that_rests_at_the_mean(curves, make_trace):
    (finding,) = run(PROBLEM, make_trace(curves["stuck"]))
    assert finding.severity is Severity.ERROR
    assert "R² 0.02" in finding.message


@pytest.mark.parametrize("shape", ["learned", "falling", "exploded", "recovered"])
def test_stays_silent_on_every_other_outcome(shape, curves, make_trace):
    assert run(PROBLEM, make_trace(curves[shape])) == []


@pytest.mark.parametrize(("level", "severity"), [(0.51, Severity.ERROR), (0.49, Severity.WARNING)])
def test_half_of_the_r_squared_parts_error_and_warning(level, severity, make_trace):
    (finding,) = run(PROBLEM, make_trace(np.full(200, level), ending=GAIN_LEFT))
    assert finding.severity is severity


def test_tells_what_a_local_step_could_remove(make_trace):
    (finding,) = run(PROBLEM, make_trace(np.full(200, 0.8), ending=GAIN_LEFT))
    assert "could still remove 12 % of it" in finding.message  # 0.1 / 0.8

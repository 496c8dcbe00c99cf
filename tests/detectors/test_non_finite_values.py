import numpy as np
import pytest

from nndiag.detectors import run

PROBLEM = "non-finite-values"


@pytest.mark.parametrize(
    ("losses", "place"),
    [
        ([np.nan], "step 1, from the start"),
        ([np.inf, np.inf], "step 1, from the start"),
        ([1.0, 0.9, np.nan], "step 3, after a loss of 0.9"),
    ],
)
def test_fires_on_a_loss_that_breaks_without_growth(losses, place, make_trace):
    (finding,) = run(PROBLEM, make_trace(losses, ending={"reason": "non-finite"}))
    assert place in finding.message


def test_fires_where_only_the_loss_at_the_end_is_broken(make_trace):
    (finding,) = run(PROBLEM, make_trace([1.0, 0.9], ending={"loss": np.nan}))
    assert "step 3" in finding.message


@pytest.mark.parametrize("shape", ["learned", "stuck", "exploded", "exploded_and_stuck"])
def test_stays_silent_on_finite_losses_and_on_explosions(shape, curves, make_trace):
    assert run(PROBLEM, make_trace(curves[shape])) == []


@pytest.mark.parametrize(("last", "fires"), [(5.0, True), (15.0, False)])
def test_growth_by_the_factor_is_its_boundary(last, fires, make_trace):
    assert bool(run(PROBLEM, make_trace([1.0, last, np.nan]))) is fires

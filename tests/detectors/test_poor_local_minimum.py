"""`poor-local-minimum`: stuck where it is, far better from elsewhere."""

import pytest

from nndiag.detectors import run
from nndiag.finding import Skipped

FLAT = [1.0, *[0.7] * 199]


def judged(make_trace, *, best=0.01, from_end=0.69, loss=FLAT, **thresholds):
    ending = {
        "reference_loss": best,
        "reference_loss_from_end": from_end,
        "newton_decrement": 0.0,
        "reason": "converged",
    }
    trace = make_trace(loss, ending=ending)
    return run("poor-local-minimum", trace, thresholds=thresholds)


def test_fires_where_only_other_weights_lead_further(make_trace):
    (finding,) = judged(make_trace)
    observed = {one.series: one.observed for one in finding.evidence}
    assert observed["reference_loss"] == pytest.approx(0.01 / 0.7)
    assert observed["reference_loss_from_end"] == pytest.approx(0.69 / 0.7)


@pytest.mark.parametrize(("best", "fires"), [(0.34, True), (0.36, False)])
def test_is_silent_where_no_start_halves_the_loss(make_trace, best, fires):
    assert bool(judged(make_trace, best=best)) is fires


@pytest.mark.parametrize(("from_end", "fires"), [(0.57, True), (0.55, False)])
def test_is_silent_where_a_strong_optimizer_leads_on_from_the_end(make_trace, from_end, fires):
    # four fifths of the loss of 0.7 are 0.56
    assert bool(judged(make_trace, from_end=from_end)) is fires


def test_is_silent_in_a_run_that_learned(make_trace):
    assert judged(make_trace, loss=[1.0, *[0.01] * 199], best=1e-6, from_end=0.01) == []


def test_is_silent_in_a_run_that_diverged(make_trace):
    assert judged(make_trace, loss=[1.0, *[1e6] * 199], from_end=1e6) == []


def test_is_silent_where_the_loss_is_zero_whatever_is_learned(make_trace):
    # a softmax of one unit
    assert judged(make_trace, loss=[0.0] * 200, best=0.0, from_end=0.0) == []


def test_is_skipped_without_a_reference_fit(make_trace):
    assert isinstance(run("poor-local-minimum", make_trace(FLAT)), Skipped)

import numpy as np
import pytest

from nndiag.detectors import course_of
from nndiag.detectors.underway import distance, impairment, shortness
from nndiag.finding import Severity


def falling_to(r_squared, *, steps=200):
    """A straight fall from 1 to 1 − R², the mean baseline's loss being 1."""
    return 1 - r_squared * np.linspace(0, 1, steps)


@pytest.mark.parametrize(
    ("losses", "severity"),
    [
        (falling_to(0.05), Severity.ERROR),
        (falling_to(0.4), Severity.WARNING),
        (falling_to(0.05, steps=40), Severity.WARNING),  # too few to tell
        (falling_to(0.7), Severity.WARNING),
        (falling_to(0.8), None),
    ],
)
def test_how_grave_the_end_is_depends_on_what_is_learned(losses, severity, make_trace):
    assert distance(course_of(make_trace(losses))) is severity


@pytest.mark.parametrize(
    ("shape", "severity"),
    [("learned", None), ("exploded", None), ("stuck", Severity.ERROR)],
)
def test_runs_that_are_over(shape, severity, curves, make_trace):
    assert distance(course_of(make_trace(curves[shape]))) is severity


def test_a_fault_of_the_data_matters_in_a_run_that_diverged(curves, make_trace):
    assert impairment(course_of(make_trace(curves["exploded"]))) is Severity.ERROR


def test_a_scale_matters_where_a_run_rests_short_not_on_its_way(make_trace):
    """Both end at an R² of 0.8, where 0.2 is short; one of them is still falling."""
    targets = np.linspace(-1, 1, 40)[:, None]
    facts = {"inputs": targets, "targets": targets}
    falling = make_trace(falling_to(0.8), facts=facts)
    resting = make_trace(np.r_[falling_to(0.8), np.full(800, 0.2)], facts=facts)
    assert shortness(course_of(falling)) is None
    assert shortness(course_of(resting)) is Severity.WARNING

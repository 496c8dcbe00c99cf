import numpy as np
import pytest

from nndiag.detectors import course_of
from nndiag.detectors.underway import (
    distance,
    first_steps,
    impairment,
    late_path,
    path,
    step_per_rate,
)
from nndiag.finding import Severity


def falling_to(skill, *, steps=200):
    """A straight fall from 1 to 1 − skill, the best constant's loss being 1."""
    return 1 - skill * np.linspace(0, 1, steps)


def test_the_path_is_the_sum_of_the_steps_of_the_farthest_layer(make_trace):
    ratios = np.column_stack([np.full(20, 0.01), np.full(20, 0.02)])
    facts = {"learning_rate": 0.1}
    trace = make_trace(np.ones(101), series={"update_ratio": ratios}, facts=facts)
    # from step 1 to step 101, 0.02 each
    assert path(trace) == pytest.approx(100 * 0.02)
    assert step_per_rate(trace) == pytest.approx(0.02 / 0.1)


def test_the_step_per_rate_is_read_early_and_from_the_rate_in_force(make_trace):
    decayed = np.geomspace(1.0, 1e-3, 20)
    steps = np.where(np.arange(20) < 10, 0.02 * decayed, 0.0)[:, None] * [0.5, 1.0]
    series = {"update_ratio": steps, "learning_rate": decayed}
    assert step_per_rate(make_trace(np.ones(101), series=series)) == pytest.approx(0.02)


def test_the_late_path_is_that_of_a_run_that_moved_as_in_its_second_half(make_trace):
    thrown = np.where(np.arange(101) < 10, 5.0, 0.01)[:, None] * [1.0, 0.5]
    trace = make_trace(np.ones(101), series={"update_ratio": thrown})
    assert path(trace) > 40
    assert late_path(trace) == pytest.approx(100 * 0.01)


def test_the_first_steps_are_those_of_the_layer_that_moves_least(make_trace):
    ratios = np.where(np.arange(20) < 5, 0.3, 0.01)[:, None] * [2.0, 1.0]
    assert first_steps(make_trace(np.ones(101), series={"update_ratio": ratios})) == 0.3
    assert np.isnan(first_steps(make_trace(np.ones(101))))


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

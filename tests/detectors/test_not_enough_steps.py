import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "not-enough-steps"
LEFT = {"newton_decrement": 0.5, "smallest_eigenvalue": -0.1, "largest_eigenvalue": 1.0}
TAKEN = {**LEFT, "newton_decrement": 0.01}


def falling_to(r_squared, *, steps=200):
    """A straight fall from 1 to 1 − R², the mean baseline's loss being 1."""
    return np.linspace(1.0, 1.0 - r_squared, steps)


def made(make_trace, losses, *, path=0.1, ending=None):
    """A run whose weights move by `path` of their length."""
    ratios = np.full((20, 2), path / (len(losses) - 1))
    return make_trace(losses, series={"update_ratio": ratios}, ending=ending)


@pytest.mark.parametrize(
    ("r_squared", "severity"), [(0.08, Severity.ERROR), (0.4, Severity.WARNING)]
)
def test_fires_on_a_loss_that_still_falls_far_from_the_end(r_squared, severity, make_trace):
    (finding,) = run(PROBLEM, made(make_trace, falling_to(r_squared)))
    assert finding.severity is severity
    assert "the loss is still falling" in finding.message


def test_is_a_note_where_most_is_learned_and_the_loss_falls_fast(make_trace):
    (finding,) = run(PROBLEM, made(make_trace, falling_to(0.6)))
    assert finding.severity is Severity.NOTE


def test_stays_silent_where_nearly_all_is_learned(make_trace):
    assert run(PROBLEM, made(make_trace, falling_to(0.8))) == []


def test_fires_on_a_flat_loss_with_a_local_step_left(make_trace):
    trace = made(make_trace, np.full(200, 0.98), ending=LEFT)
    (finding,) = run(PROBLEM, trace)
    assert finding.severity is Severity.ERROR
    assert "the weights have moved by 0.1 of their length" in finding.message


@pytest.mark.parametrize(("path", "ending"), [(5.0, LEFT), (0.1, TAKEN), (0.0, LEFT)])
def test_stays_silent_where_weights_moved_or_nothing_is_left(path, ending, make_trace):
    assert run(PROBLEM, made(make_trace, np.full(200, 0.98), path=path, ending=ending)) == []


@pytest.mark.parametrize("shape", ["learned", "falling", "exploded"])
def test_stays_silent_in_a_run_that_learns_or_diverges(shape, curves, make_trace):
    assert run(PROBLEM, made(make_trace, curves[shape])) == []


@pytest.mark.parametrize(("steps", "fires"), [(49, True), (50, False)])
def test_fewer_than_fifty_steps_settle_nothing(steps, fires, make_trace):
    trace = made(make_trace, np.full(steps, 0.98), ending=TAKEN)
    assert bool(run(PROBLEM, trace)) is fires


def test_a_few_steps_are_not_enough_however_well_they_went(make_trace):
    (finding,) = run(PROBLEM, made(make_trace, falling_to(0.6, steps=20)))
    assert finding.severity is Severity.WARNING
    assert run(PROBLEM, made(make_trace, falling_to(0.95, steps=20))) == []


@pytest.mark.parametrize(("path", "fires"), [(0.49, True), (0.51, False)])
def test_half_a_length_is_its_boundary(path, fires, make_trace):
    trace = made(make_trace, np.full(200, 0.98), path=path, ending=LEFT)
    assert bool(run(PROBLEM, trace)) is fires


def test_is_skipped_without_its_series(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"]))
    assert result == Skipped(PROBLEM, "the trace has no update ratio")

import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.detectors.held_out import lie_apart, offset_of
from nndiag.finding import Severity, Skipped

PROBLEM = "extrapolation"
INSIDE = np.linspace(0, 1, 50)[:, None]
OUTSIDE = np.linspace(1.2, 2, 20)[:, None]


def made(make_trace, curve, *, others=OUTSIDE, error=1.0, own=0.01):
    """Targets x², whose variance is 1/5 − 1/9 = 0.089; both errors are the same everywhere."""
    facts = {"inputs": INSIDE, "targets": INSIDE**2}
    facts |= {"validation_inputs": others, "validation_targets": others**2}
    ending = {"predictions": INSIDE**2 + own, "validation_predictions": others**2 + error}
    return make_trace(curve, facts=facts, ending=ending)


def test_tells_a_range_that_was_never_shown(curves, make_trace):
    (finding,) = run(PROBLEM, made(make_trace, curves["learned"]))
    assert finding.severity is Severity.WARNING
    assert "shown from 0 to 1, and is asked from 1.2 to 2" in finding.message
    assert "tanh units level off" in finding.message


# Above 0.1 of the variance 0.0916 of 50 evenly spaced squares: an error of 0.0957.
@pytest.mark.parametrize(("error", "fires"), [(0.094, False), (0.097, True)])
def test_a_tenth_of_the_variance_is_its_boundary(error, fires, curves, make_trace):
    assert bool(run(PROBLEM, made(make_trace, curves["learned"], error=error))) is fires


# Squares of 1.2 to 1.25 have a variance of 0.0014: a tenth is less than a hundredth of 0.0916,
# an error of 0.0303. Of 1.2 to 1.7 it is 0.194: more than that of the training targets.
@pytest.mark.parametrize(
    ("end", "error", "fires"),
    [(1.25, 0.0300, False), (1.25, 0.0306, True), (1.7, 0.094, False), (1.7, 0.097, True)],
)
def test_where_targets_hardly_vary_less_is_missed(end, error, fires, curves, make_trace):
    others = np.linspace(1.2, end, 20)[:, None]
    assert bool(run(PROBLEM, made(make_trace, curves["learned"], others=others, error=error))) is (
        fires
    )


@pytest.mark.parametrize("others", [INSIDE[::3] + 0.004, np.linspace(0.3, 0.5, 30)[:, None]])
def test_is_silent_where_validation_lies_among_the_examples(others, curves, make_trace):
    either_side = np.where(np.arange(len(others)) % 2, 1.0, -1.0)[:, None]
    trace = made(make_trace, curves["learned"], others=others, error=either_side)
    assert run(PROBLEM, trace) == []


@pytest.mark.parametrize(("offset", "fires"), [(-1.0, True), (0.7, False)])
def test_tells_targets_that_lie_on_another_level_where_inputs_were_shown(
    offset, fires, curves, make_trace
):
    """Of errors of offset ± 0.8 the offset's square is more than half of the mean beyond 0.8."""
    others = np.linspace(0.1, 0.9, 40)[:, None]
    error = offset + 0.8 * np.where(np.arange(40) % 2, 1.0, -1.0)[:, None]
    found = run(PROBLEM, made(make_trace, curves["learned"], others=others, error=error))
    assert bool(found) is fires
    if fires:
        assert "lie 1 above what is predicted of them" in found[0].message
        assert "the targets drift" in found[0].message


def test_a_class_that_is_rarer_among_the_validation_examples_is_no_drift(make_trace):
    facts = {"inputs": INSIDE, "targets": (INSIDE > 0.5) * 1.0, "validation_inputs": INSIDE}
    facts |= {"validation_targets": INSIDE * 0.0}
    trace = make_trace([1.0, 0.1], facts=facts, ending={"validation_predictions": INSIDE * 0 + 0.4})
    assert offset_of(trace) is None


def test_is_silent_where_the_training_examples_are_not_learned(curves, make_trace):
    assert run(PROBLEM, made(make_trace, curves["stuck"], own=0.25)) == []


def test_sees_a_corner_and_a_gap_that_no_column_shows(make_trace):
    square = np.random.default_rng(0).uniform(size=(600, 2))
    for kept in (square.min(axis=1) < 0.6, np.linalg.norm(square - 0.5, axis=1) > 0.35):
        facts = {"inputs": square[kept], "validation_inputs": square[~kept]}
        trace = make_trace([1.0, 1.0], facts=facts)
        assert lie_apart(trace)
        assert not lie_apart(make_trace([1.0, 1.0], facts=_drawn(square)))


def _drawn(points):
    return {"inputs": points[:450], "validation_inputs": points[450:]}


def test_is_skipped_without_validation(curves, make_trace):
    assert isinstance(run(PROBLEM, make_trace(curves["learned"])), Skipped)

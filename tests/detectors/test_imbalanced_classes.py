import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "imbalanced-classes"


def made(make_trace, curve, *, rare=40, frequent=160, shift=1.0, threshold=9.0, **facts):
    """Scores of two classes, `shift` standard deviations apart, cut at `threshold`."""
    targets = np.r_[np.zeros(frequent), np.ones(rare)][:, None]
    noise = np.random.default_rng(0).normal(size=targets.shape)
    predictions = 0.5 + 0.01 * (noise + shift * targets - threshold)
    known = {"targets": targets, "inputs": noise, **facts}
    return make_trace(curve, facts=known, ending={"predictions": predictions})


def test_tells_the_share_of_a_constant(curves, make_trace):
    (finding,) = run(PROBLEM, made(make_trace, curves["stuck"]))
    assert finding.severity is Severity.WARNING
    assert "80 % of the examples are class 0: a constant is right in 80 %" in finding.message
    assert "of class 1 0 % are recognised" in finding.message


# 0.7 of 200 are 140.
@pytest.mark.parametrize(("frequent", "fires"), [(139, False), (140, True)])
def test_seven_tenths_are_its_boundary(frequent, fires, curves, make_trace):
    trace = made(make_trace, curves["stuck"], rare=200 - frequent, frequent=frequent)
    assert bool(run(PROBLEM, trace)) is fires


@pytest.mark.parametrize(
    "changes",
    [
        {"shift": 0.0},  # the outputs tell nothing
        {"threshold": 0.5},  # the rare class is found
        {"rare": 8},  # too few to tell
    ],
)
def test_is_silent_where_the_frequent_class_is_not_the_reason(changes, curves, make_trace):
    assert run(PROBLEM, made(make_trace, curves["stuck"], **changes)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "fires"),
    [(8, 4, True), (8, 3, False), (19, 15, True), (20, 16, False), (4, 0, True), (5, 0, False)],
)
def test_what_naming_a_class_saves_is_what_counts(right, wrong, fires, curves, make_trace):
    """Of 40 rare examples a tenth are 4: right − wrong, and half of them are 20."""
    targets = np.r_[np.zeros(160), np.ones(40)][:, None]
    scores = np.r_[np.linspace(0, 0.3, 160), np.linspace(0.2, 0.4, 40)]
    scores[160 : 160 + right] = 0.9
    scores[:wrong] = 0.9
    trace = make_trace(
        curves["stuck"],
        facts={"targets": targets, "inputs": targets},
        ending={"predictions": scores[:, None]},
    )
    assert bool(run(PROBLEM, trace)) is fires


def test_is_silent_in_a_run_that_diverged(curves, make_trace):
    assert run(PROBLEM, made(make_trace, curves["exploded"])) == []


def test_is_skipped_without_classes(curves, make_trace):
    targets = np.linspace(0, 1, 200)[:, None]
    assert isinstance(run(PROBLEM, made(make_trace, curves["stuck"], targets=targets)), Skipped)

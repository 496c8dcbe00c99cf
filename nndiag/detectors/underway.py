"""How far the weights have come, and how far a run is from what it could have learned.

A run that has only begun looks like one that is stuck: a flat loss and no skill. What tells them
apart is how far the weights have moved, measured in their own lengths.
"""

import numpy as np
from numpy.typing import NDArray

from nndiag.detectors.course import Course
from nndiag.finding import Outcome, Severity
from nndiag.trace import FloatArray, Trace

_NEAR = 0.7  # this share of the attainable is learned: the run is nearly there
_FAR = 0.5  # … and enough where as many steps again
_FAST = 0.5  # … would take off this share of the loss
_BEGUN = 0.1  # less than this share: hardly begun


def path(trace: Trace) -> float:
    """Length of the way that the weights went, in lengths of the weights; the farthest layer's.

    Between records the steps are taken to be as long as the recorded ones. Infinite or NaN where
    the record is.
    """
    ratios = trace.series["update_ratio"]
    if len(ratios.steps) < 2:
        return float(np.nan)
    return float(np.trapezoid(ratios.values, ratios.steps, axis=0).max())


def step_per_rate(trace: Trace) -> float:
    """How far a unit of the learning rate moves the weights, in lengths of theirs.

    The median over the first half of the records (which lie ever farther apart) of the longest
    layer's step over the rate in force. Later gradients may have died away for other reasons.
    """
    ratios = trace.series["update_ratio"]
    early = slice(0, -(-len(ratios.steps) // 2))
    steps = ratios.values[early].max(axis=1)
    return float(np.median(steps / rates_at(trace, ratios.steps[early])))


def rates_at(trace: Trace, steps: NDArray[np.int64]) -> FloatArray:
    """The learning rate in force at some steps; the configured one where that is not recorded."""
    rates = trace.series.get("learning_rate")
    if rates is None or not len(rates.steps) or not np.isfinite(rates.values).all():
        known = trace.facts.learning_rate
        return np.full(len(steps), np.nan if known is None else known)
    return np.asarray(np.interp(steps, rates.steps, rates.values))


def impairment(course: Course) -> Severity | None:
    """How much a fault of data or weights matters, also where the loss falls but is far off."""
    return course.severity or distance(course)


def distance(course: Course) -> Severity | None:
    """How grave it is that the run ends here; None where it has learned, diverged or was cut off.

    A run that is still falling is only half a failure until hardly anything is learned, and none
    where most is learned and the loss falls fast.
    """
    if course.outcome is Outcome.DIVERGED or course.good:
        return None
    if course.failed:
        return Severity.ERROR
    if course.outcome is Outcome.STALLED:
        return Severity.WARNING
    if course.outcome is not Outcome.IMPROVING or course.shortfall is None:
        return None
    share = (course.attainable - course.shortfall) / max(course.attainable, 1e-300)
    fast = course.expected_gain > _FAST * abs(course.curve.final)
    if share >= (_FAR if fast else _NEAR):
        return None
    return Severity.ERROR if share < _BEGUN else Severity.WARNING

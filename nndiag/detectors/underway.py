"""How far the weights have come, and how far a run is from what it could have learned.

A run that has only begun looks like one that is stuck: a flat loss and no skill. What tells them
apart is how far the weights have moved, measured in their own lengths.
"""

import numpy as np

from nndiag.detectors.course import Course
from nndiag.finding import Outcome, Severity
from nndiag.trace import Trace

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


def typical_step(trace: Trace) -> float:
    """Median over the records of the longest layer's step, in lengths of its weights."""
    return float(np.median(trace.series["update_ratio"].values.max(axis=1)))


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

"""How far the weights have come, and how far a run is from what it could have learned.

A run that has only begun looks like one that is stuck: a flat loss and no skill. What tells them
apart is how far the weights have moved, measured in their own lengths.
"""

import numpy as np
from numpy.typing import NDArray

from nndiag.detectors.course import NEARLY_ALL, Course
from nndiag.finding import Outcome, Severity
from nndiag.trace import FloatArray, Trace

_FIRST = 5  # records that are of the first steps
_BEGUN = 0.1  # less than this share: hardly begun


def path(trace: Trace) -> float:
    """Length of the way that the weights went, in lengths of the weights; the farthest layer's.

    Between records the steps are taken to be as long as the recorded ones. Infinite or NaN where
    the record is.
    """
    ratios = trace.series["update_ratio"]
    return _length(ratios.steps, ratios.values)


def late_path(trace: Trace) -> float:
    """The way of a run that had moved from its first to its last step as in its second half."""
    ratios = trace.series["update_ratio"]
    if not len(ratios.steps):
        return float(np.nan)
    first, last = int(ratios.steps[0]), int(ratios.steps[-1])
    late = ratios.steps >= (first + last) / 2
    steps = ratios.steps[late]
    if len(steps) < 2:
        return path(trace)
    return _length(steps, ratios.values[late]) * (last - first) / int(last - steps[0])


def _length(steps: NDArray[np.int64], ratios: FloatArray) -> float:
    return float(np.trapezoid(ratios, steps, axis=0).max()) if len(steps) > 1 else float(np.nan)


def step_per_rate(trace: Trace) -> float:
    """How far a unit of the learning rate moves the weights, in lengths of theirs.

    The median over the first half of the records (which lie ever farther apart) of the longest
    layer's step over the rate in force. Later gradients may have died away for other reasons.
    """
    ratios = trace.series["update_ratio"]
    early = slice(0, -(-len(ratios.steps) // 2))
    steps = ratios.values[early].max(axis=1)
    return float(np.median(steps / rates_at(trace, ratios.steps[early])))


def first_steps(trace: Trace) -> float:
    """How far the first steps move the weights, in lengths of theirs; the layer moved least.

    The median over the first records. NaN where there are none, or a layer starts at zero.
    """
    ratios = trace.series.get("update_ratio")
    if ratios is None or not len(ratios.steps) or not ratios.values.shape[1]:
        return float(np.nan)
    return float(np.median(ratios.values[:_FIRST].min(axis=1)))


def rates_at(trace: Trace, steps: NDArray[np.int64]) -> FloatArray:
    """The learning rate in force at some steps; the configured one where that is not recorded."""
    rates = trace.series.get("learning_rate")
    if rates is None or not len(rates.steps) or not np.isfinite(rates.values).all():
        known = trace.facts.learning_rate
        return np.full(len(steps), np.nan if known is None else known)
    return np.asarray(np.interp(steps, rates.steps, rates.values))


def impairment(course: Course) -> Severity | None:
    """How much a fault of the setup matters, also in a run that has only begun: the graver view."""
    views = (course.severity, distance(course))
    return min((x for x in views if x is not None), key=lambda one: one.rank, default=None)


def distance(course: Course) -> Severity | None:
    """How grave it is that the run ends here; None where it has learned, diverged or was cut off.

    A run that is still falling is only half a failure, until hardly anything is learned after steps
    enough to tell, and none where most is learned.
    """
    if course.outcome is Outcome.DIVERGED or course.good:
        return None
    if course.failed:
        return Severity.ERROR
    if course.outcome is Outcome.STALLED:
        return Severity.WARNING
    share = course.learned.share
    if course.outcome is not Outcome.IMPROVING or share is None or share >= NEARLY_ALL:
        return None
    return Severity.ERROR if share < _BEGUN and not course.short else Severity.WARNING

"""How far the weights have moved, in lengths of theirs, and at which rate.

A run that has only begun looks like one that is stuck: a flat loss and no R². What tells them
apart is how far the weights have moved.
"""

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.trace import Trace

_FIRST = 5  # records that are of the first steps


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

    The median over the first records, or the first alone where it is longer than the weights: then
    there is no way back. NaN where there are none, or a layer starts at zero.
    """
    ratios = trace.series.get("update_ratio")
    if ratios is None or not len(ratios.steps) or not ratios.values.shape[1]:
        return float(np.nan)
    least = ratios.values[:_FIRST].min(axis=1)
    return float(max(np.median(least), least[0] if 1 < least[0] < np.inf else 0.0))


def rates_at(trace: Trace, steps: NDArray[np.int64]) -> FloatArray:
    """The learning rate in force at some steps; the configured one where that is not recorded."""
    rates = trace.series.get("learning_rate")
    if rates is None or not len(rates.steps) or not np.isfinite(rates.values).all():
        known = trace.facts.learning_rate
        return np.full(len(steps), np.nan if known is None else known)
    return np.asarray(np.interp(steps, rates.steps, rates.values))

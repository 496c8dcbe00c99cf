"""The loss swings up and down and the swings do not shrink.

What it sees
    Over the last quarter of the run the loss keeps turning, by a good part of its own level, and
    as much at the end as before; the run did not learn well.

Why it matters
    The step overshoots along the steepest direction: the loss is thrown from one wall of the
    valley to the other, and the flat directions are not followed.

Fires when
    The middle 80 % of the losses of the last quarter span more than `swing` × their median and more
    than `share` × the loss of the mean baseline, at least `turns` of the steps change direction,
    and the swings of the last eighth are no smaller than half those before.

Silent when
    The run learned well or is still falling; the steps see mini-batches: their losses differ
    without any fault.

Thresholds
    swing = 0.2, share = 0.05, turns = 0.3: ours. Settling at the edge of stability has swings that
    stay below 5 % of the mean baseline's loss, and a falling trend.

Fixes
    A lower learning rate; less momentum; decay of the rate.

Source
    Cohen et al. 2021, Gradient descent on neural networks typically occurs at the edge of
    stability (period-2 swings along the sharpest direction).
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.bounds import Positive, Share
from nndiag.detectors.causes import UNSETTLED
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.finding import Evidence, Finding, Skipped
from nndiag.formatting import number
from nndiag.trace import Trace

PROBLEM = "oscillating-loss"
_FEWEST = 16  # points in the last quarter


@detector(
    PROBLEM,
    stage=Stage.SWINGS,
    explained_by=UNSETTLED,
)
def oscillating_loss(
    trace: Trace, *, swing: Positive = 0.2, share: Positive = 0.05, turns: Share = 0.3
) -> Findings:
    """The loss swings up and down and the swings do not shrink."""
    if trace.facts.exact_steps is False:
        return Skipped(PROBLEM, "mini-batches or dropout: losses differ without any fault")
    tail = trace.loss[-(trace.steps // 4) :] if trace.steps >= 4 * _FEWEST else trace.loss[:0]
    if not len(tail):
        return Skipped(PROBLEM, f"fewer than {4 * _FEWEST} steps")
    course = course_of(trace)
    if course.severity is None or not np.isfinite(tail).all():
        return []
    level, span = float(np.median(np.abs(tail))), _span(tail)
    half = len(tail) // 2
    lasting = _span(tail[half:]) >= 0.5 * _span(tail[:half])
    scale = trace.facts.baseline_loss or abs(course.curve.initial)
    if span <= swing * level or span <= share * scale or _turns(tail) < turns or not lasting:
        return []
    steps = (int(trace.step[-len(tail)]), int(trace.step[-1]))
    return [
        Finding(
            PROBLEM,
            course.severity,
            f"the loss keeps swinging by {number(span)} around {number(level)} "
            f"over the last {len(tail)} steps",
            evidence=(Evidence("loss", span / level, swing, steps=steps, measure="swing"),),
        )
    ]


def _span(values: FloatArray) -> float:
    """Width of the middle 80 % of the values."""
    low, high = np.percentile(values, [10, 90])
    return float(high - low)


def _turns(values: FloatArray) -> float:
    """Share of the inner points at which the direction changes."""
    directions = np.sign(np.diff(values))
    return float(np.mean(directions[1:] * directions[:-1] < 0))

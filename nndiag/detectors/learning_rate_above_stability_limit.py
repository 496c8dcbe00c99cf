"""The learning rate is above the largest one that is stable.

What it sees
    The configured rate beside the ceiling computed from the curvature of the loss before the first
    step: 2/λ_max for gradient descent, 2(1+β)/λ_max with momentum β. Where the curvature was
    recorded while training, also the ceiling at those steps.

Why it matters
    Above the ceiling, each step along the steepest direction overshoots by more than it gains: the
    distance from the valley grows by a constant factor per step.

Fires when
    The rate exceeds `ratio` × the ceiling. It is an error where the run failed and was visibly
    thrown: its loss rose above its start, lost most of what it had gained, or most units of a layer
    died or saturated on the way. It is a note where the network found a flatter place by itself.
    Also where the rate was below the ceiling at the start, and the curvature grew until it was
    above, before such a failure.

Silent when
    The rate is below; the run failed without being thrown (then the rate was not the reason).

Thresholds
    ratio = 1: the theory's own. rise = 1.5: ours; how far above the worse of start and best
    constant a failed run's loss must have been for the rate to be the reason.

Remedies
    A rate of half the ceiling; what lowers λ_max: mean instead of sum, scaled inputs, smaller
    weights, fewer units.

Source
    LeCun et al. 1998, Efficient BackProp, sec. 5; with momentum: Polyak 1964; Cohen et al. 2021 for
    curvature that grows while training and networks that settle at the edge.
"""

from dataclasses import dataclass

import numpy as np

from nndiag.detectors.contract import Findings, detector
from nndiag.detectors.course import Course, course_of, reference_loss
from nndiag.finding import Evidence, Finding, Severity
from nndiag.registry import Positive
from nndiag.trace import Trace

PROBLEM = "learning-rate-above-stability-limit"


@dataclass(frozen=True)
class Ceiling:
    """The largest stable rate at one step, with the curvature behind it where that is known."""

    rate: float
    step: int
    sharpness: float | None


@detector(PROBLEM, facts=("learning_rate", "stability_ceiling"))
def learning_rate_above_stability_limit(
    trace: Trace, *, ratio: Positive = 1.0, rise: Positive = 1.5
) -> Findings:
    """The learning rate is above the largest one that is stable."""
    rate, at_start = trace.facts.learning_rate, trace.facts.stability_ceiling
    if rate is None or at_start is None:
        return []
    course = course_of(trace)
    risen = _risen(trace, course, rise=rise)
    if course.failed and risen is None:
        return []
    ceiling = Ceiling(at_start, 0, trace.facts.initial_sharpness)
    if not rate > ratio * ceiling.rate:
        later = None if not course.failed or risen is None else _lowest(trace, before=risen)
        if later is None or not rate > ratio * later.rate:
            return []
        ceiling = later
    return [_finding(trace, course, rate=rate, ceiling=ceiling)]


def _finding(trace: Trace, course: Course, *, rate: float, ceiling: Ceiling) -> Finding:
    factor = rate / ceiling.rate if ceiling.rate > 0 else np.inf
    where = f" to which the curvature had led by step {ceiling.step}" if ceiling.step else ""
    remark = "" if course.failed else "; the run found a flatter place by itself"
    evidence = [Evidence("learning_rate", observed=rate, limit=ceiling.rate)]
    if ceiling.sharpness is not None:
        steps = (ceiling.step, ceiling.step)
        evidence.append(Evidence("sharpness", ceiling.sharpness, 2 / rate, steps=steps))
    summed = (trace.facts.reduction or "").endswith("sum")
    return Finding(
        PROBLEM,
        Severity.ERROR if course.failed else Severity.NOTE,
        f"learning rate {rate:g} is {factor:.3g} × the stability ceiling "
        f"{ceiling.rate:.3g}{where}{remark}",
        evidence=tuple(evidence),
        remedies=(
            f"optimizer.learning_rate={ceiling.rate / 2:.2g}",
            *(("loss.reduction=mean",) if summed else ()),
            "dataset.scale_inputs=standardize",
        ),
    )


def _risen(trace: Trace, course: Course, *, rise: float) -> int | None:
    """The step by which the loss was well above where it should be; None if it never was.

    That is above `rise` × the worse of its start and the best constant, or, at the end of the run,
    so high that more than half of what had been gained is lost again.
    """
    curve = course.curve
    first = int(trace.step[0]) if trace.steps else 0
    if not len(curve.losses):
        return first
    reference = reference_loss(trace, curve)
    above = np.flatnonzero(np.abs(curve.losses) > rise * reference)
    if len(above):
        return first + int(curve.times[above[0]]) - 1
    lost = curve.final - curve.best > 0.5 * (reference - curve.best)
    if trace.steps and (curve.non_finite or lost):
        return int(trace.step[-1]) + 1
    return _flattened(trace)


def _flattened(trace: Trace) -> int | None:
    """The step by which most units of a hidden layer had been thrown to where nothing slopes."""
    for name in ("dead_share", "saturated_share"):
        series = trace.series.get(name)
        if series is None or len(series.steps) < 2:
            continue
        shares = np.nan_to_num(series.values[:, :-1])
        gone = ((shares > 0.5) & (shares[0] <= 0.5) & (shares[-1] > 0.5)).any(axis=1)
        if gone.any():
            return int(series.steps[np.argmax(gone)])
    return None


def _lowest(trace: Trace, *, before: int) -> Ceiling | None:
    """The lowest ceiling that was met before a step; the ceiling falls as the curvature grows."""
    series = trace.series.get("sharpness")
    at_start, initial = trace.facts.stability_ceiling, trace.facts.initial_sharpness
    if series is None or at_start is None or not initial or initial <= 0:
        return None
    met = (series.steps < before) & np.isfinite(series.values) & (series.values > 0)
    if not met.any():
        return None
    place = int(np.argmax(np.where(met, series.values, -np.inf)))
    sharpness = float(series.values[place])
    return Ceiling(at_start * initial / sharpness, int(series.steps[place]), sharpness)

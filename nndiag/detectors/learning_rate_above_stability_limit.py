"""The learning rate is above the largest one that is stable.

What it sees
    The configured rate beside the stability limit computed from the curvature of the loss before
    the first step: 2/λ_max for gradient descent, 2(1+β)/λ_max with momentum β. Where the curvature
    was recorded while training, also the stability limit at those steps. With small batches the
    rate at which their noise just fades, which is lower. With momentum near 1 the rate that its
    memory makes of the configured one, rate/(1−β), beside what descent without momentum bears. For
    optimizers that scale their steps, which have no stability limit of this kind, the length of the
    first steps beside that of the weights.

Why it matters
    Above the stability limit, each step along the steepest direction overshoots by more than it
    gains: the distance from the valley grows by a constant factor per step. Above that of the
    noise, each batch throws the weights further than it brings them forward.

Fires when
    The run did not learn and was visibly thrown (its loss rose above its start, it lost most of
    what it had gained, or most units of a layer died or saturated on the way), or has not learned
    most yet after its loss blew up; and the rate exceeds `ratio` × one of these stability limits,
    or the first steps change every layer by more than `step` of its length. A note where the
    network found a flatter place by itself. Also where the rate was below the stability limit at
    the start, and the curvature grew until it was above, before such a failure.

Silent when
    The rate is below; the run failed without being thrown (then the rate was not the reason).

Thresholds
    ratio = 1: the theory's own. With momentum the effective rate may be 20 × what plain descent
    bears: that is the most that β = 0.9 reaches on a quadratic; what theory allows beyond, up to
    2,000 × with β = 0.999, no network that bends bears. rise = 1.5: ours; how far above the worse
    of start and mean baseline a failed run's loss must have been for the rate to be the reason.
    step = 0.1: the upper end of what is usual; Adam at its ordinary rates begins with a hundredth.

Fixes
    A rate of half the stability limit; what lowers λ_max: mean instead of sum, scaled inputs,
    smaller weights, fewer units; larger batches against noise.

Source
    LeCun et al. 1998, Efficient BackProp, sec. 5; with momentum: Polyak 1964; Cohen et al. 2021 for
    curvature that grows while training and networks that settle at its limit. Noise: see
    `analysis.batch_noise`. Step over weights: Karpathy 2015, CS231n.
"""

from dataclasses import dataclass

import numpy as np

from nndiag.bounds import Positive
from nndiag.detectors.causes import OUTSIZED
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.movement import first_steps
from nndiag.detectors.run_summary import RunSummary, course_of, reference_loss
from nndiag.detectors.settings import optimizer_setting
from nndiag.detectors.underway import impairment
from nndiag.finding import Evidence, Finding, Severity, Skipped
from nndiag.formatting import chosen, number, percent
from nndiag.trace import Trace

PROBLEM = "learning-rate-above-stability-limit"
_REMEMBERED = 20.0  # times the stability limit of plain descent


@dataclass(frozen=True)
class Ceiling:
    """The largest stable rate at one step, with the curvature behind it where that is known."""

    rate: float
    step: int
    sharpness: float | None
    of_batches: bool = False
    momentum: float = 0.0


@detector(
    PROBLEM,
    stage=Stage.RATE,
    headline="learning rate too high",
    explained_by=(*OUTSIZED, "summed-loss"),
    facts=("learning_rate",),
)
def learning_rate_above_stability_limit(
    trace: Trace, *, ratio: Positive = 1.0, rise: Positive = 1.5, step: Positive = 0.1
) -> Findings:
    """The learning rate is above the largest one that is stable."""
    rate, stability_limit = trace.facts.learning_rate, _at_start(trace)
    length = first_steps(trace)
    if rate is None or (stability_limit is None and not length > 0):
        return Skipped(PROBLEM, "the trace has no stability limit")
    course = course_of(trace)
    ill = course.severity is not None or course.growth is not None
    severity = impairment(course) if ill else None
    if severity is None:
        if stability_limit is None or not rate > ratio * stability_limit.rate:
            return []
        return [_finding(trace, stability_limit, rate=rate, severity=Severity.NOTE)]
    risen = _risen(trace, course, rise=rise)
    if risen is None:
        return []
    if stability_limit is None:
        return [_thrown(trace, length, step=step, severity=severity)] if length > step else []
    met = next(
        (x for x in _limits(trace, stability_limit, before=risen) if rate > ratio * x.rate), None
    )
    return [] if met is None else [_finding(trace, met, rate=rate, severity=severity)]


def _at_start(trace: Trace) -> Ceiling | None:
    """The stability limit before the first step; None where it is not known."""
    rate = trace.facts.stability_limit
    return None if rate is None else Ceiling(rate, 0, trace.facts.initial_sharpness)


def _limits(trace: Trace, at_start: Ceiling, *, before: int) -> list[Ceiling]:
    """What a run that was thrown before a step met: at its start, on its way, by its batches."""
    noise, later = trace.facts.noise_limit, _lowest(trace, before=before)
    met = [
        at_start,
        later,
        None if noise is None else Ceiling(noise, 0, None, of_batches=True),
        _of_momentum(trace, at_start),
    ]
    return [stability_limit for stability_limit in met if stability_limit is not None]


def _of_momentum(trace: Trace, at_start: Ceiling) -> Ceiling | None:
    """The rate whose memory is as long as a network bears; None without such momentum."""
    beta = optimizer_setting(trace, "momentum") or 0.0
    if not 0 < beta < 1:
        return None
    plain = at_start.rate / (1 + beta)  # 2/λ_max
    return Ceiling(_REMEMBERED * (1 - beta) * plain, 0, None, momentum=beta)


def _finding(trace: Trace, stability_limit: Ceiling, *, rate: float, severity: Severity) -> Finding:
    factor = rate / stability_limit.rate if stability_limit.rate > 0 else np.inf
    where = (
        f" to which the curvature had led by step {stability_limit.step}"
        if stability_limit.step
        else ""
    )
    what = "the stability limit"
    if stability_limit.of_batches:
        what = f"what the noise of batches of {trace.facts.batch_size} bears:"
    if stability_limit.momentum:
        what = f"what a network bears with momentum {chosen(stability_limit.momentum)}:"
    remark = "; the run found a flatter place by itself" if severity is Severity.NOTE else ""
    evidence = [Evidence("learning_rate", observed=rate, limit=stability_limit.rate)]
    if stability_limit.sharpness is not None:
        steps = (stability_limit.step, stability_limit.step)
        evidence.append(Evidence("sharpness", stability_limit.sharpness, steps=steps))
    return Finding(
        PROBLEM,
        severity,
        f"learning rate {chosen(rate)} is {number(factor)} × {what} "
        f"{number(stability_limit.rate)}{where}{remark}",
        evidence=tuple(evidence),
    )


def _thrown(trace: Trace, length: float, *, step: float, severity: Severity) -> Finding:
    """The finding for an optimizer that scales its steps."""
    rate = trace.facts.learning_rate or 0.0
    return Finding(
        PROBLEM,
        severity,
        f"learning rate {chosen(rate)} changes every layer by {percent(length)} of its length or "
        "more in each of the first steps",
        evidence=(Evidence("update_ratio", observed=length, limit=step),),
    )


def _risen(trace: Trace, course: RunSummary, *, rise: float) -> int | None:
    """The step by which the loss was well above where it should be; None if it never was.

    That is above `rise` × the worse of its start and the mean baseline, or, at the end of the run,
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
    """The step by which most units of a layer had been thrown to where nothing slopes."""
    for name in ("dead_share", "saturated_share"):
        series = trace.series.get(name)
        if series is None or len(series.steps) < 2:
            continue
        shares = np.nan_to_num(series.values)
        gone = ((shares > 0.5) & (shares[0] <= 0.5) & (shares[-1] > 0.5)).any(axis=1)
        if gone.any():
            return int(series.steps[np.argmax(gone)])
    return None


def _lowest(trace: Trace, *, before: int) -> Ceiling | None:
    """The lowest stability limit before any step; it falls as the curvature grows."""
    series = trace.series.get("sharpness")
    at_start, initial = trace.facts.stability_limit, trace.facts.initial_sharpness
    if series is None or at_start is None or not initial or initial <= 0:
        return None
    met = (series.steps < before) & np.isfinite(series.values) & (series.values > 0)
    if not met.any():
        return None
    place = int(np.argmax(np.where(met, series.values, -np.inf)))
    sharpness = float(series.values[place])
    return Ceiling(at_start * initial / sharpness, int(series.steps[place]), sharpness)

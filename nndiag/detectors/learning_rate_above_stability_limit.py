"""The learning rate is above the largest one that is stable where the run started.

What it sees
    The configured rate beside the ceiling computed from the curvature of the loss before the first
    step: 2/λ_max for gradient descent, 2(1+β)/λ_max with momentum β, each other optimizer's own.

Why it matters
    Above the ceiling, each step along the steepest direction overshoots by more than it gains: the
    distance from the valley grows by a constant factor per step.

Fires when
    The rate exceeds `ratio` × the ceiling. It is an error where the run failed and its loss rose
    above its start or kept swinging; a note where the network found a flatter place by itself.

Silent when
    The rate is below; the run failed without ever rising (then the rate was not the reason).

Thresholds
    ratio = 1: the theory's own. rise = 1.5: ours; how far above the worse of start and best
    constant a failed run's loss must have been for the rate to be the reason.

Remedies
    A rate of half the ceiling; what lowers λ_max: mean instead of sum, scaled inputs, smaller
    weights, fewer units.

Source
    LeCun et al. 1998, Efficient BackProp, sec. 5; with momentum: Polyak 1964; Cohen et al. 2021 for
    networks that settle at the edge.
"""

import numpy as np

from nndiag.detectors.contract import Findings, detector
from nndiag.detectors.course import Course, course_of
from nndiag.finding import Evidence, Finding, Severity
from nndiag.registry import Positive
from nndiag.trace import Trace

PROBLEM = "learning-rate-above-stability-limit"


@detector(PROBLEM, facts=("learning_rate", "stability_ceiling"))
def learning_rate_above_stability_limit(
    trace: Trace, *, ratio: Positive = 1.0, rise: Positive = 1.5
) -> Findings:
    """The learning rate is above the largest one that is stable where the run started."""
    rate, ceiling = trace.facts.learning_rate, trace.facts.stability_ceiling
    if rate is None or ceiling is None or not rate > ratio * ceiling:
        return []
    course = course_of(trace)
    unstable = _rose(trace, course, rise=rise)
    if course.failed and not unstable:
        return []
    severity = Severity.ERROR if course.failed else Severity.NOTE
    factor = rate / ceiling if ceiling > 0 else np.inf
    remark = "" if course.failed else "; the run found a flatter place by itself"
    return [
        Finding(
            PROBLEM,
            severity,
            f"learning rate {rate:g} is {factor:.3g} × the stability ceiling {ceiling:.3g}{remark}",
            evidence=(
                Evidence("learning_rate", observed=rate, limit=ceiling),
                *_sharpness(trace, rate=rate),
            ),
            remedies=(
                f"optimizer.learning_rate={ceiling / 2:.2g}",
                *(("loss.reduction=mean",) if _summed(trace) else ()),
                "dataset.scale_inputs=standardize",
            ),
        )
    ]


def _rose(trace: Trace, course: Course, *, rise: float) -> bool:
    """Whether the loss was ever well above both its start and the best constant."""
    if course.curve.non_finite:
        return True
    reference = max(abs(course.curve.initial), trace.facts.baseline_loss or 0.0)
    return course.curve.peak > rise * reference


def _sharpness(trace: Trace, *, rate: float) -> tuple[Evidence, ...]:
    """The curvature behind the ceiling, where it is known."""
    sharpness = trace.facts.initial_sharpness
    if sharpness is None:
        return ()
    return (Evidence("initial_sharpness", observed=sharpness, limit=2 / rate),)


def _summed(trace: Trace) -> bool:
    return (trace.facts.reduction or "").endswith("sum")

"""How near a learning rate was to its stability limit while the run went on."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.trace.trace import Trace

_AT = 1.25  # factor around the stability limit within which a run sits at the edge of stability
_LOST = 1e3  # times its start: a loss of that size was thrown away


class StabilityTrend(StrEnum):
    """What became of a run's distance to its stability limit."""

    SETTLED = "settled at the limit"
    FLATTENED = "found a flatter place"
    THROWN = "was thrown over it"
    FELL = "moved away below it"
    ROSE = "moved nearer to it"


@dataclass(frozen=True)
class StabilityCourse:
    """The move of λ_max that says most about a run.

    Attributes:
        course: What it was.
        step: Step at which it had happened; the number of steps for the end of the run.
        sharpness: λ_max there.
        ratio: The learning rate of that step over its stability limit there.
        stability_limit: That limit.
    """

    course: StabilityTrend
    step: int
    sharpness: float
    ratio: float
    stability_limit: float


def stability_course(trace: Trace) -> StabilityCourse | None:
    """What λ_max did in a run; None where it is not known or hardly moved.

    A run that starts below its stability limit often sharpens until it reaches it and stays there.

    Source: Cohen et al. 2021, sections 3 and 4 (progressive sharpening, edge of stability).
    """
    steps, sharpness, ratios, limits = _measured(trace)
    if len(ratios) < 2:
        return None
    start, end = float(ratios[0]), float(ratios[-1])
    lost = not np.nanmax(trace.loss[-1:]) <= _LOST * abs(trace.loss[0])
    over = np.flatnonzero(ratios > 1)
    if lost:
        if start > 1 or not len(over):
            return None  # it was above from the start, or λ_max is not what threw it
        course, place = StabilityTrend.THROWN, int(over[0])
    elif max(start / end, end / start) < _AT:
        return None
    elif 1 / _AT <= end <= _AT:
        course, place = StabilityTrend.SETTLED, len(ratios) - 1
    elif start > 1 > end:
        course, place = StabilityTrend.FLATTENED, int(over[-1]) + 1
    else:
        course, place = (
            (StabilityTrend.FELL if end < start else StabilityTrend.ROSE),
            len(ratios) - 1,
        )
    ratio, limit = float(ratios[place]), float(limits[place])
    return StabilityCourse(course, int(steps[place]), float(sharpness[place]), ratio, limit)


def _measured(trace: Trace) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Steps, λ_max, rate over limit, and limit, wherever λ_max is known and positive, (N,) each."""
    theory, series = trace.facts.stability, trace.series.get("sharpness")
    nothing = np.zeros(0)
    if theory is None or theory.adaptive or not theory.ratio or not theory.sharpness:
        return nothing, nothing, nothing, nothing
    steps = np.zeros(0) if series is None else series.steps.astype(np.float64)
    values = np.zeros(0) if series is None else series.values
    if trace.ending is not None and trace.ending.largest_eigenvalue is not None:
        steps = np.append(steps, trace.step[-1] + 1.0)
        values = np.append(values, trace.ending.largest_eigenvalue)
    known = np.isfinite(values) & (values > 0)
    steps, values = steps[known], values[known]
    rates = trace.series.get("learning_rate")
    decay = np.ones(len(steps))
    if rates is not None and theory.learning_rate > 0:
        decay = np.interp(steps, rates.steps, rates.values) / theory.learning_rate
    initial = trace.facts.initial_sharpness or theory.sharpness
    ratios = theory.ratio * decay * values / initial
    return steps, values, ratios, theory.learning_rate * decay / ratios

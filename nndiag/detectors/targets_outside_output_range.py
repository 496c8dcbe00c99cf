"""Targets lie where the output activation cannot go.

What it sees
    Targets below the lower or above the upper bound of the last layer's activation: negative ones
    behind a ReLU, 5 behind a tanh, 1 … 10 behind a sigmoid. Also targets that reach the very end of
    a range, which a tanh or sigmoid only approaches.

Why it matters
    No training can reach them: the loss has a floor that no rate, start or optimizer goes below.

Fires when
    More than `share` of the targets lie outside the range by more than `margin` of its width (one
    infinite end: of the targets' spread). Or the run came to rest with targets of many values that
    reach an end, and more than half of the remaining error belongs to the ends.

Silent when
    All targets lie inside, or are labels at both ends of the range (0 and 1 behind a sigmoid); the
    output is unbounded; the run learned the ends well enough.

Thresholds
    share = 0.01, margin = 0.001: ours; single outliers and rounding do not count.
    end = 0.1: the part of the range next to an end that counts as belonging to it.

Fixes
    A linear output layer; targets scaled into the range.

Source
    LeCun et al. 1998, Efficient BackProp, sec. 4.5: targets belong inside the range.
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.bounds import NonNegative, Share
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.finding import Evidence, Finding, Outcome, Severity, Skipped
from nndiag.formatting import chosen, number, percent
from nndiag.trace import LayerFacts, Trace

PROBLEM = "targets-outside-output-range"
_LABELS = 2  # so few values at the ends of the range are labels
_MANY = 0.1  # so many targets out of reach are an error in every run that did not learn well
_LEARNED = 0.99  # R² from which the floor does not matter


@detector(
    PROBLEM,
    stage=Stage.TASK,
    explained_by=("loss-does-not-fit-output",),
    facts=("targets", "layers"),
)
def targets_outside_output_range(
    trace: Trace, *, share: Share = 0.01, margin: NonNegative = 1e-3, end: Share = 0.1
) -> Findings:
    """Targets lie where the output activation cannot go."""
    layer, targets = trace.facts.layers[-1], trace.facts.targets
    if not (np.isfinite(layer.low) or np.isfinite(layer.high)):
        return Skipped(PROBLEM, f"a {layer.activation} output layer reaches every target")
    if targets is None or not np.isfinite(targets).all():
        return Skipped(PROBLEM, "the targets are not finite")
    width = layer.high - layer.low
    width = width if np.isfinite(width) else float(np.ptp(targets))
    outside = (targets < layer.low - margin * width) | (targets > layer.high + margin * width)
    if outside.mean() > share:
        return [_outside(trace, layer, targets, outside=float(outside.mean()), limit=share)]
    floor = _floor(trace, layer, targets, end=end * width)
    return [] if floor is None else [floor]


def _outside(
    trace: Trace, layer: LayerFacts, targets: FloatArray, *, outside: float, limit: float
) -> Finding:
    """The finding for targets that cannot be reached at all."""
    course = course_of(trace)
    failed = course.failed or (outside > _MANY and not course.good)
    return Finding(
        PROBLEM,
        Severity.ERROR if failed else Severity.WARNING,
        f"{percent(outside)} of the targets lie outside what a {layer.activation} output can give "
        f"({_range(layer)}): they run from {number(targets.min())} to {number(targets.max())}",
        evidence=(Evidence("targets", outside, limit, layer.name, measure="share"),),
        layer=layer.name,
    )


def _range(layer: LayerFacts) -> str:
    """What an output can be: "0 to 1", "0 and above"."""
    high = f"to {chosen(layer.high)}" if np.isfinite(layer.high) else "and above"
    return f"{chosen(layer.low)} {high}"


def _floor(trace: Trace, layer: LayerFacts, targets: FloatArray, *, end: float) -> Finding | None:
    """The finding for targets at an end that is only approached, where that limits the run."""
    course = course_of(trace)
    predictions = trace.ending.predictions if trace.ending is not None else None
    at_rest = course.outcome in (Outcome.CONVERGED, Outcome.STALLED)
    if predictions is None or predictions.shape != targets.shape or not at_rest:
        return None
    if course.r_squared is None or course.r_squared > _LEARNED or layer.activation == "relu":
        return None
    reached = bool(targets.min() <= layer.low or targets.max() >= layer.high)
    near = (targets <= layer.low + end) | (targets >= layer.high - end)
    errors = (predictions - targets) ** 2
    if not reached or len(np.unique(targets)) <= _LABELS or errors.sum() == 0:
        return None
    observed = float(errors[near].sum() / errors.sum())
    if observed <= max(0.5, 2 * float(near.mean())):
        return None
    return Finding(
        PROBLEM,
        Severity.WARNING,
        f"targets reach {chosen(targets.max() if targets.max() >= layer.high else targets.min())}, "
        f"the end that a {layer.activation} output only approaches; {percent(observed)} of the "
        "remaining error lies there",
        evidence=(Evidence("remaining_error", observed, 0.5, layer.name, measure="share"),),
        layer=layer.name,
    )

"""The run was stopped while it had most of the way before it.

What it sees
    A loss that is still falling, far above what the data allow; or weights that have hardly moved,
    while a local step could still take off a good part of the loss.

Why it matters
    Nothing may be wrong but the number of steps. What the curve looks like so far says little about
    where it would end.

Fires when
    The loss is still falling and less than three quarters of what the data allow is learned (an
    error below a tenth, unless the run was short; a note from a half on, where as many steps again
    would take off most of the loss). Or the run had fewer than `few` steps and is not done. Or
    early stopping ended it while its training loss and its validation loss were both still falling.
    Or it looks stalled, its weights moved less than `moved` of their length, and as many steps
    again (more than `gain` of the loss) or a local quadratic step (more than `left`) would lower
    the loss.

Silent when
    Most of what the data allow is learned; the loss is flat and nothing is left to gain; the
    weights have moved and it did not help.

Thresholds
    moved = 0.5, few = 50, gain = 0.02, left = 0.1: ours, calibrated on networks of 1 to 3 layers
    that were stopped after 5 to 60 steps.

Fixes
    More steps, or more patience; a higher learning rate; Adam.

Source
    Ours. Stopping too early as the mirror image of Prechelt 1998, Early stopping — but when?
"""

import numpy as np

from nndiag.bounds import Count, Positive, Share
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.movement import path
from nndiag.detectors.run_summary import RunSummary, course_of
from nndiag.detectors.underway import distance
from nndiag.finding import Evidence, Finding, Outcome, Severity
from nndiag.formatting import percent, r_squared_words, rough
from nndiag.trace import Trace

PROBLEM = "not-enough-steps"
_HALF = 0.5
_UNDECIDED = (Outcome.IMPROVING, Outcome.STALLED)


@detector(
    PROBLEM,
    stage=Stage.LENGTH,
    explained_by=(
        Stage.TASK,
        "identical-units",
        Stage.DATA,
        Stage.SCALE,
        Stage.START,
        Stage.RULE,
        Stage.PACE,
        Stage.RATE,
        Stage.CAPACITY,
        Stage.OVERFLOW,
        Stage.GROWTH,
        Stage.SWINGS,
        Stage.UNITS,
        Stage.SIGNAL,
        "noisy-steps",
    ),
    series=("update_ratio",),
)
def not_enough_steps(
    trace: Trace, *, moved: Positive = 0.5, few: Count = 50, gain: Share = 0.02, left: Share = 0.1
) -> Findings:
    """The run was stopped while it had most of the way before it."""
    course = course_of(trace)
    severity, begun = distance(course), trace.steps < few and course.outcome in _UNDECIDED
    stopped = trace.ending is not None and trace.ending.reason == "stopped early"
    waited = stopped and course.outcome is Outcome.IMPROVING
    if severity is None and (begun or waited) and not course.good:
        severity = Severity.WARNING
    if severity is None or course.outcome is Outcome.CONVERGED:
        return []
    good_way = course.fast and not course.short and (course.learned.share or 0.0) >= _HALF
    if good_way and not waited:
        severity = Severity.NOTE
    falling = course.expected_gain / max(abs(course.curve.final), 1e-300)
    evidence = [Evidence("loss", observed=falling, limit=gain, measure="expected fall")]
    if course.outcome is Outcome.IMPROVING:
        what = f"the loss is still falling, by {percent(falling)} in as many steps again"
        if falling < gain:
            what = "too few to tell where the loss would end"
        if waited:
            what = (
                "it was stopped early, by a few epochs that were worse by chance: both losses fall"
            )
    else:
        way, local = path(trace), _local_gain(course)
        more = way < moved and (falling > gain or local > left)
        if not (way > 0 and (begun or more)):
            return []
        what = "too few to tell where the loss would end"
        if np.isfinite(way):  # weights that begin at zero have no length
            what = f"the weights have moved by {rough(way)} of their length"
            evidence = [Evidence("path", way, moved), *evidence]
    r_squared = (
        ""
        if course.r_squared is None
        else f", at R² {r_squared_words(course.r_squared)} (0: predicts the mean)"
    )
    return [
        Finding(
            PROBLEM,
            severity,
            f"the run ends after {_steps(trace.steps)}{r_squared}: {what}",
            evidence=tuple(evidence),
        )
    ]


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count:,} steps"


def _local_gain(course: RunSummary) -> float:
    """What a local quadratic step would take off, as a share of the loss; 0 where not known."""
    decrement = course.numbers.get("newton_decrement", 0.0)
    return decrement / max(abs(course.curve.final), 1e-300)

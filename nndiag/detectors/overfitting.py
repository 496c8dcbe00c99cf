"""The network learns the training examples by heart and gets worse on others.

What it sees
    The loss over the validation examples, which fell at first, rises while the training loss falls;
    or it rests far above the training loss, where much is not explained.

Why it matters
    From the best point on, what is learned is the noise of these examples. The training loss says
    nothing about new ones.

Fires when
    The validation loss ended more than `rise` above its smallest value (each the median of three
    neighbouring records), while the training loss fell by more than `rise` of its own, and the
    remaining gap is no noise of the records. Or it ended above `missed` of the mean baseline's loss
    and above `apart` × the training loss.

Silent when
    There are no validation examples, or they lie where no training example is, or on another level
    (see `extrapolation`); both losses rise or rest; the validation loss is still next to nothing
    beside its first value; both losses are high (see what keeps the training from it).

Thresholds
    rise = 0.3: ours, above the 5 to 20 % by which validation losses of healthy runs waver.
    A warning needs a cost: the best point, or else the training examples, are better by 5 % of what
    a constant gets wrong, in accuracy for classes and in R² for numbers, and by more than two
    standard errors of so few validation examples. Without one it is a note.
    missed = 0.3, apart = 4: ours. In healthy runs that leave more than 0.02 of the mean baseline's
    loss the two are at most 2.5 times apart, where ten examples are known by heart 8 to 50 times.
    floor = 0.02: last over first validation loss, below which nothing is wrong. It is a warning,
    however grave: the training itself succeeded.

Fixes
    Stop earlier; weight decay; more data; fewer units.

Source
    Prechelt 1998, Early stopping — but when?, sec. 2 (generalization loss).
"""

import numpy as np

from nndiag.bounds import Positive, Share
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.held_out import are_others, calm_losses, turn_of
from nndiag.detectors.run_summary import course_of
from nndiag.detectors.validation_cost import ValidationCost, validation_cost
from nndiag.finding import Evidence, Finding, Outcome, Severity
from nndiag.formatting import number, percent
from nndiag.trace import Trace

PROBLEM = "overfitting"


@detector(
    PROBLEM,
    stage=Stage.HELD_OUT,
    explained_by=(
        "loss-does-not-fit-output",
        "mismatched-data",
        Stage.DATA,
    ),
    series=("validation_loss", "training_loss"),
)
def overfitting(
    trace: Trace,
    *,
    rise: Positive = 0.3,
    floor: Share = 0.02,
    missed: Share = 0.3,
    apart: Positive = 4.0,
) -> Findings:
    """The network learns the training examples by heart and gets worse on others."""
    both = calm_losses(trace)
    if both is None or are_others(trace) or course_of(trace).outcome is Outcome.DIVERGED:
        return []
    outside, inside = (float(losses[-1]) for losses in both)
    turned, cost = turn_of(trace, rise=rise, floor=floor), validation_cost(trace)
    limit = max(missed * (trace.facts.baseline_loss or np.inf), apart * inside)
    by_heart = outside > limit and (cost is None or cost.of_others)
    if turned is not None:
        message = (
            f"the validation loss rose by {percent(turned.rise)} after step {turned.steps[0]}, to "
            f"{number(outside)}, while the training loss fell by {percent(turned.learned)}, to "
            f"{number(inside)}"
        )
        seen = Evidence("validation_loss", turned.rise, rise, steps=turned.steps, measure="rise")
        costly = by_heart or cost is None or cost.of_time
        return [_finding(message, seen) if costly else _without_cost(message, seen, cost)]
    if not by_heart:
        return []
    message = (
        f"the validation examples are at loss {number(outside)}, the training examples at "
        f"{number(inside)}: they are known by heart"
    )
    return [_finding(message, Evidence("validation_loss", outside, limit))]


def _finding(message: str, evidence: Evidence) -> Finding:
    return Finding(PROBLEM, Severity.WARNING, message, evidence=(evidence,))


def _without_cost(message: str, evidence: Evidence, cost: ValidationCost | None) -> Finding:
    return Finding(PROBLEM, Severity.NOTE, f"{message}; it costs nothing: {cost}", (evidence,))

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
    There are no validation examples; both losses rise or rest; the validation loss is still next to
    nothing beside its first value; both losses are high (see what keeps the training from it).

Thresholds
    rise = 0.3: ours, above the 5 to 20 % by which validation losses of healthy runs waver.
    missed = 0.3, apart = 4: ours. In healthy runs that leave more than 0.02 of the mean baseline's
    loss the two are at most 2.5 times apart, where ten examples are known by heart 8 to 50 times.
    floor = 0.02: last over first validation loss, below which nothing is wrong. It is a warning,
    however grave: the training itself succeeded.

Remedies
    Stop earlier; weight decay; more data; fewer units.

Source
    Prechelt 1998, Early stopping — but when?, sec. 2 (generalization loss).
"""

import numpy as np

from nndiag.bounds import Positive, Share
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.course import course_of
from nndiag.finding import Evidence, Finding, Outcome, Severity
from nndiag.numbers import number, percent
from nndiag.trace import FloatArray, Trace

PROBLEM = "overfitting"
_FEWEST = 12  # records of both losses


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
    held_out, training = trace.series["validation_loss"], trace.series["training_loss"]
    same = np.array_equal(held_out.steps, training.steps)
    if not same or len(held_out.steps) < _FEWEST or course_of(trace).outcome is Outcome.DIVERGED:
        return []
    if not (np.isfinite(held_out.values).all() and np.isfinite(training.values).all()):
        return []
    outside, inside = _calm(held_out.values), _calm(training.values)
    best = int(np.argmin(outside))
    step = int(held_out.steps[best])
    turned = _turned(outside, inside, rise=rise, floor=floor)
    if turned is not None:
        grown, learned = turned
        message = (
            f"the validation loss rose by {percent(grown)} after step {step}, to "
            f"{number(outside[-1])}, while the training loss fell by {percent(learned)}, to "
            f"{number(inside[-1])}"
        )
        steps = (step, int(held_out.steps[-1]))
        return [
            _finding(
                message,
                Evidence("validation_loss", grown, rise, steps=steps, measure="rise"),
            )
        ]
    limit = max(missed * (trace.facts.baseline_loss or np.inf), apart * inside[-1])
    if not outside[-1] > limit:
        return []
    message = (
        f"the validation examples are at loss {number(outside[-1])}, the training examples at "
        f"{number(inside[-1])}: they are known by heart"
    )
    return [_finding(message, Evidence("validation_loss", float(outside[-1]), limit))]


def _turned(
    outside: FloatArray, inside: FloatArray, *, rise: float, floor: float
) -> tuple[float, float] | None:
    """How much one loss rose, and the other fell, since the best; None where it did not turn."""
    best = int(np.argmin(outside))
    grown = float(outside[-1] / outside[best] - 1) if outside[best] > 0 else 0.0
    learned = float(1 - inside[-1] / inside[best]) if inside[best] > 0 else 0.0
    untouched = outside[-1] <= floor * outside[0]
    wavers = outside[-1] - outside[best] <= _waver(outside)
    return None if grown <= rise or learned <= rise or untouched or wavers else (grown, learned)


def _finding(message: str, evidence: Evidence) -> Finding:
    return Finding(PROBLEM, Severity.WARNING, message, evidence=(evidence,))


def _calm(values: FloatArray) -> FloatArray:
    """Medians of three neighbours; the ends keep two."""
    padded = np.concatenate([values[:1], values, values[-1:]])
    return np.asarray(np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0))


def _waver(values: FloatArray) -> float:
    """By how much neighbouring records differ, typically, over the second half of them."""
    tail = values[len(values) // 2 :]
    return 3 * float(np.median(np.abs(np.diff(tail, n=2))))

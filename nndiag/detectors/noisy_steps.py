"""The noise of small batches keeps the loss up.

What it sees
    A run in mini-batches whose loss over all examples no longer falls, but jumps from record to
    record, although there is more to gain.

Why it matters
    Each step follows its own few examples. At a constant rate the weights then wander around the
    valley at a distance that grows with the rate and shrinks with the batch.

Fires when
    The run ended without having learned what the data allow, each step sees fewer than all
    examples, and over the last quarter of the records the loss over all examples jumps up and down
    by more than `jump` of what a model could still take off it (the smaller of the median first and
    second difference, so that a steady fall is no jump). Where the loss is said to be falling
    still, by no more than such a jump.

Silent when
    Steps see all examples (see `oscillating-loss`); the run learned, falls steadily, or diverged;
    the loss over all examples is calm, however noisy that of the batches.

Thresholds
    jump = 0.05: ours. Runs on batches that rest for other reasons (output, rate, data) have jumps
    below 0.03, those whose rate is too large for their batches 0.05 to 0.8.

Fixes
    A larger batch; a lower or decaying learning rate.

Source
    Bottou, Curtis and Nocedal 2018, Optimization methods for large-scale machine learning, th. 4.6:
    at a constant rate the expected loss stays above its minimum by rate × gradient noise.
"""

import numpy as np

from nndiag.bounds import Positive
from nndiag.detectors.causes import UNSETTLED
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.jumps import typical_jump
from nndiag.detectors.run_summary import course_of
from nndiag.finding import Evidence, Finding, Outcome, Skipped
from nndiag.formatting import number, percent
from nndiag.trace import Trace

PROBLEM = "noisy-steps"
_FEWEST = 5  # records in the last quarter


@detector(
    PROBLEM,
    stage=Stage.LENGTH,
    explained_by=(*UNSETTLED, Stage.UNITS),
    series=("training_loss",),
    facts=("batch_size", "inputs"),
)
def noisy_steps(trace: Trace, *, jump: Positive = 0.05) -> Findings:
    """The noise of small batches keeps the loss up."""
    if trace.facts.full_batch is not False:
        return Skipped(PROBLEM, "each step sees all examples")
    course, losses = course_of(trace), trace.series["training_loss"]
    tail = losses.values[-(len(losses.values) // 4) :]
    if len(losses.values) < 4 * _FEWEST:
        return Skipped(PROBLEM, f"fewer than {4 * _FEWEST} records of the loss over all examples")
    if course.severity is None or course.outcome is Outcome.DIVERGED or not np.isfinite(tail).all():
        return []
    level = float(np.median(np.abs(tail)))
    changes = typical_jump(tail)
    falling = course.outcome is Outcome.IMPROVING and course.expected_gain > changes
    limit = jump * course.learned.left
    if falling or not changes > limit * level:
        return []
    steps = (int(losses.steps[-len(tail)]), int(losses.steps[-1]))
    size = trace.facts.batch_size or 1
    return [
        Finding(
            PROBLEM,
            course.severity,
            f"with batches of {size} the loss over all examples jumps by "
            f"{percent(changes / level)} of its level, {number(level)}, from record to record",
            evidence=(
                Evidence("training_loss", changes / level, limit, steps=steps, measure="jump"),
            ),
        )
    ]

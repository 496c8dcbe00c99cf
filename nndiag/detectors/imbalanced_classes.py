"""One class is so frequent that the network always names it.

What it sees
    Examples most of which are of one class, and a classifier that puts hardly any example into
    another one, although its outputs are higher for that one's examples.

Why it matters
    Naming the frequent class is right in most cases, so that the loss and the accuracy look fair
    while the rare class is never found. An accuracy says something only beside that of a constant.

Fires when
    The most frequent class has at least `share` of the examples; of another one, with at least
    `examples` examples, fewer than half are recognised, and naming it saves no more than `found` of
    the mistakes of never naming it: those recognised, less the others that are taken for it; and
    the output of that class ranks its examples above the others by more than chance (a rank-sum
    test beyond `certain` standard errors, on the validation examples where there are enough).

Silent when
    The run diverged, has only begun, or recognises the rare classes; its outputs tell nothing (then
    the inputs, or the training, are at fault); the targets are no classes.

Thresholds
    share = 0.7, found = 0.1, examples = 10, certain = 3: ours. At half of one class a threshold of
    0.5 needs no help; three standard errors are chance in one of 740 classes.

Fixes
    Weights with which the classes count the same: `loss.class_weights=balanced`; or another
    threshold than the largest output; measure recall and precision instead of the accuracy.

Source
    He and Garcia 2009, Learning from imbalanced data, sec. 2 and 4; Mann and Whitney 1947.
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.bounds import Count, Positive, Share
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import RunSummary, course_of
from nndiag.finding import Evidence, Finding, Outcome, Severity, Skipped
from nndiag.formatting import percent
from nndiag.trace import Trace
from nndiag.trace.classes import Classes, classes_of

PROBLEM = "imbalanced-classes"
_HALF = 0.5


@detector(
    PROBLEM,
    stage=Stage.DATA,
    explained_by=("loss-does-not-fit-output", "nothing-to-learn"),
    facts=("targets",),
    ending=("predictions",),
)
def imbalanced_classes(
    trace: Trace,
    *,
    share: Share = 0.7,
    found: Share = 0.1,
    examples: Count = 10,
    certain: Positive = 3.0,
) -> Findings:
    """One class is so frequent that the network always names it."""
    targets, course = trace.facts.targets, course_of(trace)
    classes = classes_of(targets, loss=trace.facts.loss)
    predictions = trace.ending.predictions if trace.ending is not None else None
    if classes is None or targets is None or predictions is None:
        return Skipped(PROBLEM, "the targets are no classes")
    frequent, most = int(classes.shares.argmax()), float(classes.shares.max())
    if most < share or not _is_over(course) or predictions.shape != targets.shape:
        return []
    named = classes.of(predictions)
    for rare in range(classes.count):
        own = classes.labels == rare
        recall = float(np.mean(named[own] == rare)) if own.any() else 1.0
        saved = recall - float(np.sum(named[~own] == rare)) / max(int(own.sum()), 1)
        if rare == frequent or own.sum() < examples or recall >= _HALF or saved > found:
            continue
        if _ranks(trace, classes, predictions, rare=rare, examples=examples) < certain:
            continue
        message = (
            f"{percent(most)} of the examples are class {frequent}: a constant is right in "
            f"{percent(most)}; of class {rare} {percent(recall)} are recognised, although its "
            "output is higher on them (loss.class_weights=balanced lets the classes count the same)"
        )
        evidence = (
            Evidence("targets", most, share, measure="largest class"),
            Evidence("predictions", saved, found, measure=f"mistakes saved by class {rare}"),
        )
        return [Finding(PROBLEM, Severity.WARNING, message, evidence=evidence, mild=True)]
    return []


def _is_over(course: RunSummary) -> bool:
    """Whether the run went so far that its classes mean something."""
    if course.outcome is Outcome.IMPROVING:
        return not (course.short or course.fast)
    return course.outcome not in (Outcome.DIVERGED, Outcome.INTERRUPTED)


def _ranks(
    trace: Trace, classes: Classes, predictions: FloatArray, *, rare: int, examples: int
) -> float:
    """By how many standard errors a class's output is higher on its own examples.

    Source: the rank-sum statistic of Mann and Whitney; equal outputs have their mean rank.
    """
    others = trace.facts.validation_targets
    held_out = trace.ending.validation_predictions if trace.ending is not None else None
    labels = classes.labels
    if others is not None and held_out is not None and held_out.shape == others.shape:
        theirs = classes.of(others)
        if (theirs == rare).sum() >= examples:
            labels, predictions = theirs, held_out
    column = rare if classes.middle is None else 0
    scores = predictions[:, column] if classes.middle is None or rare else -predictions[:, column]
    own = labels == rare
    first, second = int(own.sum()), int((~own).sum())
    if not (first and second and np.isfinite(scores).all()):
        return 0.0
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    surplus = float(ranks[own].sum()) - first * (first + second + 1) / 2
    return surplus / float(np.sqrt(first * second * (first + second + 1) / 12))

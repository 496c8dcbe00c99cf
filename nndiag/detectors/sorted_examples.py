"""The examples are sorted and not shuffled: each stretch of them undoes the others.

What it sees
    Steps that go through the examples in the order of the file, where examples that follow one
    another have like targets: one class after the other, or targets that rise along the file.

Why it matters
    For a while all steps pull the network to the same answer. It learns that one and forgets the
    others, and at the end of an epoch it knows best what came last.

Fires when
    In a run in mini-batches that has not learned what the data allow, more than `share` of the
    targets' variance lies between the stretches of the examples that the steps see, and the network
    follows them: the mean loss of the last epoch's batches is below `forgotten` × the loss over all
    examples (what was just seen is known far better than the rest), or over the last quarter of
    the records the mean prediction jumps by more than `swing` × the targets' std.

Silent when
    The examples are shuffled or drawn at random, or a step sees all of them; the order of the file
    is a random one, or the classes take turns; the run learned all the same, or its steps are so
    small that an epoch teaches as much as all examples at once; the loss ran away, or blew up at a
    rate above its stability limit.

Thresholds
    share = 0.5, forgotten = 0.6, swing = 0.15: ours. Examples in random order have a share near 0,
    sorted classes and values 0.8 to 1. Of 250 runs over sorted examples those that shuffling would
    help little have a ratio of losses of 0.7 to 1.5 and mean predictions that jump by 0 to 0.12,
    those that it would help most 0.05 to 0.6, or jumps of 0.2 to 0.7.

Fixes
    Shuffled examples; larger batches.

Source
    LeCun et al. 1998, Efficient BackProp, sec. 4.2; McCloskey and Cohen 1989, Catastrophic
    interference in connectionist networks.
"""

import numpy as np

from nndiag.bounds import Positive, Share
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.curve import is_summed, steps_per_epoch
from nndiag.detectors.jumps import typical_jump
from nndiag.detectors.order import share_between_stretches
from nndiag.detectors.run_summary import course_of
from nndiag.detectors.underway import impairment
from nndiag.finding import Evidence, Finding, Outcome, Severity, Skipped
from nndiag.formatting import number, percent, rough
from nndiag.trace import Trace

PROBLEM = "sorted-examples"
_FEWEST = 5  # records in the last quarter, and in the first epochs
_EPOCHS = 2


@detector(
    PROBLEM,
    stage=Stage.DATA,
    facts=("inputs", "targets", "batch_size", "settings"),
    ending=("loss",),
)
def sorted_examples(
    trace: Trace, *, share: Share = 0.5, forgotten: Positive = 0.6, swing: Positive = 0.15
) -> Findings:
    """The examples are sorted and not shuffled: each stretch of them undoes the others."""
    between = share_between_stretches(trace)
    if between is None:
        return Skipped(PROBLEM, "no step goes through a part of the examples in their own order")
    course = course_of(trace)
    if course.good or _ran_away(trace) or between <= share:
        return []
    looked_at = (
        _forgetting(trace, forgotten),
        _swinging(trace, swing),
        _jumping(trace, 2 * swing),
        _following(trace, 2 * swing),
    )
    signs = [x for x in looked_at if x is not None]
    if not signs:
        return []
    told, evidence = signs[0]
    return [
        Finding(
            PROBLEM,
            impairment(course) or Severity.WARNING,
            f"the examples are sorted and not shuffled: {percent(between)} of the targets' "
            f"variance lies between {_stretches(trace)}, not within them; {told}",
            evidence=(Evidence("targets", between, share, measure="sorted share"), evidence),
        )
    ]


def _ran_away(trace: Trace) -> bool:
    """Whether the loss blew up for good, or at a rate that is too large in any order."""
    course, facts = course_of(trace), trace.facts
    if course.growth is None:
        return course.curve.non_finite
    stability_limit = facts.noise_limit or facts.stability_limit or np.inf
    return course.outcome is Outcome.DIVERGED or (facts.learning_rate or 0.0) > stability_limit


def _stretches(trace: Trace) -> str:
    single = trace.facts.batch_size == 1
    return "pairs of neighbours" if single else "steps"


def _forgetting(trace: Trace, limit: float) -> tuple[str, Evidence] | None:
    """That the last epoch's batches, each before its own update, were known better than all is."""
    losses = trace.loss[-(steps_per_epoch(trace) or 1) :]
    seen = float(losses.sum() if is_summed(trace) else losses.mean())
    curve = course_of(trace).curve
    if not seen < limit * curve.settled:
        return None
    told = (
        f"the last epoch's batches were at loss {number(seen)}, all examples are at "
        f"{number(curve.final)}"
    )
    return told, Evidence(
        "loss", seen / curve.settled, limit, measure="ratio of what was just seen"
    )


def _swinging(trace: Trace, limit: float) -> tuple[str, Evidence] | None:
    """That the mean prediction follows what the steps have just seen."""
    means, targets = trace.series.get("prediction_mean"), trace.facts.targets
    if means is None or targets is None or len(means.steps) < 4 * _FEWEST:
        return None
    tail = len(means.steps) // 4
    jump = typical_jump(means.values[-tail:]) / max(float(targets.std()), 1e-300)
    if not jump > limit:
        return None
    told = f"the mean prediction jumps by {rough(jump)} × the targets' std, to what came last"
    steps = (int(means.steps[-tail]), int(means.steps[-1]))
    return told, Evidence("prediction_mean", jump, limit, steps=steps, measure="jump")


def _following(trace: Trace, limit: float) -> tuple[str, Evidence] | None:
    """That the mean prediction went there and back in the first two epochs, with what was seen.

    Later it may follow nothing: what so large swings have killed stays dead.
    """
    means, targets = trace.series.get("prediction_mean"), trace.facts.targets
    epoch = steps_per_epoch(trace)
    if means is None or targets is None or not epoch:
        return None
    early = means.values[means.steps <= _EPOCHS * epoch]
    if len(early) < _FEWEST or not np.isfinite(early).all():
        return None
    low, high = int(early.argmin()), int(early.argmax())
    down = min(early[: low + 1].max(), early[low:].max()) - early[low]
    up = early[high] - max(early[: high + 1].min(), early[high:].min())
    swing = float(max(down, up)) / max(float(targets.std()), 1e-300)
    if not swing > limit:
        return None
    told = (
        f"in the first {_EPOCHS} epochs the mean prediction went {rough(swing)} × the targets' std "
        "away and back, with the examples"
    )
    steps = (int(means.steps[0]), int(means.steps[len(early) - 1]))
    return told, Evidence("prediction_mean", swing, limit, steps=steps, measure="swing")


def _jumping(trace: Trace, limit: float) -> tuple[str, Evidence] | None:
    """That the loss over all examples is another one wherever in the order it is measured."""
    losses = trace.series.get("training_loss")
    if losses is None or len(losses.steps) < 4 * _FEWEST:
        return None
    tail = losses.values[-(len(losses.steps) // 4) :]
    level = float(np.median(np.abs(tail)))
    jump = typical_jump(tail) / max(level, 1e-300)
    if not limit < jump < np.inf:
        return None
    told = f"the loss over all examples jumps by {percent(jump)} of its level"
    steps = (int(losses.steps[-len(tail)]), int(losses.steps[-1]))
    return told, Evidence("training_loss", jump, limit, steps=steps, measure="jump")

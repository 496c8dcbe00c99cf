"""Dropout takes so much of the network that what is left cannot learn the task.

What it sees
    A run with dropout that rests well above what its network reaches, while the values that each
    step drops make a good part of the loss.

Why it matters
    Training sets a share of a layer's values to zero in every step, each time other ones, so that
    no unit relies on another. It acts against overfitting: it costs some of the training
    loss. In a small network, or at a high share, the units that are left are too few, and the run
    rests at a compromise of all thinned networks. Evaluation uses all units and drops nothing, so
    the loss over all examples is smaller than those of the steps; a program that goes on dropping
    where it evaluates shows the steps' loss there, too.

Fires when
    The run did not learn what there is to learn and came to rest; its steps' losses are at least
    `cost` above the loss of the whole network; and a strong optimizer brings the same network,
    without dropout, to less than half of the loss. In a run that still improves what is dropped
    has to make more than half of the steps' loss, unless it improves slowly although its weights
    went further than their own length. Or the run diverged at a rate that its network
    bears without dropout, but not as much steeper as dropout makes it.

Silent when
    The run learned; there is no dropout; it was not measured what the network can reach; no
    optimizer gets it further either; the rate is too high for the whole network, too, or the
    optimizer has no stability limit.

Thresholds
    cost = 0.1: ours. With little dropout the steps' loss is within a few per cent of
    the whole network's. What is kept of a layer is multiplied by 1/(1 − share), so that squares of
    it, and with them the curvature of the layer above, are so much larger in the mean.

Fixes
    Less dropout, or none; more units: n/(1 − share) of them keep n on average.

Source
    Srivastava et al. 2014, Dropout, sec. 7.3 (the effect of the share) and appendix A.2 (width).
"""

import numpy as np

from nndiag.bounds import Positive
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.movement import path
from nndiag.detectors.reference import reference_of
from nndiag.detectors.run_summary import course_of
from nndiag.finding import Evidence, Finding, Outcome, Severity, Skipped
from nndiag.formatting import chosen, number, percent
from nndiag.trace import Trace

PROBLEM = "dropout-too-strong"
_TAIL = 0.2  # the last share of the run, over which the steps' losses are taken
_AT_REST = (Outcome.CONVERGED, Outcome.STALLED)


@detector(
    PROBLEM,
    stage=Stage.RULE,
    series=("training_loss",),
    facts=("layers", "reduction"),
    ending=("loss",),
)
def dropout_too_strong(trace: Trace, *, cost: Positive = 0.1) -> Findings:
    """Dropout takes so much of the network that what is left cannot learn the task."""
    share = max((layer.dropout for layer in trace.facts.layers), default=0.0)
    if share == 0:
        return Skipped(PROBLEM, "there is no dropout")
    course, ending = course_of(trace), trace.ending
    if course.outcome is Outcome.DIVERGED:
        return _too_steep(trace, share)
    if course.severity is None or ending is None:
        return []
    whole = course.curve.settled
    reference = reference_of(trace, loss=whole)
    if reference is None:
        return Skipped(PROBLEM, "it was not measured what the network can reach")
    added = _added(trace) / whole if whole > 0 else 0.0
    slow = course.outcome in _AT_REST or (not course.fast and path(trace) > 1)
    least = cost if slow else max(cost, 1.0)
    if not reference.further or not added > least:
        return []
    message = (
        f"{percent(share)} of the values are dropped in every step, which adds {percent(added)} to "
        f"the loss: the run rests at {number(whole)}, where the whole network reaches "
        f"{number(reference.loss)} without dropout"
    )
    evidence = Evidence("loss", added, cost, measure="cost")
    return [Finding(PROBLEM, course.severity, message, evidence=(evidence,))]


def _too_steep(trace: Trace, share: float) -> Findings:
    """A rate that is stable for the whole network, and not for what dropout makes of it."""
    rate, limit = trace.facts.learning_rate, trace.facts.stability_limit
    if rate is None or limit is None or not (1 - share) * limit < rate <= limit:
        return []
    message = (
        f"{percent(share)} of the values are dropped in every step and the others multiplied by "
        f"{number(1 / (1 - share))}, which makes the loss that much steeper: learning rate "
        f"{chosen(rate)} is below the stability limit of the whole network, {number(limit)}, and "
        f"above that of its steps, {number((1 - share) * limit)}"
    )
    evidence = Evidence("learning_rate", rate, (1 - share) * limit)
    return [Finding(PROBLEM, Severity.ERROR, message, evidence=(evidence,))]


def _added(trace: Trace) -> float:
    """By how much the steps' losses are above that of the whole network at the end."""
    probed = trace.series["training_loss"]
    start = int((1 - _TAIL) * trace.steps)
    steps, recorded = trace.loss[start:], probed.values[probed.steps >= trace.step[start]]
    facts = trace.facts
    parts = 1.0
    if (facts.reduction or "").endswith("sum") and facts.inputs is not None and facts.batch_size:
        parts = max(len(facts.inputs) / facts.batch_size, 1.0)
    return float(np.mean(steps)) * parts - float(np.mean(recorded))

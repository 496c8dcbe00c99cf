"""The loss is summed over the examples, and that makes the learning rate too large.

What it sees
    A rate above the stability limit, with a loss that is a sum. The mean over the same examples
    has N times less curvature, and so an N times higher stability limit.

Why it matters
    The more data, the steeper the summed loss: a rate that suits the mean, or fewer examples, makes
    the sum explode. Lowering the rate by a factor of ten or a hundred changes nothing, where N is
    larger.

Fires when
    The rate is above the stability limit in a failed run (see
    `learning-rate-above-stability-limit`), by no more than a factor of N × `reach` and by no less
    than N × `least`.

Silent when
    The loss is a mean; the rate is stable, or too large even for the mean, or so small that it was
    chosen for the sum; the run did not fail.

Thresholds
    reach = 2: λ_max of a sum is exactly N times that of the mean; a rate of up to twice the
    stability limit of the mean usually finds a flatter place by itself. least = 0.1: a rate that
    suits the mean is at least a tenth of its stability limit. Both ours.

Fixes
    The mean instead of the sum; a rate N times smaller.

Source
    LeCun et al. 1998, Efficient BackProp, sec. 5: the largest rate is 2/λ_max.
"""

from nndiag.bounds import Positive
from nndiag.detectors.causes import OUTSIZED
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.learning_rate_above_stability_limit import (
    learning_rate_above_stability_limit,
)
from nndiag.detectors.unscaled_inputs import steeper_by_inputs
from nndiag.finding import Evidence, Finding, Severity, Skipped
from nndiag.formatting import chosen, number, rough
from nndiag.trace import Trace

PROBLEM = "summed-loss"
_BY_EXAMPLE = frozenset({"softmax_cross_entropy"})  # losses whose mean is over examples only


@detector(
    PROBLEM,
    stage=Stage.RULE,
    explained_by=OUTSIZED,
    facts=("reduction", "inputs", "targets", "learning_rate", "stability_limit"),
)
def summed_loss(trace: Trace, *, reach: Positive = 2.0, least: Positive = 0.1) -> Findings:
    """The loss is summed over the examples, and that makes the learning rate too large."""
    reduction, rate = trace.facts.reduction or "", trace.facts.learning_rate
    if not reduction.endswith("sum"):
        return Skipped(PROBLEM, "the loss is a mean")
    too_large = learning_rate_above_stability_limit(trace)
    terms = _terms(trace)
    if isinstance(too_large, Skipped) or not too_large or rate is None:
        return []
    stability_limit = too_large[0].evidence[0].limit
    if too_large[0].severity is Severity.NOTE or not stability_limit or terms < 2:
        return []
    most = reach * terms * steeper_by_inputs(trace)
    if not least * terms * stability_limit <= rate <= most * stability_limit:
        return []
    return [
        Finding(
            PROBLEM,
            too_large[0].severity,
            f"the loss is a sum of {terms} terms: learning rate {chosen(rate)} is "
            f"{number(rate / stability_limit)} × the sum's stability limit, "
            f"{rough(rate / stability_limit / terms)} × that of the mean",
            evidence=(Evidence("learning_rate", observed=rate, limit=stability_limit),),
        )
    ]


def _terms(trace: Trace) -> int:
    """What the mean of a step's loss would divide by."""
    inputs, targets = trace.facts.inputs, trace.facts.targets
    if inputs is None or targets is None:
        return 1
    seen = min(trace.facts.batch_size or len(inputs), len(inputs))
    by_example = trace.facts.loss in _BY_EXAMPLE
    return seen if by_example else seen * targets.shape[1]

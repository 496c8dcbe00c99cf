"""The loss blew up instead of falling.

What it sees
    The loss rose far above both its start and the loss of the mean baseline, and the
    run did not recover from it. Told are the step at which the growth began (the onset, well
    before the overflow) and the factor by which the loss grew per step.

Why it matters
    Every step makes the network worse: training cannot succeed. Where bounded units saturate, the
    loss stops growing and the run looks stalled, but its cause is the blow-up before.

Fires when
    The loss exceeds `factor` × the larger of initial and mean baseline loss, or overflows after
    having grown, and the run then diverged, or ended without having learned.

Silent when
    The loss rose for a while and the run recovered from it; single hard mini-batches; a loss that
    is not finite from the start, or turned NaN without having grown (see `non-finite-values`).

Thresholds
    factor = 10: ours. Healthy runs with a rate near the stability limit overshoot their start
    by up to 4; runs that do not come back pass 10 within a few steps.

Fixes
    A learning rate below the stability limit; mean instead of sum in the loss; scaled inputs and
    targets; smaller initial weights; gradient clipping.

Source
    Growth as a fit of the logarithm of the loss, onset instead of overflow: ours. Divergence of
    gradient descent on a quadratic: LeCun, Bottou, Orr and Müller 1998, Efficient BackProp, sec. 5.
"""

import numpy as np

from nndiag.bounds import Positive
from nndiag.detectors.causes import UNSTABLE
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.curve import growth
from nndiag.detectors.run_summary import course_of, reference_loss
from nndiag.finding import Evidence, Finding, Outcome, Severity
from nndiag.formatting import number
from nndiag.trace import Trace

PROBLEM = "exploding-loss"


@detector(
    PROBLEM,
    stage=Stage.GROWTH,
    explained_by=(*UNSTABLE, "exploding-gradients"),
    outcome=Outcome.DIVERGED,
)
def exploding_loss(trace: Trace, *, factor: Positive = 10.0) -> Findings:
    """The loss blew up instead of falling."""
    course = course_of(trace)
    if course.severity is not Severity.ERROR or not len(course.curve.losses):
        return []
    reference = reference_loss(trace, course.curve)
    blow_up = growth(trace, reference=reference, factor=factor)
    limit = factor * reference
    if blow_up is None or not _grew(trace, onset=blow_up.onset, top=blow_up.top, limit=limit):
        return []
    ended = (
        "it overflowed" if course.curve.non_finite else f"it ended at {number(course.curve.final)}"
    )
    pace = "in one step" if np.isinf(blow_up.factor) else f"×{number(blow_up.factor)} per step"
    return [
        Finding(
            PROBLEM,
            Severity.ERROR,
            f"the loss grew {pace} from step {blow_up.onset} on, to {number(blow_up.top)} from "
            f"{number(course.curve.initial)}; {ended}",
            evidence=(
                Evidence(
                    "loss",
                    observed=blow_up.top / reference,
                    limit=factor,
                    steps=(blow_up.onset, blow_up.step),
                    measure="growth",
                ),
            ),
        )
    ]


def _grew(trace: Trace, *, onset: int, top: float, limit: float) -> bool:
    """Whether the loss passed the limit while still finite, or jumped to infinity (not to NaN)."""
    later = trace.loss[np.searchsorted(trace.step, onset) :]
    broken = later[~np.isfinite(later)]
    jumped = len(broken) > 0 and bool(np.isinf(broken[0])) and bool(np.isfinite(later[0]))
    return jumped or (np.isfinite(top) and top >= limit)

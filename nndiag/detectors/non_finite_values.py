"""The loss is NaN or infinite although it had not grown.

What it sees
    The recorded loss is NaN or infinite from the start, or turns so without having grown before.

Why it matters
    After one NaN all parameters are NaN. Where no growth leads there, the cause is not the
    learning rate but an undefined operation: a logarithm of zero, a division by zero, data or
    weights that overflow.

Fires when
    A loss is not finite, and the losses before it stayed below `factor` × the larger of initial
    and mean baseline loss.

Silent when
    All losses are finite; the loss grew until it overflowed (see `exploding-loss`).

Thresholds
    factor = 10: as for `exploding-loss`, so that exactly one of the two fires.

Fixes
    Finite data of moderate size; smaller initial weights; a loss that is computed on logits.

Source
    Ours.
"""

import numpy as np

from nndiag.bounds import Positive
from nndiag.detectors.causes import UNSTABLE
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.exploding_loss import exploding_loss
from nndiag.finding import Evidence, Finding, Outcome, Severity
from nndiag.formatting import number
from nndiag.trace import Trace

PROBLEM = "non-finite-values"


@detector(
    PROBLEM,
    stage=Stage.OVERFLOW,
    explained_by=(*UNSTABLE, Stage.GROWTH),
    outcome=Outcome.DIVERGED,
)
def non_finite_values(trace: Trace, *, factor: Positive = 10.0) -> Findings:
    """The loss is NaN or infinite although it had not grown."""
    broken = np.flatnonzero(~np.isfinite(trace.loss))
    ended = trace.ending is not None and not np.isfinite(trace.ending.loss)
    if not (len(broken) or ended) or exploding_loss(trace, factor=factor):
        return []
    if len(broken):
        step, value = int(trace.step[broken[0]]), float(trace.loss[broken[0]])
    else:
        step = int(trace.step[-1]) + 1 if trace.steps else 0
        value = trace.ending.loss if trace.ending is not None else np.nan
    before = trace.loss[: broken[0]] if len(broken) else trace.loss
    history = f"after a loss of {number(before[-1])}" if len(before) else "from the start"
    return [
        Finding(
            PROBLEM,
            Severity.ERROR,
            f"the loss is {value} at step {step}, {history}, without having grown before",
            evidence=(Evidence("loss", observed=value, steps=(step, step)),),
        )
    ]

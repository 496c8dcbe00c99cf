"""The step contains a weight decay that the loss does not.

What it is: the update adds λW, the gradient of ½λ‖W‖², and the loss that the program computes has
no such term.

Why it matters: the step does not follow the negative gradient of the reported loss; near its
minimum it goes uphill. Often meant so, and then harmless: report the penalised loss to see what is
minimised.

How it is told: step minus gradient is proportional to the parameter itself.

Fix: add the penalty to the loss, or drop the decay.

Source: Krogh and Hertz, A simple weight decay can improve generalization (1991).
"""

from __future__ import annotations

from nndiag.finding import Severity
from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("weight-decay-not-in-loss")
def weight_decay_not_in_loss() -> Bug:
    """The step contains a weight decay that the loss does not."""
    return Bug(
        sentence="the step contains a weight decay that the loss does not",
        severity=Severity.WARNING,
    )

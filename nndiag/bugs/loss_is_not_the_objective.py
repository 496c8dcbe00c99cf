"""The number that the program shows as its loss is not what its gradient minimises.

What it is: the shown number is a sum or mean of signed errors, or the square of such a sum, so that
errors of opposite sign cancel; the backward pass belongs to the squared error.

Why it matters: the number can be zero while all outputs are wrong, and it can be negative. Whoever
watches it judges the training by noise.

How it is told: turning the sign of single residuals changes the number; a loss would stay.

Fix: show the mean of the squares, or of the absolute values.

Source: ours; found in the wild (`loss.append(sum(Y - out))`).
"""

from __future__ import annotations

from nndiag.finding import Severity
from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("loss-is-not-the-objective")
def loss_is_not_the_objective() -> Bug:
    """The number that the program shows as its loss is not what its gradient minimises."""
    return Bug(
        sentence="errors of opposite sign cancel in this number; it is not what is minimised",
        severity=Severity.WARNING,
    )

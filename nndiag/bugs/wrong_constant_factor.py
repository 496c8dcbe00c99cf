"""The gradient is a constant times the right one: the 2 of a square, or a ½, is lost or doubled.

What it is: the loss has no ½ in front of the square and the gradient has no 2, or the reverse; or
one tensor's gradient carries a factor that the others do not.

Why it matters: for all tensors alike it only rescales the learning rate. For one tensor alone it
makes that tensor learn at another rate than the rest.

How it is told: cosine 1, and the step over the gradient is a constant times the learning rate, or
times what the other tensors have.

Fix: put the factor in, or take it out.

Source: the factor is that of the derivative of a square.
"""

from __future__ import annotations

from nndiag.finding import Severity
from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("wrong-constant-factor")
def wrong_constant_factor() -> Bug:
    """The gradient is a constant times the right one."""
    return Bug(sentence="a constant factor is wrong", severity=Severity.WARNING)

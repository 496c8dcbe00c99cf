"""The gradient is the sum over the examples where the loss is their mean, or the reverse.

What it is: the loss divides by the number of examples N and the backward pass does not (or the
other way round), so that the step is N times too large (or too small).

Why it matters: the direction is right, but the learning rate in the program is not the one that
acts: it is N times that. A rate that is fine for ten examples explodes for a thousand. With only
some tensors summed, weights and biases learn at rates N apart.

How it is told: cosine 1, and the step over the gradient is N or 1/N times the learning rate, or
times what the other tensors have. Only judged where the program computes the loss itself and names
its learning rate: otherwise the factor cannot be known.

Fix: divide the gradient by N where the loss is a mean, or do not where it is a sum.

Source: the factor is that of the derivative of a mean.
"""

from __future__ import annotations

from nndiag.finding import Severity
from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("summed-instead-of-averaged")
def summed_instead_of_averaged() -> Bug:
    """The gradient is the sum over the examples where the loss is their mean, or the reverse."""
    return Bug(
        sentence="summed over the examples where the loss is averaged, or the reverse",
        severity=Severity.WARNING,
    )

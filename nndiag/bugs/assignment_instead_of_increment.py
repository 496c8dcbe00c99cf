"""A gradient that should add up over examples or layers is overwritten, or the reverse.

What it is: `=` stands where `+=` is meant, so that only the last example of a loop counts; or `+=`
where `=` is meant, so that old gradients are never forgotten.

Why it matters: the step follows one example and the loss is over all of them, or the step repeats
what it did before.

How it is told: the tensors whose gradients are collected so are wrong; exchanging the sign corrects
them.

Fix: write `+=` inside the loop over the examples and reset the gradient before it.

Source: ours.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("assignment-instead-of-increment")
def assignment_instead_of_increment() -> Bug:
    """A gradient that should add up over examples or layers is overwritten, or the reverse."""
    return Bug(sentence="the gradient is overwritten where it should add up, or the reverse")

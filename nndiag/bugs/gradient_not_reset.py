"""A sum of gradients is never set back to zero.

What it is: gradients are collected, over the examples of a batch or by an automatic derivative,
in variables that the next batch goes on adding to. Often the variable that is zeroed is another
name of the same array: `gathered = zeros` makes no copy.

Why it matters: each step is the sum of all gradients so far. It acts like a momentum that never
fades: the run overshoots, swings, and diverges at rates that are right otherwise. Small ones still
train, more slowly.

How it is told: the step is right in the first iteration. A variable of the parameter's size comes
out as what it held plus the gradient, and the update is made from it.

Fix: set it to zero before each batch, with a new array: `gathered = [np.zeros_like(w) for w in
weights]`.

Source: ours; the same bug is common where gradients accumulate by design.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("gradient-not-reset")
def gradient_not_reset() -> Bug:
    """A sum of gradients is never set back to zero."""
    return Bug(sentence="the collected gradient is never set back to zero")

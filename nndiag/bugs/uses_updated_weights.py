"""A layer's weights are updated before the error is passed back through them.

What it is: the update of the output weights stands before the line that computes the hidden layer's
delta from those weights.

Why it matters: the hidden gradient belongs to a network that was never evaluated. The error is of
the order of the learning rate, so that it hides at small rates and destabilises large ones.

How it is told: the hidden tensors are slightly wrong, by an amount that grows with the learning
rate; moving the update behind the use corrects them.

Fix: compute all deltas first, then update.

Source: ours.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("uses-updated-weights")
def uses_updated_weights() -> Bug:
    """A layer's weights are updated before the error is passed back through them."""
    return Bug(sentence="the weights are updated before the error is passed back through them")

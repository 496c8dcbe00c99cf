"""A delta is multiplied by the derivative of another activation than the layer has.

What it is: the layer was changed from sigmoid to tanh or ReLU and its derivative was not, or the
output's derivative is used in the hidden layer.

Why it matters: the gradient is wrong in direction from that layer down; it often still trains,
because all these derivatives are positive.

How it is told: the tensor and those below it are wrong; exchanging the function corrects them.

Fix: write the derivative of the activation that the forward pass applies.

Source: ours.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("wrong-activation-derivative")
def wrong_activation_derivative() -> Bug:
    """A delta is multiplied by the derivative of another activation than the layer has."""
    return Bug(sentence="the backward pass uses another activation's derivative")

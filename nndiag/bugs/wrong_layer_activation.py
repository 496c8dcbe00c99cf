"""A weight gradient is made with the wrong layer's activation.

What it is: dW is the product of the activation that enters the layer and the delta that leaves it.
The program takes the layer's own output, the pre-activation, or another layer's; or a product of
two vectors collapses to one number.

Why it matters: the direction of that tensor's step is wrong. Where two layers have the same size no
shape error gives it away.

How it is told: that one tensor is wrong and those below it are right; exchanging the activation
corrects it.

Fix: use the activation that was multiplied by the weights in the forward pass.

Source: Rumelhart, Hinton and Williams, Learning representations by back-propagating errors (1986),
equation 6.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("wrong-layer-activation")
def wrong_layer_activation() -> Bug:
    """A weight gradient is made with the wrong layer's activation."""
    return Bug(sentence="the gradient is made with the wrong layer's activation")

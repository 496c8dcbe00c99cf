"""The backward pass starts from something that is not the loss's gradient.

What it is: the derivative of the loss with respect to the output is wrong in a way that no other
page names: squared, an absolute value, a logarithm, the loss itself instead of its derivative.

Why it matters: all layers are wrong together, since all deltas are made from it.

How it is told: no tensor is right, not even the output layer's; correcting the start corrects all.

Fix: start from the derivative of the loss: `output - target` for squares and for cross-entropy
behind a sigmoid or softmax.

Source: Bishop, Pattern Recognition and Machine Learning (2006), section 5.3.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("wrong-loss-gradient")
def wrong_loss_gradient() -> Bug:
    """The backward pass starts from something that is not the loss's gradient."""
    return Bug(sentence="the backward pass does not start from the gradient of the loss")

"""The delta at a softmax output is not probabilities minus labels.

What it is: with cross-entropy the derivative of the softmax cancels, and `p - y` is the whole
delta. The program multiplies it by p (1 - p) as well, or leaves the labels out.

Why it matters: all tensors are wrong. Where the probabilities are near 0 or 1 the extra factor
stops the training just where the error is largest.

How it is told: all tensors are wrong, and dropping the factor corrects them all.

Fix: use `p - y`.

Source: Bishop, Pattern Recognition and Machine Learning (2006), equation 4.109.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("wrong-softmax-gradient")
def wrong_softmax_gradient() -> Bug:
    """The delta at a softmax output is not probabilities minus labels."""
    return Bug(
        sentence="with softmax and cross-entropy the delta is probabilities minus labels, "
        "without a further factor"
    )

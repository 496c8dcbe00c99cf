"""The softmax is taken over the examples instead of the classes.

What it is: `axis=0` and `axis=1` are exchanged in the softmax, or its sum runs over everything.

Why it matters: the outputs of one example do not sum to 1; what one example gets depends on the
others in the batch. The usual gradient, probabilities minus labels, is then wrong for all tensors.

How it is told: all tensors are wrong, and exchanging the axis corrects them all.

Fix: normalise over the axis of the classes, keeping the dimension.

Source: ours.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("softmax-wrong-axis")
def softmax_wrong_axis() -> Bug:
    """The softmax is taken over the examples instead of the classes."""
    return Bug(sentence="the softmax is taken over the wrong axis")

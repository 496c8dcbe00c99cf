"""The gradient of a bias is not the sum of its unit's deltas over the examples.

What it is: the deltas are summed over the units instead of the examples, averaged where the
weights' gradient is summed, not summed at all, or collapsed to one number.

Why it matters: all biases of a layer move alike, or at another rate than the weights. It often
still trains, since the weights can make up for a part of it.

How it is told: the biases are wrong and the weights of the same layers are right.

Fix: sum the deltas over the axis of the examples, with the same factor as in the weights.

Source: Bishop, Pattern Recognition and Machine Learning (2006), section 5.3.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("wrong-bias-gradient")
def wrong_bias_gradient() -> Bug:
    """The gradient of a bias is not the sum of its unit's deltas over the examples."""
    return Bug(sentence="the bias's gradient is not the sum of the deltas over the examples")

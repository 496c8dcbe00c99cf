"""The step goes uphill: a sign is wrong.

What it is: the update adds the gradient instead of subtracting it, or the gradient starts from
`target - output` where `output - target` is meant (or both, and one sign too many elsewhere).

Why it matters: the parameter climbs the loss. With one tensor wrong the others pull against it;
with all of them wrong the loss grows until it overflows.

How it is told: the cosine between the step and the negative gradient is -1, at every point.

Fix: turn the difference around, or `+=` into `-=`. One turned difference at the output corrects all
layers at once, and is then preferred to a turned update in each.

Source: the angle is that of Bottou, Curtis and Nocedal, Optimization Methods for Large-Scale
Machine Learning (2018), section 4.1: a step must keep an acute angle with the negative gradient.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("wrong-sign")
def wrong_sign() -> Bug:
    """The step goes uphill: a sign is wrong."""
    return Bug(sentence="the sign is wrong: the step goes uphill")

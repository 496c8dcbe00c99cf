"""The derivative of an activation is taken of the wrong variable, or applied twice.

What it is: a derivative that is written in terms of the activated value a gets the pre-activation z
(`z * (1 - z)`), or one written for z gets a, that is f'(f(z)); or the delta is multiplied by the
derivative twice.

Why it matters: the gradient is wrong in direction from that layer down. Often it still trains,
slowly, because the wrong factor is positive; that makes it hard to see.

How it is told: the tensor and those below it are wrong; exchanging the argument corrects them.

Fix: give the derivative the variable that it is written for. With ReLU both are the same.

Source: ours; found in the wild (a sigmoid' of an already activated value).
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("activation-derivative-of-wrong-argument")
def activation_derivative_of_wrong_argument() -> Bug:
    """The derivative of an activation is taken of the wrong variable, or applied twice."""
    return Bug(
        sentence="the derivative of the activation is taken of the wrong value, or applied twice"
    )

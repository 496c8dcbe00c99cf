"""A delta is not multiplied by the derivative of its activation.

What it is: the error passes through a unit as if the unit were linear: the factor f'(z) is missing.

Why it matters: in a hidden layer the gradient is wrong in direction. At a sigmoid or softmax output
the step without the factor is the gradient of the cross-entropy instead of the squared error: it
trains, often better, but it is not the gradient of the loss that the program computes.

How it is told: the tensor and those below it are wrong; multiplying the delta by the derivative
corrects them.

Fix: multiply the delta by the derivative, or state cross-entropy as the loss.

Source: Rumelhart, Hinton and Williams, Learning representations by back-propagating errors (1986),
equation 5.
"""

from __future__ import annotations

from nndiag.program.judging.bug import BUGS, Bug


@BUGS.register("missing-activation-derivative")
def missing_activation_derivative() -> Bug:
    """A delta is not multiplied by the derivative of its activation."""
    return Bug(sentence="the derivative of the activation is missing from the delta")

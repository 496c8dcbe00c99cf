"""The check of a Subject's own gradient."""

from __future__ import annotations

from nndiag.gradients.check import MOST, TOLERANCE, check
from nndiag.gradients.verdict import GradientCheck
from nndiag.subject import Batch, Capability, Subject, Theta


def check_subject(
    subject: Subject,
    theta: Theta | None = None,
    *,
    batch: Batch | None = None,
    tolerance: float = TOLERANCE,
    most: int = MOST,
) -> GradientCheck:
    """Check the gradient that a Subject computes against its loss.

    Args:
        subject: It needs LOSS and GRADIENT.
        theta: Where; at its start by default.
        batch: The examples; all by default.
        tolerance: Relative error of a tensor up to which it is right.
        most: Largest number of entries of a tensor that are compared one by one.

    Raises:
        ValueError: As `check`.
    """
    point = subject.start() if theta is None else theta
    return check(
        lambda moved: subject.loss_at(moved, batch),
        subject.gradient_at(point, batch),
        point,
        tolerance=tolerance,
        most=most,
        analytic=Capability.ANALYTIC in subject.capabilities,
    )

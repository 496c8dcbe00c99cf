"""The check of a Subject's own gradient."""

from __future__ import annotations

import sys
from typing import Protocol, runtime_checkable

import numpy as np

from nndiag.gradients.check import (
    MOST,
    TOLERANCE,
    check_differences,
    chosen_entries,
    flat_gradient,
)
from nndiag.gradients.differences import Differences, FunctionDifferences
from nndiag.gradients.verdict import GradientCheck
from nndiag.subject import Batch, Capability, Subject, Theta


@runtime_checkable
class HasDifferences(Protocol):
    """A Subject that forms differences of its loss in a faster way than one value at a time."""

    def differences_at(self, theta: Theta, batch: Batch | None = None) -> Differences:
        """The differences at a point."""


def check_subject(
    subject: Subject,
    theta: Theta | None = None,
    *,
    batch: Batch | None = None,
    tolerance: float = TOLERANCE,
    most: int | None = None,
) -> GradientCheck:
    """Check the gradient that a Subject computes against its loss.

    Args:
        subject: It needs LOSS and GRADIENT.
        theta: Where; at its start by default.
        batch: The examples; all by default.
        tolerance: Relative error of a tensor up to which it is right.
        most: Largest number of entries of a tensor that are compared one by one; by default 24,
            and all where the Subject has differences of its own.

    Raises:
        ValueError: As `check`.
    """
    point = subject.start() if theta is None else theta
    if most is None:
        most = sys.maxsize if isinstance(subject, HasDifferences) else MOST
    given = flat_gradient(subject.gradient_at(point, batch), point)
    return check_differences(
        differences_of(subject, point, batch=batch),
        given,
        {name: np.shape(array) for name, array in point.items()},
        entries={name: chosen_entries(array, most=most) for name, array in given.items()},
        tolerance=tolerance,
    )


def differences_of(subject: Subject, theta: Theta, *, batch: Batch | None = None) -> Differences:
    """The differences of a Subject's loss at a point: its own, or those of its values."""
    if isinstance(subject, HasDifferences):
        return subject.differences_at(theta, batch)
    return FunctionDifferences(
        lambda moved: subject.loss_at(moved, batch),
        theta,
        analytic=Capability.ANALYTIC in subject.capabilities,
    )

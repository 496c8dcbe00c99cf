"""The experiment behind a verdict: the program trained as it is, and as it should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nndiag.program.execution import clock
from nndiag.program.training.ablation import Matters, comparison
from nndiag.program.training.scaled_runs import scaled_losses
from nndiag.program.training.trainable import Trainable
from nndiag.program.training.trajectory import TrajectorySummary, course_of

_MOST_ITERATIONS = 3000  # of each training that tells whether a bug matters


@dataclass(frozen=True)
class TrainingEvidence:
    """What came of training a program.

    Attributes:
        matters: The program beside the mended one; None where there is nothing to mend, or where
            both are too short to tell.
        course: How a program with a right gradient trains; None for others.
    """

    matters: Matters | None = None
    course: TrajectorySummary | None = None


def tried(
    program: Trainable,
    other: Trainable | None,
    *,
    factor: float,
    correct: bool,
    deadline: float,
    tell: Callable[[str], None],
) -> TrainingEvidence:
    """Train a program, and where there is one its mended twin.

    Args:
        program: The program as it is.
        other: The program as it should be; None where nothing is to be compared.
        factor: What the other's learning rate is multiplied by.
        correct: Whether the gradient is right: what trains just as well is then no finding.
        deadline: When to stop, on `clock.now`.
        tell: Is told what is being done.
    """
    matters = None
    if other is not None:
        tell("training it as it is, and fixed")
        seconds = max(0.3, min(1.0, (deadline - clock.now()) / 3))
        runs = [
            scaled_losses(one, iterations=_MOST_ITERATIONS, seconds=seconds, factor=scale)
            for one, scale in ((program, 1.0), (other, factor))
        ]
        with np.errstate(all="ignore"):
            matters = comparison(*runs)
        if not correct or (matters is not None and matters.is_why):
            return TrainingEvidence(matters)
    if not correct:
        return TrainingEvidence()
    tell("training it for a moment")
    seconds = max(0.1, min(0.3, (deadline - clock.now()) / 10))
    return TrainingEvidence(course=course_of(program, seconds=seconds))

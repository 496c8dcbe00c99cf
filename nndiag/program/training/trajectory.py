"""How a program with a right gradient trains: as it stands, and if it diverges, at lower rates.

A right gradient does not make a network train. The program is trained for a moment; where its loss
runs away, it is trained again with a tenth of its learning rate, and so on: a rate at which it
learns confirms that the rate was too high.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nndiag.program.training.scaled_runs import scaled_losses
from nndiag.program.training.trainable import Trainable

_MOST = 1000
_LEAST = 20
_PARTS = 10  # of a run; a loss may be that of one example, so that parts are compared
_BLOWN = 1e3
_FIRST = 3
_FLOOR = 0.01  # of a cross-entropy: saturated outputs may start it at nothing
_FACTORS = (0.1, 0.01, 1e-3, 1e-4)


@dataclass(frozen=True)
class TrajectorySummary:
    """How a program whose gradient is right trains, and where it diverges, at a lower rate.

    Attributes:
        iterations: How many iterations it was trained for.
        start: The loss at the start.
        end: The loss at the end; not finite where it overflowed.
        diverged: Whether the loss ran away.
        factor: What the learning rate was multiplied by for a run that does not diverge; None
            where the program does not, or where no lower rate helped.
        lower: The loss at the end of that run, after as many iterations or as time allowed.
    """

    iterations: int
    start: float
    end: float
    diverged: bool
    factor: float | None = None
    lower: float | None = None


def course_of(program: Trainable, *, seconds: float) -> TrajectorySummary | None:
    """How the program trains; None where it makes too few iterations to tell.

    Args:
        program: The program.
        seconds: How long one training may take.
    """

    def trained(factor: float) -> list[float]:
        return scaled_losses(program, factor=factor, iterations=_MOST, seconds=seconds)

    found = trained(1.0)
    if not found or (len(found) < _LEAST and np.isfinite(found).all()):
        return None
    start, end = _ends(found)
    floor = _FLOOR if program.entropy else 0.0
    if not _diverged(found, floor):
        return TrajectorySummary(len(found), start, end, diverged=False)
    start = found[0]
    for factor in _FACTORS:
        lower = trained(factor)
        if (
            len(lower) >= _LEAST
            and not _diverged(lower, floor)
            and _ends(lower)[1] < _ends(lower)[0]
        ):
            return TrajectorySummary(len(found), start, end, True, factor, _ends(lower)[1])
    return TrajectorySummary(len(found), start, end, diverged=True)


def _ends(losses: list[float]) -> tuple[float, float]:
    """The mean loss of the first and of the last part."""
    part = max(1, len(losses) // _PARTS)
    with np.errstate(all="ignore"):
        return float(np.mean(losses[:part])), float(np.mean(losses[-part:]))


def _diverged(losses: list[float], floor: float) -> bool:
    """Whether a loss overflowed, or ended far above the first ones, these not less than a floor."""
    if not np.isfinite(losses).all():
        return True
    part = max(1, len(losses) // _PARTS)
    return min(map(abs, losses[-part:])) > _BLOWN * max(floor, *map(abs, losses[:_FIRST]))

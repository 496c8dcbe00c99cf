"""Tells, by counted steps alone, when more steps of a run would change nothing that is said of it.

The mean loss is taken over stretches of the run whose lengths grow by one factor. A run has settled
where those of the last decade of steps are alike and no longer move faster, or where all of them
are a hundredth of the loss of the targets' mean, or near the start, at most. A plateau that is left
much later, by steps that do not grow on it, is taken for the end: the report says where the run was
stopped.
"""

from __future__ import annotations

import math

_LEAST = 40_000
"""Steps before which no run is ended."""
_STRETCH = 10 ** (1 / 4)
_DECADE = 4  # stretches
_ALIKE = 0.01  # of their mean, by which stretches of one decade may differ
_FASTER = 1.05  # times the moves of the decade's first stretch, from which on a run is leaving
_LITTLE = 0.01  # of the loss of the mean, or near the start
_START = 100  # steps


class Settling:
    """Takes the steps of a run.

    Args:
        baseline: The loss of the targets' mean; None where it is not known.
        steady: Whether each step has the same learning rate.
    """

    def __init__(self, baseline: float | None = None, *, steady: bool = True) -> None:
        self._steady = steady
        self._count, self._edge = 0, 10.0
        self._known, self._loss, self._moved = 0, 0.0, 0.0
        self._losses: list[float] = []
        self._moves: list[float] = []
        self._ends: list[int] = []
        self._baseline, self._reference = baseline, math.inf

    @property
    def since(self) -> int:
        """The step from which on the last decade was counted."""
        return self._ends[-_DECADE - 1]

    def is_settled_by(self, loss: float, moved: float) -> bool:
        """Take one more step, and say whether the run has settled with it.

        Args:
            loss: Its loss; nan where it was not computed.
            moved: How far it moved the parameters.
        """
        self._count += 1
        self._moved += moved
        if not math.isnan(loss):
            self._loss += loss
            self._known += 1
        return self._count >= self._edge and self._stretch_ends()

    def _stretch_ends(self) -> bool:
        steps = self._count - (self._ends[-1] if self._ends else 0)
        self._losses.append(self._loss / self._known if self._known else math.nan)
        self._moves.append(self._moved / steps)
        self._ends.append(self._count)
        if self._count <= _START and not self._losses[-1] > self._reference:
            self._reference = self._losses[-1]
        self._known, self._loss, self._moved = 0, 0.0, 0.0
        self._edge = self._count * _STRETCH
        return self._count >= _LEAST and (self._is_done() or (self._steady and self._is_at_rest()))

    def _is_done(self) -> bool:
        """Whether little of the loss has been left for a decade."""
        whole = self._reference if self._baseline is None else self._baseline
        return whole < math.inf and all(0 <= x <= _LITTLE * whole for x in self._losses[-_DECADE:])

    def _is_at_rest(self) -> bool:
        """Whether the loss has not changed for a decade, and the parameters move no faster."""
        last, moves = self._losses[-_DECADE:], self._moves[-_DECADE:]
        alike = max(last) - min(last) <= _ALIKE * abs(sum(last)) / _DECADE
        return alike and moves[-1] <= _FASTER * moves[0]

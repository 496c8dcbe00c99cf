"""Entries of large parameters that no step changes, though the loss changes with them.

Of a large tensor only a sample is compared. An entry that is never changed would mostly be missed,
such as the last one of a packed vector that a slice leaves out. The step itself is known in full,
so that the entries which no step changes are known, too: all of them are moved at once along a
drawn direction. Only where the loss has a slope along it, halves are looked at, down to the entries
that have one. A kink looks like a slope at one point, so that an entry must have one at two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nndiag.program.execution.runner import StepFailedError
from nndiag.program.gradients.laboratory import Point, Theta
from nndiag.program.gradients.slopes import Differences, Entries, Entry, Fit, Slopes, fit

_LOUD = 10.0  # noises
_FEW = 4  # entries that are enough to tell that a part is never changed
_SMALL = 1e-6  # of the largest slope of a tensor


@dataclass(frozen=True, eq=False)
class Comparison:
    """The step and the numeric gradient at one point.

    Attributes:
        point: Where.
        step: The step.
        entries: The entries that are compared, by tensor name.
        slopes: The numeric gradient there.
        fits: How they compare, by tensor name.
    """

    point: Point
    step: Theta
    entries: dict[str, Entries]
    slopes: Slopes
    fits: dict[str, Fit]

    def fit(self, name: str, slopes: Slopes | None = None) -> Fit:
        """How one tensor compares now, with this numeric gradient or another one."""
        slopes = slopes or self.slopes
        chosen = self.entries[name]
        return fit(
            self.step[name][chosen],
            slopes.values[name],
            noise=slopes.noise,
            values=self.point.theta[name][chosen],
        )

    def each(self, name: str) -> list[Entry]:
        """The entries of one tensor that are compared."""
        return [Entry(self.point, name, int(index)) for index in self.entries[name]]


def add_idle(differences: Differences, every: Sequence[Comparison], name: str) -> None:
    """Compares the entries of a large tensor too that no step changes and the loss feels.

    Args:
        differences: Forms slopes of the loss.
        every: The comparisons at all points; those of the tensor are extended.
        name: The tensor.
    """
    heard = [made for made in every if made.fits[name].signal]
    idle = np.flatnonzero(np.all([made.step[name] == 0 for made in every], axis=0))
    if len(heard) < 2 or idle.size == 0 or any(made.fits[name].still for made in heard):
        return
    first, second = heard[0], heard[-1]
    try:
        found = _sloping(differences, first, name, idle)
        telling = [entry for entry in found if _felt(differences, second, name, entry)]
        for made in (first, second):
            _extend(differences, made, name, np.array(telling, dtype=np.intp))
    except StepFailedError:
        return


def _sloping(differences: Differences, made: Comparison, name: str, idle: Entries) -> list[int]:
    """The first few of some entries along which the loss has a slope, found by halving."""
    random = np.random.default_rng(13)
    groups = [idle]
    found: list[int] = []
    while groups and len(found) < _FEW:
        group = groups.pop()
        direction = np.zeros(made.point.theta[name].size)
        direction[group] = random.normal(size=group.size)
        slope = differences.along(made.point, name, direction)
        if abs(slope) <= _LOUD * made.slopes.noise:
            continue
        if group.size > 1:
            groups += np.array_split(group, 2)
        elif _felt(differences, made, name, int(group[0])):
            found.append(int(group[0]))
    return found


def _felt(differences: Differences, made: Comparison, name: str, index: int) -> bool:
    """Whether the loss has a slope along one entry, and no kink there."""
    largest = float(np.max(np.abs(made.slopes.values[name])))
    entries = {name: np.array([index])}
    slope = abs(float(differences.slopes(made.point, entries)[0].values[name][0]))
    loud = slope > max(_LOUD * made.slopes.noise, _SMALL * largest)
    return loud and not differences.bends(Entry(made.point, name, index), largest=slope)


def _extend(differences: Differences, made: Comparison, name: str, more: Entries) -> None:
    """Compares further entries of a tensor."""
    new = np.setdiff1d(more, made.entries[name])
    if new.size == 0:
        return
    slopes = differences.slopes(made.point, {name: new})[0]
    made.entries[name] = np.concatenate([made.entries[name], new])
    made.slopes.values[name] = np.concatenate([made.slopes.values[name], slopes.values[name]])
    made.fits[name] = made.fit(name)

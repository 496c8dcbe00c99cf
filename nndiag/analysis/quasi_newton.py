"""The smallest value of a function by L-BFGS: a quasi-Newton method that keeps the last steps.

The inverse Hessian is made of the last m steps s and changes of the gradient y, in the form with
small matrices: with S and Y (m, P), the upper triangle R of S·Yᵀ with its diagonal E, and
γ = s·y/y·y of the last pair, H·g = γg + Sᵀb − γYᵀa, where R·a = S·g and
Rᵀ·b = E·a + γ(Y·Yᵀ·a − Y·g). A search along each direction ends at the strong Wolfe conditions.

Own code: scipy's takes 0.3 s to import, and 30 µs for each evaluation.

Source: Byrd, Nocedal and Schnabel 1994, Representations of quasi-Newton matrices, equation 3.1;
Nocedal and Wright 2006, Numerical Optimization, section 3.5 (the search, cubic interpolation).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from nndiag.arrays import FloatArray

Objective: TypeAlias = Callable[[FloatArray], tuple[Any, FloatArray]]
"""From parameters (P,) to the value and its gradient (P,)."""

_PAIRS = 30  # steps that are kept
_ROOM = 4  # times as many fit into their place, so that they are seldom moved
_DECREASE, _CURVATURE = 1e-3, 0.9  # of the Wolfe conditions, as in L-BFGS-B
_TRIES = 20  # points of one search
_GROWTH, _INSIDE = 4.0, 0.1  # how far a search goes on, and how close to its bounds it looks
_STILL, _FLAT = 1e-13, 1e-12  # decrease of one step, and largest derivative, at a minimum


def quasi_newton(
    objective: Objective, start: FloatArray, *, most: int, enough: float = -np.inf
) -> tuple[FloatArray, int]:
    """Where L-BFGS ends, and the evaluations it made.

    Args:
        objective: Gives value and gradient at parameters (P,). Values that are not finite are a
            step too far.
        start: Where it begins, shape (P,).
        most: Evaluations at most.
        enough: A value that is low enough.
    """
    function = _Counted(objective, most)
    here = function.at(start, 0.0)
    if not here.is_finite:
        return start, function.made
    function.unit = max(abs(here.value), 1e-300)  # a scaled loss changes no step
    here = here.scaled(function.unit)
    memory = _Memory(len(start))
    while function.made < most and here.value > enough / function.unit and not here.is_flat:
        direction = -memory.times(here.gradient)
        slope = float(direction @ here.gradient)
        found = None
        if slope < 0:
            first = 1.0 if memory.pairs else 1 / float(np.linalg.norm(direction))
            found = _searched(function, here, direction, slope=slope, step=first)
        if found is None:  # the memory misleads, or nothing is left
            if not memory.pairs:
                break
            memory = _Memory(len(start))
            continue
        memory.take(found.point - here.point, found.gradient - here.gradient)
        gained, here = here.value - found.value, found
        if gained <= _STILL * max(abs(here.value), 1.0):
            break
    return here.point, function.made


@dataclass(frozen=True, eq=False)
class _Point:
    """A point with what is known there.

    Attributes:
        point: The parameters, shape (P,).
        step: How far along the direction of a search it lies.
        value: The function's value.
        gradient: Its gradient, shape (P,).
    """

    point: FloatArray
    step: float
    value: float
    gradient: FloatArray

    @property
    def is_finite(self) -> bool:
        """Whether value and gradient are finite."""
        return bool(np.isfinite(self.value) and np.isfinite(self.gradient).all())

    @property
    def is_flat(self) -> bool:
        """Whether no direction leads down."""
        return bool(np.abs(self.gradient).max() <= _FLAT)

    def scaled(self, unit: float) -> "_Point":
        """The same in another unit."""
        return _Point(self.point, self.step, self.value / unit, self.gradient / unit)


class _Counted:
    """The function in its unit, with the number of its evaluations."""

    def __init__(self, objective: Objective, most: int) -> None:
        self._objective = objective
        self.most, self.made, self.unit = most, 0, 1.0

    def at(self, point: FloatArray, step: float) -> _Point:
        value, gradient = self._objective(point)
        self.made += 1
        return _Point(point, step, float(value), gradient).scaled(self.unit)


class _Memory:
    """The last steps and changes of the gradient, and the small matrices made of them."""

    def __init__(self, size: int) -> None:
        self.pairs, self._end = 0, 0
        self._steps, self._changes = np.empty((2, _ROOM * _PAIRS, size))  # a window moves over them
        self._across, self._within = np.zeros((2, _PAIRS, _PAIRS))  # S·Yᵀ and Y·Yᵀ

    @property
    def _window(self) -> slice:
        return slice(self._end - self.pairs, self._end)

    def take(self, step: FloatArray, change: FloatArray) -> None:
        """Keep a pair, if the function bends up along it; the oldest one goes."""
        if not step @ change > np.finfo(float).eps * float(change @ change):
            return
        if self._end == len(self._steps):
            for array in (self._steps, self._changes):
                array[: self.pairs] = array[self._window]
            self._end = self.pairs
        if self.pairs == _PAIRS:
            for matrix in (self._across, self._within):
                matrix[:-1, :-1] = matrix[1:, 1:].copy()
        self._steps[self._end], self._changes[self._end] = step, change
        self.pairs, self._end = min(self.pairs + 1, _PAIRS), self._end + 1
        known, last = slice(0, self.pairs), self.pairs - 1
        self._across[known, last] = self._steps[self._window] @ change
        self._within[known, last] = self._changes[self._window] @ change
        self._within[last, known] = self._within[known, last]

    def times(self, gradient: FloatArray) -> FloatArray:
        """The product of the inverse Hessian with a gradient, shape (P,)."""
        if not self.pairs:
            return gradient
        known = slice(0, self.pairs)
        steps, changes = self._steps[self._window], self._changes[self._window]
        across, within = np.triu(self._across[known, known]), self._within[known, known]
        bend = across.diagonal()
        scale = bend[-1] / within[-1, -1]
        first = np.linalg.solve(across, steps @ gradient)
        right = bend * first + scale * (within @ first - changes @ gradient)
        second = np.linalg.solve(across.T, right)
        found: FloatArray = scale * gradient + second @ steps - scale * (first @ changes)
        return found


def _searched(
    function: _Counted, here: _Point, direction: FloatArray, *, slope: float, step: float
) -> _Point | None:
    """A point along a direction that fulfils the strong Wolfe conditions; None if none was found.

    Where the evaluations come to an end, the lowest point.
    """
    low, high, best = replace(here, step=0.0), None, None
    slopes = {0.0: slope}
    for _ in range(_TRIES):
        if function.made >= function.most:
            break
        found = function.at(here.point + step * direction, step)
        slopes[step] = float(found.gradient @ direction)
        fallen = found.is_finite and found.value <= here.value + _DECREASE * step * slope
        if fallen and (best is None or found.value < best.value):
            best = found
        if fallen and abs(slopes[step]) <= -_CURVATURE * slope:
            return found
        if not fallen or found.value >= low.value or slopes[step] > 0:
            high = found
        else:
            low = found
        step = _between(low, high, slopes) if high else _GROWTH * step
        if step in slopes:  # they differ by rounding only
            break
    return best


def _between(low: _Point, high: _Point, slopes: dict[float, float]) -> float:
    """Where a cubic through two points with their slopes is lowest, away from both of them."""
    width = high.step - low.step
    if not high.is_finite or not width:  # no step is short enough beside a slope that overflows
        return low.step + _INSIDE * width
    one, other = slopes[low.step], slopes[high.step]
    bend = one + other - 3 * (high.value - low.value) / width
    root = np.sqrt(max(bend**2 - one * other, 0.0))
    below = other - one + 2 * root
    share = 1 - (other + root - bend) / below if below else 0.5
    return float(low.step + width * np.clip(share, _INSIDE, 1 - _INSIDE))

"""Derivatives of any loss by differences of its values, and how far each can be trusted.

Nothing is known of the loss but its values. The step is the cube root of their relative rounding
error, which balances rounding against the truncation error of central differences. Where a
difference and a gradient disagree, the slopes to both sides tell a kink: at a smooth point they
come together in proportion to the step.

Source: Nocedal and Wright 2006, section 8.1 (the step); Squire and Trapp 1998 (the complex step).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import BoolArray, FloatArray, IndexArray
from nndiag.gradients.noise import measured_noise

Theta = Mapping[str, FloatArray]
Loss = Callable[[Mapping[str, Any]], float]

CERTAIN = 10.0
"""What exceeds a rounding error by this is none: differences have a deviation of 0.7 of it."""
STEP = float(np.finfo(float).eps) ** (1 / 3)
"""How far a parameter of a loss in double precision is moved, in its units: about 6e-6."""

_LARGEST_STEP = 1e-2
_IMAGINARY = 1e-20  # its square vanishes beside 1
_CLOSER = (1e-1, 1e-2, 1e-3)  # steps in search of one that reaches no kink, relative to the first
_SHRINKS = 0.3  # by which the gap of the slopes must shrink with a tenth of the step: curvature
_SAME = 1e-7  # relative difference of derivatives at two steps: truncation


@dataclass(frozen=True, eq=False)
class Central:
    """Central differences at n entries of one tensor; arrays of shape (n,).

    Attributes:
        values: The derivatives.
        noise: Absolute error that rounding can make of each.
        kinks: Where a kink is known to be in reach, so that the value is no derivative.
        gaps: How far the slopes to both sides differ; 0 where that is known to be no kink.
        factor: The step over the usual one.
    """

    values: FloatArray
    noise: FloatArray
    kinks: BoolArray
    gaps: FloatArray
    factor: float = 1.0

    def at(self, chosen: NDArray[Any]) -> Central:
        """The part at some of the entries, by their numbers or as a mask."""
        return Central(
            self.values[chosen],
            self.noise[chosen],
            self.kinks[chosen],
            self.gaps[chosen],
            self.factor,
        )


@dataclass(frozen=True, eq=False)
class Along:
    """The change of a loss between two points.

    Attributes:
        change: ℓ(up) − ℓ(down).
        moved: up − down, shape (size,).
        noise: Absolute error of the change that rounding can make.
    """

    change: float
    moved: FloatArray
    noise: float


class Differences(Protocol):
    """Where the derivatives of a loss at one point come from."""

    value: float
    """The loss there."""
    noise: float
    """Its absolute rounding error."""
    step: float
    """The usual step, in units of the parameters."""

    def units(self, name: str) -> FloatArray:
        """What a step of each entry of a tensor is a multiple of, shape (size,)."""

    def central(self, name: str, entries: IndexArray, *, factor: float = 1.0) -> Central:
        """Central differences at some entries, with `factor` times the usual steps."""

    def closer(self, name: str, entries: IndexArray, first: Central) -> Central:
        """`first` with as small steps as reach no kink; marked where no step does."""

    def along(self, name: str, direction: FloatArray, *, factor: float = 1.0) -> Along:
        """The change of the loss over one step to both sides along a direction (size,)."""

    def exact(self, name: str, entries: IndexArray) -> FloatArray | None:
        """Derivatives by the complex step; None where something is not analytic."""

    def rounding(self, name: str) -> FloatArray | None:
        """Rounding error of a tensor's gradient itself, shape (size,); None if not known."""


class FunctionDifferences:
    """Differences of a plain function of arrays.

    Args:
        loss: Gives the loss for parameters; called with arrays that it may not keep.
        theta: The point: name → floating-point array of any shape.
        rounding: Absolute rounding error of the loss; measured by default.
        analytic: Whether the loss takes complex parameters and is analytic in them.
    """

    def __init__(
        self, loss: Loss, theta: Theta, *, rounding: float | None = None, analytic: bool = False
    ) -> None:
        self._loss, self._analytic = loss, analytic
        self._theta = {name: np.asarray(array) for name, array in theta.items()}
        self._units: dict[str, FloatArray] = {
            name: np.maximum(1.0, np.abs(array.ravel().astype(float)))
            for name, array in self._theta.items()
        }
        self.value = float(loss(self._theta))
        self.precision = max(
            (float(np.finfo(array.dtype).eps) for array in self._theta.values()),
            default=float(np.finfo(float).eps),
        )
        floor = self.precision * abs(self.value)
        self.noise = max(floor, self._measured()) if rounding is None else rounding
        share = max(self.precision, self.noise / abs(self.value) if self.value else 0.0)
        self.step = min(share ** (1 / 3), _LARGEST_STEP)

    def units(self, name: str) -> FloatArray:
        """The size of each entry, but 1 at least."""
        return self._units[name]

    def central(self, name: str, entries: IndexArray, *, factor: float = 1.0) -> Central:
        """Central differences, two values of the loss for each entry."""
        steps = factor * self.step * self._units[name][entries]
        values, gaps = np.empty(len(entries)), np.empty(len(entries))
        for place in range(len(entries)):
            up, upper = self._moved(name, int(entries[place]), float(steps[place]))
            down, lower = self._moved(name, int(entries[place]), -float(steps[place]))
            steps[place] = max((up - down) / 2, np.finfo(float).tiny)
            with np.errstate(all="ignore"):
                values[place] = (upper - lower) / (up - down) if up > down else np.nan
                gaps[place] = abs(upper + lower - 2 * self.value) / steps[place]
        noise = CERTAIN * self.noise / steps
        return Central(values, noise, ~np.isfinite(values), gaps, factor)

    def closer(self, name: str, entries: IndexArray, first: Central) -> Central:
        """`first` with ever smaller steps, until two of them see no kink.

        A kink in reach makes central differences change from step to step; one right at the point
        keeps the slopes to both sides apart, however small the step. Where rounding hides whether
        their gap shrinks, the gap is left in the result: so wrong the value may be.
        """
        values, noise, kinks = first.values.copy(), first.noise.copy(), first.kinks.copy()
        gaps, left, coarse = first.gaps.copy(), np.arange(len(entries)), first
        for factor in _CLOSER:
            fine = self.central(name, entries[left], factor=factor)
            wobble = fine.noise + coarse.noise
            with np.errstate(invalid="ignore"):
                apart = np.abs(fine.values - coarse.values)
                agree = apart <= wobble + _SAME * np.abs(fine.values)
                shrunk = fine.gaps <= np.maximum(_SHRINKS * coarse.gaps, wobble)
                told = wobble <= _SHRINKS * coarse.gaps
            best = np.where(agree, coarse.values, fine.values)
            values[left], kinks[left] = best, ~shrunk | ~np.isfinite(best)
            noise[left] = np.where(agree, coarse.noise, fine.noise)
            gaps[left] = np.where(told, 0.0, coarse.gaps)
            left, coarse = left[~(agree & shrunk)], fine.at(~(agree & shrunk))
        return Central(values, noise, kinks, gaps, first.factor)

    def along(self, name: str, direction: FloatArray, *, factor: float = 1.0) -> Along:
        """Two values of the loss, to both sides along a direction (size,)."""
        array = self._theta[name]
        distance = (factor * self.step * direction).reshape(array.shape)
        up, down = (array + distance).astype(array.dtype), (array - distance).astype(array.dtype)
        change = self._at(name, up) - self._at(name, down)
        return Along(change, (up - down).ravel().astype(float), 2 * CERTAIN * self.noise)

    def exact(self, name: str, entries: IndexArray) -> FloatArray | None:
        """Derivatives by the complex step, where the loss was said to be analytic."""
        if not self._analytic:
            return None
        derivatives = np.empty(len(entries))
        for place in range(len(entries)):
            moved = self._theta[name].astype(complex)
            moved.flat[int(entries[place])] += 1j * _IMAGINARY
            value: Any = self._loss({**self._theta, name: moved})
            derivatives[place] = np.imag(value) / _IMAGINARY
        return derivatives

    def rounding(self, name: str) -> FloatArray | None:
        """Nothing is known of how the gradient is computed."""
        return None

    def _at(self, name: str, array: FloatArray) -> float:
        return float(self._loss({**self._theta, name: array}))

    def _moved(self, name: str, entry: int, distance: float) -> tuple[float, float]:
        """Where an entry comes to stand when it is moved, and the loss there."""
        moved = self._theta[name].copy()
        moved.flat[entry] += distance
        return float(moved.flat[entry]), self._at(name, moved)

    def _measured(self) -> float:
        """The rounding error of the loss along a drawn direction of all parameters.

        Distances that are powers of two round no parameter.
        """
        random = np.random.default_rng(3)
        directions = {
            name: (2.0 ** np.ceil(np.log2(units)) * random.choice([-1.0, 1.0], units.size)).reshape(
                self._theta[name].shape
            )
            for name, units in self._units.items()
        }

        def value_at(distance: float) -> float:
            return float(
                self._loss(
                    {
                        name: (array + distance * directions[name]).astype(array.dtype)
                        for name, array in self._theta.items()
                    }
                )
            )

        return measured_noise(value_at, precision=self.precision)

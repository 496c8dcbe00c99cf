"""Derivatives of any function of arrays by differences, entry by entry, and how far to trust them.

Nothing is known of the function but its values. Where a difference and a gradient disagree, the
slopes to both sides tell a kink, and the rounding of the function's value tells noise.

Source: the step is the cube root of the rounding error, which balances it with the truncation error
of central differences (Nocedal and Wright 2006, section 8.1).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.intp]
Move: TypeAlias = Callable[[int, float], float]
"""Moves one entry of a tensor by a distance, and returns the function's value there."""

NOISE = 8.0  # rounding errors of a function's value, in units of its last place
_SHRINKS = 0.3  # by which the gap of the slopes must shrink with a tenth of the step: curvature
_SAME = 1e-7  # relative difference of derivatives at two steps: truncation
_CLOSER = (1e-1, 1e-2, 1e-3)
_SEED = 11  # of the entries that are drawn: the same test checks the same entries


@dataclass(frozen=True, eq=False)
class Numeric:
    """The numeric gradient of one tensor at some of its entries.

    Attributes:
        entries: Flat indices, shape (n,).
        values: The derivatives there, shape (n,).
        noise: Absolute error of one of them that rounding alone can make.
        kinks: Whether the function has a kink there, so that no derivative exists, shape (n,).
    """

    entries: IntArray
    values: FloatArray
    noise: float
    kinks: NDArray[np.bool_]


def chosen_entries(gradient: FloatArray, *, most: int) -> IntArray:
    """Which entries of a tensor to look at: all, or half the largest and half drawn at random.

    Args:
        gradient: The gradient to check, flat, shape (size,).
        most: Number of entries.
    """
    if gradient.size <= most:
        return np.arange(gradient.size)
    largest = np.argsort(-np.abs(gradient), kind="stable")[: most // 2]
    drawn = np.random.default_rng(_SEED).choice(gradient.size, most - most // 2, replace=False)
    return np.unique(np.concatenate([largest, drawn]))


def numeric_gradient(
    move: Move,
    value: float,
    gradient: FloatArray,
    *,
    sizes: FloatArray,
    entries: IntArray,
    precision: float,
    tolerance: float,
) -> Numeric:
    """The numeric gradient beside one that is to be checked.

    Args:
        move: See `Move`.
        value: The function's value where nothing is moved.
        gradient: The gradient to check at `entries`, shape (n,); only entries at which it disagrees
            are looked at more closely.
        sizes: The tensor's entries there, shape (n,): larger ones are moved further.
        entries: Flat indices, shape (n,).
        precision: Relative precision of the function: that of its number type.
        tolerance: Relative error from which on a difference counts.
    """
    step = precision ** (1 / 3)
    numbers = differences(move, sizes=sizes, entries=entries, step=step)
    steps = step * np.maximum(1.0, np.abs(sizes))
    noise = NOISE * precision * abs(value) / float(steps.min(initial=1.0))
    kinks = np.zeros(len(entries), bool)
    scale = max(float(np.linalg.norm(numbers)), float(np.linalg.norm(gradient)))
    apart = np.abs(numbers - gradient) > tolerance * scale / np.sqrt(max(len(entries), 1)) + noise
    for index in np.flatnonzero(apart):
        kinks[index], numbers[index] = _closer(
            move, int(entries[index]), float(steps[index]), value, noise=noise
        )
    return Numeric(entries, numbers, noise, kinks)


def differences(move: Move, *, sizes: FloatArray, entries: IntArray, step: float) -> FloatArray:
    """Central differences at some entries, shape (n,).

    Args:
        move: See `Move`.
        sizes: The tensor's entries there, shape (n,).
        entries: Flat indices, shape (n,).
        step: How far an entry is moved, relative to its size where that is above 1.
    """
    steps = step * np.maximum(1.0, np.abs(sizes))
    pairs = zip(entries, steps, strict=True)
    return np.array([_central(move, int(entry), float(size)) for entry, size in pairs])


def relative_error(one: FloatArray, other: FloatArray) -> float:
    """|one − other| over the larger norm; 0 where both are zero."""
    size = max(float(np.linalg.norm(one)), float(np.linalg.norm(other)))
    return float(np.linalg.norm(one - other)) / size if size > 0 else 0.0


def direction(gradient: FloatArray, numeric: FloatArray) -> tuple[float | None, float | None]:
    """Cosine of the angle between two gradients, and the factor of the first over the second."""
    length, size = float(np.linalg.norm(gradient)), float(np.linalg.norm(numeric))
    if not length or not size:
        return None, None if not size else 0.0
    inner = float((gradient / length) @ (numeric / size))
    return inner, inner * length / size


def is_repeatable(values: Sequence[float]) -> bool:
    """Whether a function that was called several times at one point gave one value."""
    return len({repr(float(value)) for value in values}) == 1


def _central(move: Move, entry: int, step: float) -> float:
    return (move(entry, step) - move(entry, -step)) / (2 * step)


def _closer(
    move: Move, entry: int, step: float, value: float, *, noise: float
) -> tuple[bool, float]:
    """Whether there is a kink at an entry; the derivative at the largest step free of it.

    Where the function is smooth, the slopes to both sides differ by the curvature times the step,
    and central differences agree from step to step. A kink in reach breaks the second, a kink right
    at the point the first.
    """
    derivative, gap = _central(move, entry, step), _gap(move, entry, step, value)
    for factor in _CLOSER:
        wobble = 4 * noise / factor
        closer = _central(move, entry, step * factor)
        shrunk = _gap(move, entry, step * factor, value)
        agree = abs(closer - derivative) <= wobble + _SAME * abs(closer)
        if agree and shrunk <= max(_SHRINKS * gap, wobble):
            return False, derivative
        derivative, gap = closer, shrunk
    return True, derivative


def _gap(move: Move, entry: int, step: float, value: float) -> float:
    """How far the slopes to both sides differ."""
    return abs((move(entry, step) - value) - (value - move(entry, -step))) / step

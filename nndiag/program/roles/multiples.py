"""Whether one array is a multiple of another, whatever its layout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

TOLERANCE = 1e-6
"""How far two values of the same quantity, computed in two ways in double precision, may differ.

Ours: the tape and the programs agree to 1e-12 where nothing is badly conditioned.
"""


_SOME = 32  # numbers


def factor_between(value: Any, target: Any, *, tolerance: float = TOLERANCE) -> float | None:
    """The factor c for which `value = c · target`; None where there is none, or nothing to tell.

    Args:
        value: Numbers of any shape.
        target: As many numbers.
        tolerance: Norm of the difference, relative to that of `value`.
    """
    one, other = np.asarray(value, float).ravel(), np.asarray(target, float).ravel()
    if one.size != other.size or _is_no_multiple(one, other, tolerance):
        return None
    largest = [float(np.max(np.abs(item), initial=0.0)) for item in (one, other)]
    if not np.isfinite(largest).all() or 0.0 in largest:
        return None
    with np.errstate(all="ignore"):
        one, other = one / largest[0], other / largest[1]  # the squares of large ones overflow
        factor = float(one @ other) / float(other @ other)
        gap = float(np.linalg.norm(one - factor * other))
        whole = factor * (largest[0] / largest[1])
    return whole if gap <= tolerance * float(np.linalg.norm(one)) else None


def _is_no_multiple(one: np.ndarray, other: np.ndarray, tolerance: float) -> bool:
    """Whether some of the numbers tell already that the rest need not be looked at.

    What is left of some of them, whatever the factor, is at most what is left of all.
    """
    if one.size < 4 * _SOME:
        return False
    few, their = one[:: one.size // _SOME], other[:: one.size // _SOME]
    with np.errstate(all="ignore"):  # what is not finite, or zero, is left to the whole comparison
        rest = few - (few @ their) / (their @ their) * their
        return bool(rest @ rest > (2 * tolerance) ** 2 * (one @ one))


def laid_out(value: Any, shape: tuple[int, ...], *, turned: bool = True) -> Iterator[np.ndarray]:
    """A value in the layouts in which it may stand for an array of a shape: as it is, transposed.

    Args:
        value: Numbers.
        shape: What they are compared with.
        turned: Whether a square array may be the transposed one.
    """
    array = np.asarray(value, float)
    if array.size != int(np.prod(shape)):
        return
    squeezed = tuple(size for size in shape if size != 1)
    own = tuple(size for size in array.shape if size != 1)
    if own == squeezed:
        yield array.reshape(shape)
    if (
        array.ndim == 2
        and min(array.shape) > 1
        and own[::-1] == squeezed
        and (turned or own != squeezed)
    ):
        yield array.T.reshape(shape)
    if own != squeezed and (len(own) <= 1 or len(squeezed) <= 1):
        yield array.reshape(shape)


def multiple_of(
    value: Any, target: Any, *, tolerance: float = TOLERANCE, turned: bool = True
) -> float | None:
    """The factor between a value and a target in any layout; None where it is no multiple."""
    wanted = np.asarray(target, float)
    for array in laid_out(value, wanted.shape, turned=turned):
        factor = factor_between(array, wanted, tolerance=tolerance)
        if factor is not None:
            return factor
    return None


def has_one_size(vector: np.ndarray, *, tolerance: float) -> bool:
    """Whether all entries that count have one size: then a square of them is a multiple of them.

    That of a layer whose other units are dead, or saturated, may have a single one.

    Args:
        vector: Some numbers.
        tolerance: Relative to the largest.
    """
    largest = float(np.abs(vector).max(initial=0.0))
    sizes = np.abs(vector[np.abs(vector) > tolerance * largest])
    return vector.size > 1 and largest - float(sizes.min(initial=largest)) <= tolerance * largest

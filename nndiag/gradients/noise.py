"""The rounding error of a function's value, measured.

A loss is not as exact as its number type: it may be computed in float32 inside, subtract large
numbers from each other, or take the logarithm of what is nearly 1. Along a tiny stretch it is a
polynomial of low degree plus that error. High differences of equally spaced values remove the
polynomial and leave the error.

Source: Moré and Wild 2011, "Estimating computational noise", section 3.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial, sqrt

import numpy as np

_SPACING = 2.0**-30  # of the values: a power of two, so that no place is rounded itself
_VALUES = 8
_ASIDE = 100  # spacings from the point, where zeros sit on kinks
_ORDERS = (3, 4, 5)


def measured_noise(value_at: Callable[[float], float], *, precision: float) -> float:
    """Standard deviation of the rounding error of a function; 0 where it does not change at all.

    Args:
        value_at: Gives the function's value at a distance along a line, in units of the parameters.
        precision: Relative precision of the parameters' number type; closer values are one point.

    Returns:
        The error; the largest of several orders of differences, as a few values scatter.
    """
    spacing = max(_SPACING, 4 * precision)
    places = spacing * (_ASIDE + np.arange(_VALUES))
    values = np.array([value_at(float(place)) for place in places])
    if not np.isfinite(values).all():
        return 0.0
    values -= values.mean()
    return max(_of_order(values, order) for order in _ORDERS)


def _of_order(values: np.ndarray, order: int) -> float:
    """The error that differences of one order show: γₖ·mean((Δᵏf)²), with γₖ = (k!)²/(2k)!."""
    share = factorial(order) ** 2 / factorial(2 * order)
    return sqrt(share * float(np.mean(np.diff(values, order) ** 2)))

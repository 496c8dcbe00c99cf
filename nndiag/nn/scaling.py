"""Scaling of inputs and targets: a shift and a divisor per column, taken from the training part.

Columns that do not vary are shifted but not divided.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.registry import Registry

_NOTHING = 1e-12  # spread relative to the column's size below which it is rounding error


@dataclass(frozen=True, eq=False)
class Scaling:
    """scaled = (raw − shift) / divisor.

    Attributes:
        shift: Shape (D,).
        divisor: Shape (D,), never 0.
    """

    shift: FloatArray
    divisor: FloatArray

    def apply(self, raw: FloatArray) -> FloatArray:
        """Scaled values of raw ones, shape (B, D)."""
        return np.asarray((raw - self.shift) / self.divisor)

    def undo(self, scaled: FloatArray) -> FloatArray:
        """Raw values of scaled ones, shape (B, D)."""
        return np.asarray(scaled * self.divisor + self.shift)


SCALINGS: Registry[Callable[[FloatArray], Scaling]] = Registry("scaling")


@SCALINGS.register("none")
def none(values: FloatArray) -> Scaling:
    """As they are."""
    columns = values.shape[1]
    return Scaling(np.zeros(columns), np.ones(columns))


@SCALINGS.register("standardize")
def standardize(values: FloatArray) -> Scaling:
    """Each column to mean 0 and standard deviation 1."""
    return _scaling(values, shift=values.mean(axis=0), spread=values.std(axis=0))


@SCALINGS.register("minmax")
def minmax(values: FloatArray) -> Scaling:
    """Each column to [0, 1]."""
    low, high = values.min(axis=0), values.max(axis=0)
    return _scaling(values, shift=low, spread=high - low)


@SCALINGS.register("divide_by_variance")
def divide_by_variance(values: FloatArray) -> Scaling:
    """(x − mean) / variance over all columns together: a common slip for standardize.

    The result has standard deviation 1/σ, not 1.
    """
    shift, deviation = values.mean(), values.std()
    columns = values.shape[1]
    return _scaling(
        values, shift=np.full(columns, shift), spread=np.full(columns, deviation), power=2
    )


def _scaling(
    values: FloatArray, *, shift: FloatArray, spread: FloatArray, power: int = 1
) -> Scaling:
    """Divides by spread^power where the spread is more than rounding error."""
    varies = spread > _NOTHING * np.abs(values).max(axis=0)
    return Scaling(shift, np.where(varies, spread**power, 1.0))

"""How far a series jumps from record to record."""

import numpy as np

from nndiag.arrays import FloatArray

_SECOND = 3**0.5  # second differences of noise are so much larger than first ones


def typical_jump(values: FloatArray) -> float:
    """Median size of the jumps from value to value (N,), not counting a trend or a few outliers.

    The smaller of the median first and second difference: a steady fall has small second ones,
    swings between two values have first ones that are half of them.
    """
    first, second = (float(np.median(np.abs(np.diff(values, n=order)))) for order in (1, 2))
    return min(first, second / _SECOND)

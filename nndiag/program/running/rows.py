"""Rows of numbers, one for each step, thinned so that memory stays bounded in long runs."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any

MOST = 16_384
"""Rows that are kept at most; beyond, neighbours are joined two by two."""


class Rows:
    """Step numbers and values; a row of a long run is the mean of as many steps as `stride`.

    Args:
        columns: Number of values of a row.
        most: Rows that are kept at most; even.
    """

    def __init__(self, columns: int, *, most: int = MOST) -> None:
        self.stride = 1
        self._data = np.empty((most, columns))
        self._count = 0
        self._sums = np.zeros(columns)
        self._pending = 0
        self._steps = 0

    def add(self, values: Array) -> None:
        """Take the values of one more step, shape (columns,)."""
        self._steps += 1
        if self.stride == 1:
            self._data[self._count] = values
            self._count += 1
        else:
            self._sums += values
            self._pending += 1
            if self._pending < self.stride:
                return
            self._data[self._count] = self._sums / self._pending
            self._count += 1
            self._sums[:] = 0.0
            self._pending = 0
        if self._count == len(self._data):
            self._halve()

    def _halve(self) -> None:
        half = self._count // 2
        with np.errstate(all="ignore"):
            self._data[:half] = 0.5 * (self._data[0 : 2 * half : 2] + self._data[1 : 2 * half : 2])
        self._count, self.stride = half, 2 * self.stride

    @property
    def steps(self) -> Array:
        """The last step of each row, shape (N,)."""
        ends = np.arange(1, self._count + 1) * self.stride - 1
        return np.append(ends, self._steps - 1) if self._pending else ends

    @property
    def values(self) -> Array:
        """The rows, shape (N, columns)."""
        rows = self._data[: self._count]
        return np.vstack([rows, self._sums / self._pending]) if self._pending else rows.copy()

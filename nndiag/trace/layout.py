"""The columns of a trace's rows, in memory and on disk, and the series that they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from nndiag.arrays import FloatArray
from nndiag.trace.series import SERIES
from nndiag.trace.trace import Series

EVERY_STEP = ("loss", "gradient_norm")
"""The series of the step rows; all others are probes."""

ABSENT_BITS = np.uint64(0x7FF8_0000_0000_0AB5)
"""A quiet NaN with a payload of its own: "not recorded", as against a measured NaN."""

ABSENT = ABSENT_BITS.view(np.float64)


@dataclass(frozen=True)
class Layout:
    """Which column of a row holds what.

    A step row is `step, loss, gradient_norm[layer1], …`; a probe row is `step` and then each other
    series of `SERIES`, with one column, or one per layer. What was not recorded is `ABSENT`.

    Attributes:
        layers: Names of the layers, from the input side.
    """

    layers: tuple[str, ...]

    @cached_property
    def step_columns(self) -> tuple[str, ...]:
        """Names of the columns of a step row."""
        return ("step", *(name for series in EVERY_STEP for name in self._columns(series)))

    @cached_property
    def probe_columns(self) -> tuple[str, ...]:
        """Names of the columns of a probe row."""
        probes = (series for series in SERIES if series not in EVERY_STEP)
        return ("step", *(name for series in probes for name in self._columns(series)))

    @cached_property
    def probe_slices(self) -> dict[str, slice]:
        """The columns of each probe series in a probe row."""
        return _slices(self.probe_columns)

    def probe_row(self, step: int, values: Mapping[str, ArrayLike]) -> FloatArray:
        """One probe row.

        Args:
            step: The step at which the values were measured.
            values: A number for each series, or one number per layer, shape (L,).

        Returns:
            Float array, shape (1, columns).

        Raises:
            KeyError: A name is no probe series of `SERIES`.
        """
        row = np.full((1, len(self.probe_columns)), ABSENT)
        row[0, 0] = step
        for name, value in values.items():
            row[0, self.probe_slices[name]] = value
        return row

    def _columns(self, series: str) -> tuple[str, ...]:
        if SERIES[series].per_layer:
            return tuple(f"{series}[{layer}]" for layer in self.layers)
        return (series,)


def series_of_rows(rows: FloatArray, columns: tuple[str, ...]) -> dict[str, Series]:
    """The series that rows hold, each without the rows in which it is absent.

    A series that is never absent is a view of the rows, and they have one array of steps together:
    of a long run nothing is held twice.

    Args:
        rows: Float array, shape (N, columns); the first column is the step.
        columns: Names of the columns.
    """
    steps = rows[:, 0].astype(np.int64)
    series = {}
    for name, place in _slices(columns).items():
        values, absent = rows[:, place], np.ones(len(rows), bool)
        for column in rows.T[place]:
            absent &= column.view(np.uint64) == ABSENT_BITS
        if absent.all():
            continue
        per_layer = columns[place.start].endswith("]")
        whole = not absent.any()
        values = values if per_layer else values[:, 0]
        series[name] = Series(*((steps, values) if whole else (steps[~absent], values[~absent])))
    return series


def _slices(columns: tuple[str, ...]) -> dict[str, slice]:
    """The place of each series: "name" or "name[layer]", neighbours of one name together."""
    slices: dict[str, slice] = {}
    for index, column in enumerate(columns[1:], start=1):
        name = column.partition("[")[0]
        first = slices[name].start if name in slices else index
        slices[name] = slice(first, index + 1)
    return slices

"""A table: names of columns, their cells, and the line of each row."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.errors import DataError, Location, Problem
from nndiag.tables.cells import number_in

Cell = str | float | None
"""Text as it stands in the file, a number, or None for nothing."""

MOST_COLUMNS = 20_000


class Table:
    """Named columns of cells.

    Args:
        file: The file, for messages.
        form: What the file was taken for, for messages: "CSV".
        names: Names of the columns; they may be empty or repeat.
        lines: Line of each row in the file, from 1.
        cells: Gives the cells of all columns, each as long as `lines`; asked when needed.
        arrays: Columns that were read as numbers at once, each (rows,).
        delimiter: What separates the cells; empty where that means nothing.

    Raises:
        DataError: The columns are too many.
    """

    def __init__(
        self,
        file: str,
        form: str,
        names: Sequence[str],
        lines: Sequence[int],
        *,
        cells: Callable[[], Sequence[Sequence[Cell]]],
        arrays: Mapping[int, FloatArray] | None = None,
        delimiter: str = "",
    ) -> None:
        refuse_width(len(names), file)
        self.file = file
        self.form = form
        self.names = tuple(names)
        self.lines = lines
        self.delimiter = delimiter
        self._arrays = dict(arrays or {})
        self._cells = cells

    @cached_property
    def _columns(self) -> Sequence[Sequence[Cell]]:
        return self._cells()

    def cells(self, number: int) -> Sequence[Cell]:
        """The cells of a column."""
        return self._columns[number]

    def words(self, number: int) -> list[str]:
        """The cells of a column as text."""
        return ["" if cell is None else str(cell) for cell in self.cells(number)]

    def numbers(self, number: int, *, comma: bool = False) -> FloatArray | None:
        """A column as numbers, shape (rows,); None where a cell is none.

        Args:
            number: The column.
            comma: Whether a comma is a decimal mark.
        """
        if number not in self._arrays and not comma:
            cells: Sequence[Any] = self.cells(number)
            with contextlib.suppress(ValueError, TypeError):  # others are read one by one
                self._arrays[number] = np.fromiter(map(float, cells), np.float64, len(cells))
        if number in self._arrays:
            return self._arrays[number]
        found = [number_of(cell, comma=comma) for cell in self.cells(number)]
        return None if None in found else np.array(found, dtype=np.float64)

    def place(self, row: int) -> Location:
        """Where a row stands."""
        return Location(self.file, self.lines[row])


def number_of(cell: Cell, *, comma: bool = False) -> float | None:
    """The number that a cell is or holds; None where there is none."""
    return number_in(cell, comma=comma) if isinstance(cell, str) else cell


def refuse_width(columns: int, file: str, *, line: int = 1) -> None:
    """Refuse a table of more columns than a network or a log can have.

    Raises:
        DataError: There are more.
    """
    if columns > MOST_COLUMNS:
        hint = "one row per example or step, one column per quantity; is the table turned over?"
        allowed = f"up to {MOST_COLUMNS:,}"
        place = Location(file, line)
        raise DataError(Problem("too many columns", place, f"{columns:,}", allowed, hint))

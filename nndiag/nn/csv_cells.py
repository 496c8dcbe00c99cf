"""The cells of chosen columns of a table as numbers, or as the labels of classes."""

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nndiag.errors import DataError, Location, Problem
from nndiag.nn.csv_table import Table, has_comma

FloatArray = NDArray[np.float64]

_REPORTED = 3  # bad cells of one column
_FEW = 20  # different labels that are probably classes
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")  # 1,234: a thousand, or one and a bit


def parsed(
    table: Table, numbers: Sequence[int], *, targets: Sequence[int]
) -> dict[int, FloatArray]:
    """The chosen columns as numbers, each (B,).

    Commas are decimal marks where something else separates the columns.

    Args:
        table: The table.
        numbers: The columns.
        targets: Those of them that are targets, which may be classes.

    Raises:
        DataError: Cells that are not finite numbers, the first few.
    """
    table = _with_points(table, numbers)
    columns: dict[int, FloatArray] = {}
    problems: list[Problem] = []
    for number in numbers:
        cells = [row[number] for row in table.rows]
        try:
            column = np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
        except ValueError:
            problems.extend(_text_cells(table, number, is_target=number in targets))
            continue
        if not np.isfinite(column).all():
            problems.extend(_text_cells(table, number, is_target=False))
        columns[number] = column
    if problems:
        problems.sort(key=lambda problem: (problem.location and problem.location.line) or 0)
        raise DataError(problems)
    return columns


def labels_in(table: Table, number: int) -> list[str] | None:
    """The cells of a column of words; None for one with a number or with an empty cell."""
    cells = [row[number].strip() for row in table.rows]
    words = all(cell and number_in(cell) is None and not has_comma(cell) for cell in cells)
    return cells if words else None


def counts_rows(table: Table) -> bool:
    """Whether the first column has no name and counts the rows, as a data frame's index does."""
    if len(table.names) < 2 or table.names[0] or not all(table.names[1:]):
        return False
    counted = [number_in(row[0]) for row in table.rows]
    first = counted[0]
    return first in (0.0, 1.0) and counted == [first + row for row in range(len(counted))]


def number_in(cell: str) -> float | None:
    """The number in a cell; None where there is none."""
    try:
        return float(cell)
    except ValueError:
        return None


def _with_points(table: Table, numbers: Sequence[int]) -> Table:
    """The table with points for decimal commas, where commas can mean nothing else.

    Raises:
        DataError: All commas stand where a thousand's could.
    """
    if table.delimiter == ",":
        return table
    chosen = [row[number] for row in table.rows for number in numbers]
    commas = [cell.strip() for cell in chosen if "," in cell and has_comma(cell)]
    pointed = any("." in cell and number_in(cell) is not None for cell in chosen)
    if not commas or pointed:
        return table
    if all(_GROUPED.fullmatch(cell) for cell in commas):
        plain, point = commas[0].replace(",", ""), commas[0].replace(",", ".", 1)
        message = f"{commas[0]} may be {plain} or {point}"
        hint = "write the numbers without commas"
        raise DataError(Problem(message, Location(table.file, table.lines[0]), hint=hint))
    rows = [[_pointed(cell) for cell in row] for row in table.rows]
    return Table(table.file, table.names, rows, table.lines, table.delimiter)


def _pointed(cell: str) -> str:
    return cell.replace(",", ".") if "," in cell and has_comma(cell) else cell


def _text_cells(table: Table, number: int, *, is_target: bool) -> list[Problem]:
    """What is wrong with the cells of one column: at most a few, or one for a column of text."""
    cells = [(row[number], line) for row, line in zip(table.rows, table.lines, strict=True)]
    bad = [(cell, line) for cell, line in cells if not _finite(number_in(cell))]
    name = table.names[number]
    words = [cell for cell, _ in bad if cell.strip() and number_in(cell) is None]
    if len(words) == len(cells) and not all("," in word for word in words):
        labels = list(dict.fromkeys(words))
        shown = ", ".join(repr(word) for word in labels[:3])
        return [
            Problem(
                f"column {name!r} holds text, not numbers",
                Location(table.file, cells[0][1]),
                got=f"{shown}, …" if len(labels) > 3 else shown,
                hint=_text_hint(len(labels), is_target=is_target),
            )
        ]
    more = len(bad) - _REPORTED
    return [
        _bad_cell(table, name, cell=cell, line=line, more=more if place == _REPORTED else 0)
        for place, (cell, line) in enumerate(bad[:_REPORTED], 1)
    ]


def _text_hint(labels: int, *, is_target: bool) -> str:
    """What to do with a column of text."""
    if is_target and 1 < labels <= _FEW:
        encoding = "binary" if labels == 2 else "one_hot"
        return f"where these are classes: dataset.encoding={encoding}"
    return "write it as numbers, or choose other columns with dataset.x and dataset.y"


def _bad_cell(table: Table, name: str, *, cell: str, line: int, more: int) -> Problem:
    value = number_in(cell)
    hint = None
    if not cell.strip():
        message, hint = f"empty cell in column {name!r}", "fill it in or leave the row out"
    elif value is not None:
        message, hint = f"{cell.strip()} in column {name!r} is not finite", "leave the row out"
    else:
        message = f"not a number in column {name!r}"
        if number_in(cell.replace(",", ".")) is not None:
            hint = f"write a point for the decimal comma: {cell.strip().replace(',', '.')}"
    if more > 0:
        message += f"; {more:,} more rows are like this"
    return Problem(message, Location(table.file, line), got=repr(cell[:100]), hint=hint)


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)

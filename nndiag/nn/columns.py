"""The columns of a table that are asked for, as numbers or as the labels of classes."""

import math
import re
from collections.abc import Sequence

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.errors import DataError, Location, Problem
from nndiag.registry import suggestion
from nndiag.tables import Table, has_comma, number_in

_REPORTED = 3  # bad cells of one column
_MOST_NAMES = 20  # of columns that are listed
_FEW = 20  # different labels that are probably classes
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")  # 1,234: a thousand, or one and a bit


def numbers_of(table: Table, columns: str | int | list[str | int], *, option: str) -> list[int]:
    """Numbers of the columns that are asked for by name or by number.

    Args:
        table: The table.
        columns: What is asked for.
        option: What asks for it.

    Raises:
        DataError: A column does not exist, or two have the name.
    """
    wanted = columns if isinstance(columns, list) else [columns]
    problems = [found for one in wanted if (found := _absent(table, one, option)) is not None]
    if not wanted:
        problems = [Problem("no column is named", Location(table.file), option=option)]
    if problems:
        raise DataError(problems)
    return [
        column if isinstance(column, int) else table.names.index(column.strip())
        for column in wanted
    ]


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
    comma = _decimal_commas(table, numbers)
    columns: dict[int, FloatArray] = {}
    problems: list[Problem] = []
    for number in numbers:
        column = table.numbers(number, comma=comma)
        if column is None:
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
    cells = [cell.strip() for cell in table.words(number)]
    words = all(cell and number_in(cell) is None and not has_comma(cell) for cell in cells)
    return cells if words else None


def counts_rows(table: Table) -> bool:
    """Whether the first column has no name and counts the rows, as a data frame's index does."""
    if len(table.names) < 2 or table.names[0] or not all(table.names[1:]):
        return False
    counted = table.numbers(0)
    if counted is None or counted[0] not in (0.0, 1.0):
        return False
    return np.array_equal(counted, counted[0] + np.arange(len(counted)))


def _decimal_commas(table: Table, numbers: Sequence[int]) -> bool:
    """Whether commas in the columns are decimal marks, because they can mean nothing else.

    Raises:
        DataError: All commas stand where a thousand's could.
    """
    if table.delimiter == "," or all(table.numbers(number) is not None for number in numbers):
        return False
    chosen = [cell for number in numbers for cell in table.words(number)]
    commas = [cell.strip() for cell in chosen if "," in cell and has_comma(cell)]
    pointed = any("." in cell and number_in(cell) is not None for cell in chosen)
    if not commas or pointed:
        return False
    if all(_GROUPED.fullmatch(cell) for cell in commas):
        plain, point = commas[0].replace(",", ""), commas[0].replace(",", ".", 1)
        message = f"{commas[0]} may be {plain} or {point}"
        hint = "write the numbers without commas"
        raise DataError(Problem(message, table.place(0), hint=hint))
    return True


def _text_cells(table: Table, number: int, *, is_target: bool) -> list[Problem]:
    """What is wrong with the cells of one column: at most a few, or one for a column of text."""
    cells = list(zip(table.words(number), table.lines, strict=True))
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


def _absent(table: Table, column: str | int, option: str) -> Problem | None:
    names = ", ".join(repr(name) for name in table.names[:_MOST_NAMES])
    names += ", …" if len(table.names) > _MOST_NAMES else ""
    place = Location(table.file, 1)
    if isinstance(column, int):
        if 0 <= column < len(table.names):
            return None
        limit = f"0 to {len(table.names) - 1}"
        return Problem(f"no column number {column}", place, allowed=limit, option=option)
    found = table.names.count(column.strip())
    if found == 0:
        hint = suggestion(column, table.names)
        return Problem(f"no column {column!r}", place, allowed=names, hint=hint, option=option)
    if found > 1:
        hint = "name it by its number, from 0"
        return Problem(f"{found} columns are called {column!r}", place, hint=hint, option=option)
    return None

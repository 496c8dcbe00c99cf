"""The text of a CSV file as columns of numbers; each problem is told with its line."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nndiag.errors import DataError, Location, Problem
from nndiag.nn.file_content import content_of
from nndiag.registry import suggestion

FloatArray = NDArray[np.float64]

_REPORTED = 10  # problems of one file


@dataclass(frozen=True)
class Table:
    """The text of a CSV file: names of the columns, cells, and the line of each row."""

    file: str
    names: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    delimiter: str


def table_of(path: Path) -> Table:
    """The table in a file.

    Raises:
        DataError: The file cannot be read, has no rows, or rows of different length.
    """
    text = _text(path)
    delimiter = _delimiter(text)
    rows, lines = [], []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(Problem(str(error), Location(str(path), reader.line_num))) from error
    if not rows:
        raise DataError(Problem("the file is empty", Location(str(path))))
    names = tuple(f"column{number}" for number in range(len(rows[0])))
    if not any(_number(cell) is not None for cell in rows[0]):
        header = rows.pop(0)
        lines.pop(0)
        header[0] = header[0].removeprefix("#")
        names = tuple(cell.strip() for cell in header)
    if not rows:
        raise DataError(Problem("the file has a header and no rows", Location(str(path), 1)))
    table = Table(str(path), names, rows, lines, delimiter)
    _refuse_ragged(table)
    return table


def numbers_of(table: Table, columns: str | int | list[str | int]) -> list[int]:
    """Numbers of the columns that are asked for by name or by number.

    Raises:
        DataError: A column does not exist, or two have the name.
    """
    wanted = columns if isinstance(columns, list) else [columns]
    problems = [problem for column in wanted if (problem := _absent(table, column)) is not None]
    if not wanted:
        problems = [Problem("no column is named", Location(table.file))]
    if problems:
        raise DataError(problems)
    return [
        column if isinstance(column, int) else table.names.index(column.strip())
        for column in wanted
    ]


def parsed(table: Table, numbers: Sequence[int]) -> dict[int, FloatArray]:
    """The chosen columns as numbers, each (B,).

    Raises:
        DataError: Cells that are not finite numbers, the first few.
    """
    columns: dict[int, FloatArray] = {}
    problems: list[Problem] = []
    for number in numbers:
        cells = [row[number] for row in table.rows]
        try:
            column = np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
        except ValueError:
            problems.extend(_text_cells(table, number))
            continue
        if not np.isfinite(column).all():
            problems.extend(_text_cells(table, number))
        columns[number] = column
    if problems:
        problems.sort(key=lambda problem: (problem.location and problem.location.line) or 0)
        raise DataError(problems[:_REPORTED])
    return columns


def _text(path: Path) -> str:
    """The file's text without a byte order mark."""
    try:
        return content_of(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Location(str(path))
        hint = "save it as UTF-8"
        raise DataError(Problem("the file is not UTF-8 text", place, hint=hint)) from error


def _delimiter(text: str) -> str:
    """The separator that the first line has most of; a comma where it has none."""
    first = text.lstrip("\r\n").partition("\n")[0]
    return max((",", ";", "\t"), key=first.count)


def _refuse_ragged(table: Table) -> None:
    width = len(table.names)
    ragged = [
        Problem(
            f"row of {len(row)} cells in a table of {width} columns",
            Location(table.file, line),
            got=table.delimiter.join(row)[:100],
        )
        for row, line in zip(table.rows, table.lines, strict=True)
        if len(row) != width
    ]
    if ragged:
        raise DataError(ragged[:_REPORTED])


def _absent(table: Table, column: str | int) -> Problem | None:
    names = ", ".join(repr(name) for name in table.names)
    place = Location(table.file, 1)
    if isinstance(column, int):
        if 0 <= column < len(table.names):
            return None
        limit = f"0 to {len(table.names) - 1}"
        return Problem(f"no column number {column}", place, allowed=limit)
    found = table.names.count(column.strip())
    if found == 0:
        hint = suggestion(column, table.names)
        return Problem(f"no column {column!r}", place, allowed=names, hint=hint)
    if found > 1:
        hint = "name it by its number, from 0"
        return Problem(f"{found} columns are called {column!r}", place, hint=hint)
    return None


def _text_cells(table: Table, number: int) -> list[Problem]:
    """What is wrong with the cells of one column: at most a few, or one for a column of text."""
    cells = [(row[number], line) for row, line in zip(table.rows, table.lines, strict=True)]
    bad = [(cell, line) for cell, line in cells if not _finite(_number(cell))]
    name = table.names[number]
    words = [cell for cell, _ in bad if cell.strip() and _number(cell) is None]
    if len(words) == len(cells) and not all("," in word for word in words):
        labels = ", ".join(repr(word) for word in list(dict.fromkeys(words))[:3])
        return [
            Problem(
                f"column {name!r} holds text, not numbers",
                Location(table.file, cells[0][1]),
                got=f"{labels}, …" if len(set(words)) > 3 else labels,
                hint="write classes as numbers: 0 and 1 for two, one 0/1 column for each class for "
                "more; or choose other columns with x: and y:",
            )
        ]
    return [_bad_cell(table, name, cell=cell, line=line) for cell, line in bad[:_REPORTED]]


def _bad_cell(table: Table, name: str, *, cell: str, line: int) -> Problem:
    value = _number(cell)
    hint = None
    if not cell.strip():
        message, hint = f"empty cell in column {name!r}", "fill it in or leave the row out"
    elif value is not None:
        message, hint = f"{cell.strip()} in column {name!r} is not finite", "leave the row out"
    else:
        message = f"not a number in column {name!r}"
        if _number(cell.replace(",", ".")) is not None:
            hint = f"write a point for the decimal comma: {cell.strip().replace(',', '.')}"
    return Problem(message, Location(table.file, line), got=repr(cell[:100]), hint=hint)


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _number(cell: str) -> float | None:
    """The number in a cell; None where there is none."""
    try:
        return float(cell)
    except ValueError:
        return None

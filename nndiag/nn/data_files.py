"""Data sets from files of the user's own: CSV text and NumPy archives.

Whatever is wrong with a file is told with its line; no file can run code.
"""

import csv as csv_module
import io
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nndiag.errors import DataError, Location, Problem
from nndiag.nn.datasets import DATASETS, Dataset
from nndiag.registry import suggestion

FloatArray = NDArray[np.float64]
Columns = str | int | list[str | int] | None

_LARGEST_FILE = 200_000_000  # bytes
_REPORTED = 10  # problems of one file


@DATASETS.register("csv")
def csv(rng: np.random.Generator, *, path: Path, x: Columns = None, y: Columns = None) -> Dataset:
    """A CSV file, with or without a header line; separated by commas, semicolons or tabs.

    `x` and `y` are names of columns, or their numbers from 0. By default the last column is the
    target and all others are inputs.

    Raises:
        DataError: The file cannot be read as numbers; each problem has its line.
    """
    table = _table(path)
    chosen_y = _numbers_of(table, y if y is not None else len(table.names) - 1)
    others = [number for number in range(len(table.names)) if number not in chosen_y]
    chosen_x = _numbers_of(table, x) if x is not None else others
    if not chosen_x:
        raise DataError(
            Problem(
                "no column is left for the inputs",
                Location(table.file, table.lines[0] if table.lines else None),
                got=f"columns {', '.join(table.names)}",
                hint="a file needs at least one input and one target column; commas, semicolons "
                "and tabs separate columns",
            )
        )
    values = _parsed(table, sorted({*chosen_x, *chosen_y}))
    return Dataset(
        np.stack([values[number] for number in chosen_x], axis=1),
        np.stack([values[number] for number in chosen_y], axis=1),
        tuple(table.names[number] for number in chosen_x),
        tuple(table.names[number] for number in chosen_y),
    )


@DATASETS.register("npz")
def npz(rng: np.random.Generator, *, path: Path, x: str = "x", y: str = "y") -> Dataset:
    """A NumPy archive (`numpy.savez`) with one array of inputs and one of targets.

    Each has shape (B,) or (B, columns). Arrays of objects are refused: they could run code.

    Raises:
        DataError: The file is no archive, or an array is missing, not numeric or not finite.
    """
    arrays = _arrays(path, (x, y))
    inputs, targets = (_matrix(path, name, arrays[name]) for name in (x, y))
    if len(inputs) != len(targets):
        raise DataError(
            Problem(
                f"arrays {x!r} and {y!r} differ in length",
                Location(str(path)),
                got=f"{len(inputs)} and {len(targets)} rows",
                allowed="one row per example in both",
            )
        )
    return Dataset(
        inputs, targets, _column_names(x, inputs.shape[1]), _column_names(y, targets.shape[1])
    )


@dataclass(frozen=True)
class _Table:
    """The text of a CSV file: names of the columns, cells, and the line of each row."""

    file: str
    names: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    delimiter: str


def _table(path: Path) -> _Table:
    text = _text(path)
    delimiter = _delimiter(text)
    rows, lines = [], []
    reader = csv_module.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv_module.Error as error:
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
    table = _Table(str(path), names, rows, lines, delimiter)
    _refuse_ragged(table)
    return table


def _text(path: Path) -> str:
    """The file's text without a byte order mark."""
    try:
        if path.exists() and not path.is_file():
            raise DataError(Problem("not a file", Location(str(path))))
        if path.stat().st_size > _LARGEST_FILE:
            raise DataError(
                Problem(
                    "the file is too large",
                    Location(str(path)),
                    got=f"{path.stat().st_size:,} bytes",
                    allowed=f"up to {_LARGEST_FILE:,} bytes",
                )
            )
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            Problem("the file is not UTF-8 text", Location(str(path)), hint="save it as UTF-8")
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(_unreadable(path, error)) from error


def _unreadable(path: Path, error: Exception) -> Problem:
    if isinstance(error, FileNotFoundError):
        near = suggestion(path.name, (p.name for p in path.parent.glob("*") if p.is_file()))
        return Problem("no such file", Location(str(path)), hint=near)
    reason = getattr(error, "strerror", None) or str(error)
    return Problem(f"cannot read the file: {str(reason).lower()}", Location(str(path)))


def _delimiter(text: str) -> str:
    """The separator that the first line has most of; a comma where it has none."""
    first = text.lstrip("\r\n").partition("\n")[0]
    return max((",", ";", "\t"), key=first.count)


def _number(cell: str) -> float | None:
    """The number in a cell; None where there is none."""
    try:
        return float(cell)
    except ValueError:
        return None


def _refuse_ragged(table: _Table) -> None:
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


def _numbers_of(table: _Table, columns: str | int | list[str | int]) -> list[int]:
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


def _absent(table: _Table, column: str | int) -> Problem | None:
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


def _parsed(table: _Table, numbers: Sequence[int]) -> dict[int, FloatArray]:
    """The chosen columns as numbers, each (B,)."""
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


def _text_cells(table: _Table, number: int) -> list[Problem]:
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


def _bad_cell(table: _Table, name: str, *, cell: str, line: int) -> Problem:
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


def _arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The named arrays of an archive."""
    try:
        if path.exists() and not path.is_file():
            raise DataError(Problem("not a file", Location(str(path))))
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile as error:
        problem = Problem(
            "not an .npz archive", Location(str(path)), hint="write it with numpy.savez"
        )
        raise DataError(problem) from error
    except (OSError, ValueError) as error:
        raise DataError(_unreadable(path, error)) from error
    if size > _LARGEST_FILE:
        allowed = f"up to {_LARGEST_FILE:,} bytes"
        raise DataError(
            Problem("the arrays are too large", Location(str(path)), f"{size:,} bytes", allowed)
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            absent = [name for name in names if name not in archive.files]
            if absent:
                raise DataError([_absent_array(path, name, archive.files) for name in absent])
            return {name: archive[name] for name in names}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, SyntaxError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = "save plain numeric arrays: numpy.savez(path, x=x, y=y)"
        problem = Problem(f"cannot read the arrays: {reason}", Location(str(path)), hint=hint)
        raise DataError(problem) from error


def _absent_array(path: Path, name: str, names: Sequence[str]) -> Problem:
    return Problem(
        f"no array {name!r}",
        Location(str(path)),
        allowed=", ".join(repr(other) for other in names) or "the archive is empty",
        hint=suggestion(name, names),
    )


def _matrix(path: Path, name: str, array: NDArray[Any]) -> FloatArray:
    """An array as finite numbers, shape (B, columns).

    Raises:
        DataError: It is not numeric, not finite, empty, or of more than two axes.
    """
    message = got = None
    if array.dtype.kind not in "biuf":
        message, got = f"array {name!r} does not hold real numbers", f"type {array.dtype}"
    elif array.ndim not in (1, 2) or array.size == 0:
        message, got = f"array {name!r} is not (B,) or (B, columns)", f"shape {array.shape}"
    elif not np.isfinite(array).all():
        first = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
        index = ", ".join(str(k) for k in first)
        message = f"array {name!r} has {int((~np.isfinite(array)).sum())} values not finite"
        got = f"{array[first]} at [{index}]"
    if message is not None:
        raise DataError(Problem(message, Location(str(path)), got=got))
    return array.astype(np.float64).reshape(len(array), -1)


def _column_names(name: str, columns: int) -> tuple[str, ...]:
    return (name,) if columns == 1 else tuple(f"{name}{k}" for k in range(columns))

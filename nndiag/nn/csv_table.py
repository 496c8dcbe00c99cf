"""The text of a CSV file as a table of cells; each problem is told with its line."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from nndiag.errors import DataError, Location, Problem
from nndiag.nn.file_content import content_of
from nndiag.registry import suggestion

_REPORTED = 3  # rows of another length
_MOST_NAMES = 20  # of columns that are listed
_SEPARATORS = (",", ";", "\t")
_SPACES = " "
_EXCEL_HINT = re.compile(r"sep=(.)", re.IGNORECASE)  # a first line that Excel writes and reads
_WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


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

    Lines that begin with `#` are comments, but for one before the first row that names the columns.

    Raises:
        DataError: The file cannot be read, has no rows, or rows of different length.
    """
    text = _text(path)
    delimiter = _delimiter(text)
    try:
        rows, lines = _rows(text, delimiter)
    except csv.Error as error:
        raise DataError(Problem(str(error), Location(str(path)))) from error
    if not rows:
        raise DataError(Problem("the file is empty", Location(str(path))))
    comments: list[list[str]] = []
    if "#" in text:
        places = [place for place, row in enumerate(rows) if not _is_comment(row)]
        comments = [row for row in rows if _is_comment(row)]
        rows, lines = [rows[place] for place in places], [lines[place] for place in places]
    names = None
    if rows and not any(is_number(cell, delimiter) for cell in rows[0]):
        names = _named(rows.pop(0))
        lines.pop(0)
    elif rows and comments and len(_named(comments[-1])) == len(rows[0]):
        names = _named(comments[-1])
    if not rows:
        raise DataError(Problem("the file has a header and no rows", Location(str(path), 1)))
    if names is None:
        names = tuple(f"column{number}" for number in range(len(rows[0])))
    table = Table(str(path), names, rows, lines, delimiter)
    _refuse_ragged(table)
    return table


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


def is_number(cell: str, delimiter: str) -> bool:
    """Whether a cell is a number, with a decimal comma too where commas separate nothing."""
    try:
        float(cell)
    except ValueError:
        return delimiter != "," and has_comma(cell)
    return True


def has_comma(cell: str) -> bool:
    """Whether a cell is a number with a comma in it."""
    return _WITH_COMMA.fullmatch(cell.strip()) is not None


def _text(path: Path) -> str:
    """The file's text without a byte order mark."""
    content = content_of(path)
    try:
        return content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        place = Location(str(path))
        hint = "save it as UTF-8"
        raise DataError(Problem("the file is not UTF-8 text", place, hint=hint)) from error


def _delimiter(text: str) -> str:
    """The separator that the first line has most of; spaces where there are none but them."""
    lines = (line for line in io.StringIO(text, newline=None) if line.strip())
    first = next(lines, "").strip()
    hint = _EXCEL_HINT.fullmatch(first)
    if hint is not None:
        return hint[1]
    while first.startswith("#") and (below := next(lines, "")):
        first = below.strip("\r\n")
    for separator in _SEPARATORS[1:]:  # commas in numbers are no separators, however many
        cells = first.split(separator)
        if len(cells) > 1 and all(is_number(cell, separator) for cell in cells):
            return separator
    most = max(_SEPARATORS, key=first.count)
    spaced = len(first.split()) > 1 and not any(sign in first + next(lines, "") for sign in ",;\t")
    return _SPACES if spaced else most


def _rows(text: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """The cells of each row that is not blank, and its line."""
    rows, lines = [], []
    if delimiter == _SPACES:
        for line, words in enumerate(text.splitlines(), 1):
            if words.strip():
                rows.append(words.split())
                lines.append(line)
        return rows, lines
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    for row in reader:
        if any(cell.strip() for cell in row) and (rows or not _is_hint(row, delimiter)):
            rows.append(row)
            lines.append(reader.line_num)
    return rows, lines


def _is_comment(row: list[str]) -> bool:
    return row[0].lstrip().startswith("#")


def _is_hint(row: list[str], delimiter: str) -> bool:
    return _EXCEL_HINT.fullmatch(delimiter.join(row).strip()) is not None


def _named(header: list[str]) -> tuple[str, ...]:
    """The names in a header, which may begin with `#`."""
    cells = [header[0].strip().lstrip("#").strip(), *(cell.strip() for cell in header[1:])]
    return tuple(cells[1:] if header[0].strip() == "#" and len(cells) > 1 else cells)


def _refuse_ragged(table: Table) -> None:
    """Refuses rows of another length than the first line.

    Raises:
        DataError: There are some: the first few, or all of them at once where none fits.
    """
    width = len(table.names)
    ragged = [
        (row, line) for row, line in zip(table.rows, table.lines, strict=True) if len(row) != width
    ]
    if len(ragged) == len(table.rows) > 1:
        cells = ", ".join(sorted({str(len(row)) for row, _ in ragged}))
        hint = "name every column in the first line, or begin it with # to leave it out"
        message = f"the first line has {width} cells, and no row below has as many"
        place = Location(table.file, 1)
        raise DataError(Problem(message, place, got=f"rows of {cells} cells", hint=hint))
    if ragged:
        more = len(ragged) - _REPORTED
        problems = [
            Problem(
                f"row of {len(row)} cells in a table of {width} columns",
                Location(table.file, line),
                got=table.delimiter.join(row)[:100],
                hint=f"{more:,} more rows are like this"
                if more > 0 and number == _REPORTED
                else None,
            )
            for number, (row, line) in enumerate(ragged[:_REPORTED], 1)
        ]
        raise DataError(problems)


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

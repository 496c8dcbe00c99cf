"""Tables whose cells a sign separates: CSV of any dialect, spaces, bars as in Markdown."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nndiag.errors import DataError, Location, Problem
from nndiag.tables.cells import ABSENT, is_number
from nndiag.tables.table import MOST_COLUMNS, Table, refuse_width

SPACES, WIDE = " ", "  "  # any number of them; two or more, between titles of several words
_SEPARATORS = (",", ";", "\t", "|")
_FORMS = {
    ",": "CSV",
    ";": "CSV with semicolons",
    "\t": "a table with tabs",
    "|": "a table with bars",
}
_EXCEL_HINT = re.compile(r"sep=(.)", re.IGNORECASE)  # a first line that Excel writes and reads
_RULE = re.compile(r"[-+|:=\s─┼│]+")  # between a header and its rows
_WIDE = re.compile(r"\s{2,}|\t")
_REPORTED = 3  # rows of another length
_LARGE = 2**20  # characters from which a table is read at once, if it can be
_MOST_BEFORE = 200  # lines that may stand above a header

Rows = list[list[str]]


@dataclass(frozen=True)
class Header:
    """Where the names of the columns stand.

    Attributes:
        line: The line, from 0.
        delimiter: What separates them.
    """

    line: int
    delimiter: str


def header_in(text: str, is_title: Callable[[str], bool]) -> Header | None:
    """The first line of titles, which may stand below other text; None where there is none.

    Args:
        text: The file.
        is_title: Whether a title is one that is looked for; a header has one at least.
    """
    lines = text.split("\n", _MOST_BEFORE + 2)[: _MOST_BEFORE + 1]
    for number, line in enumerate(lines):
        if max(map(line.count, _SEPARATORS)) >= MOST_COLUMNS:
            continue
        below = next((x for x in lines[number + 1 :] if _says_something(x) and x[:1] != "#"), "")
        for delimiter in (*_SEPARATORS, WIDE, SPACES):
            titles = [cell.strip() for cell in _split(line, delimiter)]
            titles[:1] = [title.lstrip("# ") for title in titles[:1]]
            if any(is_number(title, delimiter) for title in titles):
                continue
            cells = _cells(below, delimiter, len(titles))
            index = delimiter in (SPACES, WIDE) and len(cells) == len(titles) + 1
            index = index and cells[0][-1:] not in (":", "=")  # which a value follows
            under = cells[1:] if index else cells
            if (
                below
                and len(under) == len(titles)
                and any(
                    is_title(title) and (is_number(cell, delimiter) or cell.lower() in ABSENT)
                    for title, cell in zip(titles, under, strict=True)
                )
            ):
                return Header(number, delimiter)
    return None


def delimited_table(text: str, file: str, *, header: Header | None = None) -> Table:
    """The table in a text.

    Lines that begin with `#` are comments, but for one before the first row that names the columns.

    Args:
        text: The file.
        file: Its path, for messages.
        header: Where its header stands, if that is known: then rows that are no part of a table of
            spaces or bars are left out, as is a last row that was cut short. Without, a first line
            without a number is the header.

    Raises:
        DataError: No rows, rows of different length, or too many columns.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    above = 0 if header is None else header.line
    delimiter = _delimiter(text, file) if header is None else header.delimiter
    part = _Part(text.split("\n", above)[above] if above else text, file, delimiter, above)
    large = len(part.text) > _LARGE
    return (_at_once(part) if large else None) or _by_rows(part, found=header is not None)


@dataclass(frozen=True)
class _Part:
    """The part of a file that is a table.

    Attributes:
        text: It, lines ending with newlines only.
        file: The file.
        delimiter: What separates the cells.
        above: Lines above it.
    """

    text: str
    file: str
    delimiter: str
    above: int

    @property
    def form(self) -> str:
        """What the table is called."""
        return _FORMS.get(self.delimiter, "a table with spaces")


def _at_once(part: _Part) -> Table | None:
    """A large plain table, its columns of numbers read by NumPy; None for any other.

    Three times faster than by rows, and with a tenth of the memory.
    """
    text, sign = part.text.removesuffix("\n"), part.delimiter
    if sign not in (",", ";", "\t") or '"' in text or "#" in text:
        return None
    lines = text.split("\n")
    named = not any(is_number(cell, sign) for cell in lines[0].split(sign))
    first = [cell.strip() for cell in lines[0].split(sign)]
    body = lines[1:] if named else lines
    names = first if named else [f"column{number}" for number in range(len(first))]
    if not body or any(line.count(sign) != len(first) - 1 for line in body):
        return None
    chosen = [place for place, cell in enumerate(body[0].split(sign)) if _is_plain(cell)]
    try:
        found = np.loadtxt(body, delimiter=sign, usecols=chosen, comments=None, ndmin=2)
    except ValueError:
        return None
    if len(found) != len(body) or not chosen:
        return None
    begin = part.above + 1 + named
    return Table(
        part.file,
        part.form,
        names,
        range(begin, begin + len(body)),
        cells=lambda: list(zip(*(line.split(sign) for line in body), strict=True)),
        arrays=dict(zip(chosen, np.ascontiguousarray(found.T), strict=True)),
        delimiter=sign,
    )


def _by_rows(part: _Part, *, found: bool) -> Table:
    """Any table.

    Raises:
        DataError: As `delimited_table`.
    """
    rows, lines = _rows(part)
    comments: Rows = []
    if "#" in part.text and not (found and rows and _is_comment(rows[0])):
        comments = [row for row in rows if _is_comment(row)]
        rows, lines = _without_comments(rows, lines)
    names = None
    if rows and (found or not any(is_number(cell, part.delimiter) for cell in rows[0])):
        names = _named(rows.pop(0))
        lines.pop(0)
        if part.delimiter == WIDE:
            rows = [_cells(WIDE.join(row), WIDE, len(names)) for row in rows]
        rows, lines = _without_comments(rows, lines)
    elif rows and comments and len(_named(comments[-1])) == len(rows[0]):
        names = _named(comments[-1])
    if not rows:
        empty = names is None and not comments
        message = "the file is empty" if empty else "the file has a header and no rows"
        raise DataError(Problem(message, Location(part.file, None if empty else part.above + 1)))
    if names is None:
        names = tuple(f"column{number}" for number in range(len(rows[0])))
    if found:
        names, rows, lines = _fitting(names, rows, lines, part)
    _refuse_ragged(names, rows, lines, part)
    columns = list(zip(*rows, strict=True))
    return Table(
        part.file, part.form, names, lines, cells=lambda: columns, delimiter=part.delimiter
    )


def _fitting(
    names: tuple[str, ...], rows: Rows, lines: list[int], part: _Part
) -> tuple[tuple[str, ...], Rows, list[int]]:
    """Names and rows below a header that was found.

    Between spaces and bars there may be other text; a frame that was printed has its index before
    each row; a program that still writes has its last row cut short.
    """
    if part.delimiter in (SPACES, WIDE) and all(
        len(row) == len(names) + 1 and row[0].isdigit() for row in rows
    ):
        return ("", *names), rows, lines
    if part.delimiter in (SPACES, WIDE, "|"):
        kept = [place for place, row in enumerate(rows) if len(row) == len(names)]
        first = rows[kept[0]] if kept else []
        kept = [place for place in kept if _is_alike(rows[place], first)]
        return names, [rows[place] for place in kept], [lines[place] for place in kept]
    if not part.text.endswith("\n") and len(rows) > 1 and len(rows[-1]) < len(names):
        return names, rows[:-1], lines[:-1]
    return names, rows, lines


def _is_alike(row: list[str], first: list[str]) -> bool:
    """Whether a row has numbers where the first one has them; others are of another table."""
    return all(
        _is_value(cell) or cell.lower() in ABSENT
        for cell, known in zip(row, first, strict=True)
        if _is_value(known)
    )


def _is_value(cell: str) -> bool:
    """Whether a cell is a number, or one of so many: `3/10`."""
    number, _, most = cell.partition("/")
    return is_number(number, WIDE) and (not most or most.isdigit())


def _delimiter(text: str, file: str) -> str:
    """The separator that the first line has most of; spaces where there are none but them.

    Raises:
        DataError: It makes too many columns.
    """
    lines = (line for line in io.StringIO(text) if line.strip())
    first = next(lines, "").strip()
    hint = _EXCEL_HINT.fullmatch(first)
    if hint is not None:
        return hint[1]
    while first.startswith("#") and (below := next(lines, "")):
        first = below.strip("\n")
    refuse_width(max(map(first.count, _SEPARATORS)) + 1, file)
    for separator in _SEPARATORS[1:]:  # commas in numbers are no separators, however many
        cells = first.split(separator)
        if len(cells) > 1 and all(is_number(cell, separator) for cell in cells):
            return separator
    most = max(_SEPARATORS, key=first.count)
    words = len(first.split())
    spaced = words > 1 and not any(sign in first + next(lines, "") for sign in _SEPARATORS)
    refuse_width(words if spaced else 1, file)
    return SPACES if spaced else most


def _rows(part: _Part) -> tuple[Rows, list[int]]:
    """The cells of each row that says something, and its line.

    Raises:
        DataError: The text is no CSV.
    """
    rows, lines = [], []
    if part.delimiter in (SPACES, WIDE, "|"):
        for line, words in enumerate(part.text.split("\n"), part.above + 1):
            if _says_something(words):
                rows.append(_split(words, part.delimiter))
                lines.append(line)
        return rows, lines
    reader = csv.reader(io.StringIO(part.text, newline=""), delimiter=part.delimiter)
    try:
        for row in reader:
            if any(cell.strip() for cell in row) and (rows or not _is_hint(row, part.delimiter)):
                rows.append(row)
                lines.append(part.above + reader.line_num)
    except csv.Error as error:
        place = Location(part.file, part.above + reader.line_num)
        raise DataError(Problem(f"no CSV: {error}", place)) from error
    return rows, lines


def _split(line: str, delimiter: str) -> list[str]:
    """The cells of a line without quotes."""
    if delimiter == SPACES:
        return line.split()
    if delimiter == WIDE:
        return _WIDE.split(line.strip())
    line = line.strip()
    if delimiter == "|" and line.startswith("|"):
        line = line[1:].removesuffix("|")
    return [cell.strip() for cell in line.split(delimiter)]


def _cells(line: str, delimiter: str, count: int) -> list[str]:
    """The cells of a row below so many titles: numbers hold no spaces, as titles may."""
    cells = _split(line, delimiter)
    numbers = line.split() if delimiter == WIDE and len(cells) < count else []
    return numbers if len(numbers) == count and all(map(_is_value, numbers)) else cells


def _says_something(line: str) -> bool:
    """Whether a line is neither blank nor a rule between rows."""
    return bool(line.strip()) and (line.isalnum() or _RULE.fullmatch(line) is None)


def _without_comments(rows: Rows, lines: list[int]) -> tuple[Rows, list[int]]:
    kept = [place for place, row in enumerate(rows) if not _is_comment(row)]
    if len(kept) == len(rows):
        return rows, lines
    return [rows[place] for place in kept], [lines[place] for place in kept]


def _is_comment(row: list[str]) -> bool:
    return bool(row) and row[0].lstrip().startswith("#")


def _is_hint(row: list[str], delimiter: str) -> bool:
    return _EXCEL_HINT.fullmatch(delimiter.join(row).strip()) is not None


def _is_plain(cell: str) -> bool:
    """Whether a cell is a number as NumPy reads it."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _named(header: list[str]) -> tuple[str, ...]:
    """The names in a header, which may begin with `#`."""
    cells = [header[0].strip().lstrip("#").strip(), *(cell.strip() for cell in header[1:])]
    return tuple(cells[1:] if header[0].strip() == "#" and len(cells) > 1 else cells)


def _refuse_ragged(names: Sequence[str], rows: Rows, lines: Sequence[int], part: _Part) -> None:
    """Refuse rows of another length than the first line.

    Raises:
        DataError: There are some: the first few, or all of them at once where none fits.
    """
    width = len(names)
    ragged = [(row, line) for row, line in zip(rows, lines, strict=True) if len(row) != width]
    if len(ragged) == len(rows) > 1:
        cells = ", ".join(sorted({str(len(row)) for row, _ in ragged})[:5])
        hint = "name every column in the first line, or begin it with # to leave it out"
        message = f"the first line has {width} cells, and no row below has as many"
        place = Location(part.file, part.above + 1)
        raise DataError(Problem(message, place, got=f"rows of {cells} cells", hint=hint))
    if ragged:
        more = len(ragged) - _REPORTED
        problems = [
            Problem(
                f"row of {len(row)} cells in a table of {width} columns",
                Location(part.file, line),
                got=part.delimiter.join(row)[:100],
                hint=f"{more:,} more rows are like this"
                if more > 0 and number == _REPORTED
                else None,
            )
            for number, (row, line) in enumerate(ragged[:_REPORTED], 1)
        ]
        raise DataError(problems)

"""The rows of another program's log: CSV with a header, JSON Lines, or one JSON document.

Sizes are bounded, nothing is executed, and what cannot be read is told with its line. A last line
that was cut short is left out: the program may still be writing.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nndiag.errors import Location, Problem, RunError, similar_path
from nndiag.trace.trace import FloatArray

LARGEST_LOG = 256 * 2**20
"""Bytes; a larger file is refused unread."""

_MOST_COLUMNS = 10_000
_MOST_PROBLEMS = 8
_ABSENT = {"", "none", "null", "na", "n/a", "-"}
_DECIMAL_COMMA = re.compile(r"^[+-]?\d+,\d+([eE][+-]?\d+)?$")
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_NO_HEADER = "begin with a line that names the columns: step,loss"


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        line: Its line, from 1.
        values: Column title → number, or text that is none; what is empty is left out.
    """

    line: int
    values: Mapping[str, float | str]


class Log:
    """A log file, and what is wrong with it.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def rows(self) -> Iterator[Row]:
        """All rows that can be read.

        Raises:
            RunError: The file cannot be read at all, or too much in it is wrong.
        """
        text = self._text()
        if not text.strip():
            raise RunError(Problem("the log is empty", Location(str(self.path))))
        is_json = text.lstrip()[:1] in ("{", "[")
        yield from self._json_rows(text) if is_json else self._csv_rows(text)

    def table(self, wanted: Callable[[str], bool]) -> tuple[list[str], FloatArray] | None:
        """Titles and numbers of a plain CSV file, read at once: of one with a number in each cell.

        Its rows are on consecutive lines, from the second one on. Everything else is left to
        `rows`, which is slower by a factor of ten and tells what is wrong.

        Args:
            wanted: Whether a title is of a column that is to be read.

        Returns:
            The titles of all columns, and an array (rows, columns) with NaN in those that are not
            wanted; None for any other file.
        """
        head, _, rest = self._text().removesuffix("\n").partition("\n")
        delimiter = _delimiter(head)
        titles = [title.strip() for title in head.split(delimiter)]
        chosen = [place for place, title in enumerate(titles) if wanted(title)]
        rows = rest.count("\n") + 1
        even = rest.count(delimiter) == (len(titles) - 1) * rows
        plain = len(set(titles)) == len(titles) <= _MOST_COLUMNS and head[:1] not in "#{["
        if not (chosen and rest and even and plain) or '"' in head or '"' in rest:
            return None
        try:
            found = np.loadtxt(
                rest.split("\n"), delimiter=delimiter, usecols=chosen, comments=None, ndmin=2
            )
        except ValueError:
            return None
        if len(found) != rows:
            return None
        numbers = np.full((rows, len(titles)), np.nan)
        numbers[:, chosen] = found
        return titles, numbers

    def wrong(self, message: str, line: int, *, column: int | None = None, **details: Any) -> None:
        """Note what is wrong at a line.

        Raises:
            RunError: Too much is.
        """
        self.problems.append(Problem(message, Location(str(self.path), line, column), **details))
        if len(self.problems) >= _MOST_PROBLEMS:
            raise RunError([*self.problems, Problem("there may be more; reading ended here")])

    def _text(self) -> str:
        place = Location(str(self.path))
        try:
            if self.path.stat().st_size > LARGEST_LOG:
                allowed = f"up to {LARGEST_LOG:,} bytes"
                hint = "write every tenth step"
                raise RunError(Problem("the log is too large", place, allowed=allowed, hint=hint))
            data = self.path.read_bytes()
        except FileNotFoundError as error:
            meant = similar_path(self.path)
            raise RunError(Problem("no such run or log", place, hint=meant)) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise RunError(Problem(f"cannot be read: {reason}", place)) from error
        encoding = next(
            (name for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), "utf-8"
        )
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            hint = "give a text file, CSV or JSON Lines, or a run's folder"
            place = Location(str(self.path), line)
            raise RunError(Problem("not a text file in UTF-8", place, hint=hint)) from error

    def _csv_rows(self, text: str) -> Iterator[Row]:
        header: list[str] | None = None
        delimiter = _delimiter(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        last = text.count("\n") + 1 if not text.endswith("\n") else 0
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self.wrong(f"no CSV: {error}", reader.line_num)
                continue
            first = cells[0].strip() if cells else ""
            if not any(cell.strip() for cell in cells) or first.lower().startswith("sep="):
                continue
            if header is None:
                header = self._header(cells, reader.line_num)
            elif first.startswith("#"):
                continue
            elif len(cells) == len(header):
                yield self._csv_row(header, cells, reader.line_num, european=delimiter == ";")
            elif reader.line_num != last or len(cells) > len(header):
                got = f"{len(cells)} values for {len(header)} columns"
                self.wrong("a row of another length than the header", reader.line_num, got=got)

    def _header(self, cells: list[str], line: int) -> list[str]:
        titles = [cell.strip() for cell in cells]
        titles[0] = titles[0].lstrip("# ")
        place = Location(str(self.path), line)
        if len(titles) > _MOST_COLUMNS:
            allowed = f"up to {_MOST_COLUMNS:,}"
            raise RunError(Problem("too many columns", place, f"{len(titles):,}", allowed))
        if all(_number(title, european=False) is not None for title in titles):
            raise RunError(Problem("the columns have no names", place, hint=_NO_HEADER))
        named = [title for title in titles if title]
        twice = sorted({title for title in named if named.count(title) > 1})
        if twice:
            raise RunError(Problem(f"two columns are called {twice[0]!r}", place))
        return titles

    def _csv_row(self, header: list[str], cells: list[str], line: int, *, european: bool) -> Row:
        values: dict[str, float | str] = {}
        for title, cell in zip(header, cells, strict=True):
            text = cell.strip()
            if not title or text.lower() in _ABSENT:
                continue
            number = _number(text, european=european)
            values[title] = text if number is None else number
        return Row(line, values)

    def _json_rows(self, text: str) -> Iterator[Row]:
        documents = _whole(text)
        if documents is not None:
            yield from (Row(1, dict(_flat(document))) for document in documents)
            return
        lines = text.split("\n")
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                document = json.loads(line)
            except (ValueError, RecursionError) as error:
                if number == len(lines) and number > 1:
                    return  # cut short
                hint = 'write one JSON object a line: {"step": 0, "loss": 0.5}'
                column = getattr(error, "colno", None)
                message = f"no JSON: {getattr(error, 'msg', error)}"
                self.wrong(message, number, column=column, hint=hint)
                continue
            if isinstance(document, dict):
                yield Row(number, dict(_flat(document)))
            else:
                self.wrong("no JSON object", number, got=type(document).__name__)


def _whole(text: str) -> list[dict[str, Any]] | None:
    """The rows of one JSON document: a list of objects, or an object with a list for each column.

    None for anything else: JSON Lines have one document a line.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(document, list) and document and all(isinstance(x, dict) for x in document):
        return document
    if not isinstance(document, dict) or not all(isinstance(x, list) for x in document.values()):
        return None
    if len({len(column) for column in document.values()}) != 1:
        return None
    rows = zip(*document.values(), strict=True)
    return [dict(zip(document, row, strict=True)) for row in rows]


def _delimiter(text: str) -> str:
    """The sign between the columns, by the first line that has one."""
    for line in text.lstrip().splitlines()[:5]:
        counts = {sign: line.count(sign) for sign in (",", ";", "\t")}
        sign = max(counts, key=lambda one: counts[one])
        if counts[sign] and not line.lower().startswith("sep="):
            return sign
    return ","


def _number(text: str, *, european: bool) -> float | None:
    if european and _DECIMAL_COMMA.match(text):
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float | str]]:
    """Numbers by title; those of an object or a list below a title are one per layer."""
    for key, value in document.items():
        title = f"{prefix}{key}"
        if isinstance(value, dict) and not prefix:
            yield from _flat(value, f"{title}/")
        elif isinstance(value, list) and not prefix and len(value) <= _MOST_COLUMNS:
            layers = {f"layer{number}": item for number, item in enumerate(value, start=1)}
            yield from _flat(layers, f"{title}/")
        elif isinstance(value, str):
            number = _number(value, european=False)
            yield title, value if number is None else number
        elif isinstance(value, int | float):
            yield title, _finite_or_inf(value)


def _finite_or_inf(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond the largest float
        return float("inf") if value > 0 else float("-inf")

"""Tables in JSON: a list of objects, an object of lists, objects a line, or one of these inside."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.errors import DataError, Location, Problem
from nndiag.tables.cells import number_in
from nndiag.tables.forms import form
from nndiag.tables.table import Cell, Table, refuse_width

_MOST_PROBLEMS = 8
_DEEPEST = 4  # objects in objects
_BEGINNINGS = ('{"', '[{"', "[[", "{}", "[]")
_HINT = 'write one JSON object a line: {"step": 0, "loss": 0.5}'


@form
def json_table(text: str, file: str) -> Table | None:
    """The largest table in a JSON document, or in JSON Lines; None for text that is no JSON.

    Titles are keys, those of objects in objects joined by slashes. A list in a cell has a title per
    place: `norms/layer1`, `norms/layer2`, … A last line that was cut short is left out.

    Raises:
        DataError: It is JSON up to some line, or holds no table.
    """
    begin = text.lstrip()[:1]
    if begin not in ("{", "["):
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _lines_table(text, file, error)
    if isinstance(document, dict) and not all(map(str.isdigit, islice(document, 2))):
        refuse_width(len(document), file)  # before anything is made of so many
    rows = _records(document)
    if rows is not None:
        return _record_table(rows, file, "JSON, a list of objects", _Lines(text, len(rows)))
    columns = _columns(document)
    if not columns:
        hint = "a list of objects, or an object with a list for each column"
        raise DataError(Problem("the JSON holds no table", Location(file, 1), allowed=hint))
    return list_table(columns, file, "JSON, a list for each column")


def list_table(columns: Mapping[str, list[Any]], file: str, form: str) -> Table:
    """The table of a list for each column; shorter ones have a value for every few rows."""
    length = max(map(len, columns.values()))
    spread = [_spread(column, length) for column in columns.values()]
    if any(isinstance(cell, dict | list) for column in columns.values() for cell in column[:1]):
        records = [dict(zip(columns, row, strict=True)) for row in zip(*spread, strict=True)]
        return _record_table(records, file, form, [1] * length)
    return _table(dict(zip(columns, spread, strict=True)), file, form, [1] * length)


def _lines_table(text: str, file: str, failure: Exception) -> Table | None:
    """The table in JSON Lines; None for text that is none from its first line on.

    Raises:
        DataError: Some lines are no JSON objects; the first few are told.
    """
    lines = [(line, number) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    try:
        records = json.loads(f"[{','.join(line for line, _ in lines)}]")
        if all(isinstance(record, dict) for record in records) and len(records) == len(lines):
            return _record_table(records, file, "JSON Lines", [number for _, number in lines])
    except (ValueError, RecursionError):
        pass
    records, numbers, problems = [], [], []
    for line, number in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == lines[-1][1] and records:
                break  # cut short
            column = getattr(error, "colno", None)
            message = f"no JSON: {getattr(error, 'msg', error)}"
            problems.append(Problem(message, Location(file, number, column), hint=_HINT))
            continue
        if isinstance(record, dict):
            records.append(record)
            numbers.append(number)
        else:
            got = type(record).__name__
            problems.append(Problem("no JSON object", Location(file, number), got))
    if not records and not text.lstrip().startswith(_BEGINNINGS):
        return None
    if problems and not records and isinstance(failure, json.JSONDecodeError):
        place = Location(file, failure.lineno, failure.colno)
        raise DataError(Problem(f"no JSON: {failure.msg}", place, hint=_HINT)) from failure
    if problems:
        raise DataError(problems[:_MOST_PROBLEMS])
    return _record_table(records, file, "JSON Lines", numbers)


def _records(document: Any, depth: int = 0) -> list[dict[str, Any]] | None:
    """The longest list of objects in a document; None where lists of numbers are longer."""
    if isinstance(document, list):
        whole = document and all(isinstance(item, dict) for item in document)
        return document if whole else None
    if not isinstance(document, dict) or depth >= _DEEPEST:
        return None
    numbered = [value for key, value in document.items() if key.isdigit()]
    if len(numbered) == len(document) > 1 and all(isinstance(x, dict) for x in numbered):
        return [{"step": int(key), **value} for key, value in document.items()]
    found = [rows for x in document.values() if (rows := _records(x, depth + 1)) is not None]
    if found:
        longest = max(found, key=len)
        columns = _columns(document)
        return longest if len(longest) > max(map(len, columns.values()), default=0) else None
    plain = depth == 0 and not any(isinstance(value, list) for value in document.values())
    return [document] if plain and not _columns(document) else None


def _columns(document: Any) -> dict[str, list[Any]]:
    """The lists in a document by their title."""
    if isinstance(document, list):
        if all(isinstance(row, list) and len(row) == len(document[0]) for row in document):
            columns = zip(*document, strict=True)
            return {f"column{number}": list(column) for number, column in enumerate(columns)}
        return {"": document}
    return dict(_lists(document)) if isinstance(document, dict) else {}


def _lists(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, list[Any]]]:
    for key, value in document.items():
        if isinstance(value, list) and value and not isinstance(value[0], dict):
            yield f"{prefix}{key}", value
        elif isinstance(value, dict) and prefix.count("/") < _DEEPEST:
            yield from _lists(value, f"{prefix}{key}/")


def _spread(column: list[Any], length: int) -> list[Any]:
    """A shorter column, its values at the end of equal parts where they fit, else at the front."""
    if len(column) == length:
        return column
    spread: list[Any] = [None] * length
    each = length // len(column) if length % len(column) == 0 else 1
    spread[each - 1 : each * len(column) : each] = column
    return spread


def _record_table(
    records: Sequence[Mapping[str, Any]], file: str, form: str, lines: Sequence[int]
) -> Table:
    """The table of objects, those of one more level and lists spread over columns."""
    keys = dict.fromkeys(chain.from_iterable(records))
    refuse_width(len(keys), file)
    columns: dict[str, list[Any]] = {}
    for key in keys:
        values = [record.get(key) for record in records]
        kinds = set(map(type, values))
        if dict in kinds or list in kinds:
            columns |= _spread_cells(key, values)
        if kinds - {dict, list, type(None)}:
            columns[key] = values
    return _table(columns, file, form, lines)


def _spread_cells(key: str, values: Sequence[Any]) -> dict[str, list[Any]]:
    """The columns in a column of objects or lists."""
    inside = [
        {f"layer{place}": item for place, item in enumerate(value, 1)}
        if isinstance(value, list)
        else value
        if isinstance(value, dict)
        else {}
        for value in values
    ]
    names = dict.fromkeys(chain.from_iterable(inside))
    return {f"{key}/{name}": [cells.get(name) for cells in inside] for name in names}


def _table(
    columns: Mapping[str, Sequence[Any]], file: str, form: str, lines: Sequence[int]
) -> Table:
    arrays = {
        number: found
        for number, column in enumerate(columns.values())
        if (found := _array(column)) is not None
    }
    return Table(
        file,
        form,
        list(columns),
        lines,
        cells=lambda: [[_cell(value) for value in column] for column in columns.values()],
        arrays=arrays,
    )


def _array(column: Sequence[Any]) -> FloatArray | None:
    """A column of numbers only."""
    if not set(map(type, column)) <= {int, float, bool}:
        return None
    try:
        return np.array(column, dtype=np.float64)
    except OverflowError:  # a whole number beyond the largest float
        return None


def _cell(value: Any) -> Cell:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return number_in("inf" if value > 0 else "-inf")
    return None


class _Lines(Sequence[int]):
    """The line of each object in a list, found only when it is asked for.

    Args:
        text: The document.
        rows: Number of objects.
    """

    def __init__(self, text: str, rows: int) -> None:
        self._text = text
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, row: Any) -> Any:
        begin = self._text.find("[")
        if self._text.lstrip()[:1] != "[" or begin < 0:
            return 1
        decoder = json.JSONDecoder()
        place = begin
        for _ in range(row + 1):
            place = self._text.index("{", place + 1)
            begin = place
            _, place = decoder.raw_decode(self._text, place)
            place -= 1
        return self._text.count("\n", 0, begin) + 1

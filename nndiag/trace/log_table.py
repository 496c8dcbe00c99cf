"""The table in another program's log, whatever its form: JSON, CSV, columns, lines of text."""

import re
from collections.abc import Sequence

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.errors import DataError, Location, Problem
from nndiag.tables import (
    MOST_COLUMNS,
    Cell,
    Table,
    delimited_table,
    header_in,
    line_table,
    marked_table,
)
from nndiag.trace.log_titles import is_title

_STAMP = 1e8  # seconds or milliseconds since 1970 are larger, steps seldom are
_METRIC = {"metric", "metricname", "name", "tag", "key", "variable"}
_OF_METRIC = {"value", "metricvalue"}
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_WRAPPED = re.compile(  # a number as libraries show it: tensor(0.5, grad_fn=<…>), np.float64(0.5)
    r"\b(?:tensor|array|Array|(?:np|numpy)\.\w+)\(\s*([-+]?[\d.]+(?:e[-+]?\d+)?|nan|-?inf)(?:,[^()\n]*)?\)"
)
_BRACKETS = re.compile(r"\s*[(\[]([^()\[\]\n]*)[)\]],?\s*")
_BARS = re.compile(r"[:\s]*\b\d+%\|[^|\n]*\|[^\n]*")  # of progress, behind a row
_VALUE = re.compile(r"[:=]\s*[-+.\d]")
_NO_HEADER = "begin with a line that names the columns: step,loss"


def log_table(text: str, file: str) -> Table:
    """The table in a log.

    Args:
        text: The log.
        file: Its path, for messages.

    Raises:
        DataError: There is none, or it cannot be read.
    """
    if not text.strip():
        raise DataError(Problem("the log is empty", Location(file)))
    text = _WRAPPED.sub(r"\1", _ESCAPES.sub("", text)) if _has_marks(text) else text
    if text.lstrip().startswith("[("):  # a list of tuples that was printed
        text = text.replace("(", "[").replace(")", "]")
    table = marked_table(text, file)
    if table is not None:
        return _named(_by_metric(table))
    text = _without_brackets(text)
    rows = _BARS.sub("", text) if "%|" in text else text
    header = header_in(rows, is_title)
    if header is not None:
        return _by_metric(delimited_table(rows, file, header=header))
    lines = line_table(text, file)
    if any(map(is_title, lines.names)) and len(lines.lines):
        return lines
    try:
        table = delimited_table(text, file)
    except DataError:
        if not len(lines.lines):
            raise
        table = lines
    if len(lines.lines) > 1 and any(map(_VALUE.search, table.names)):  # no names, but a line
        table = lines
    named = _named(table)
    if named is table and all(name.startswith("column") for name in table.names):
        if len(lines.lines) > 1:
            return lines
        raise DataError(Problem("the columns have no names", Location(file, 1), hint=_NO_HEADER))
    return named


def _has_marks(text: str) -> bool:
    return "\x1b" in text or any(name in text for name in ("tensor(", "rray(", "np.", "numpy."))


def _without_brackets(text: str) -> str:
    """Lines that are a tuple or a list each, without their brackets."""
    lines = [line for line in text.split("\n") if line.strip()]
    rows = [_BRACKETS.fullmatch(line) for line in lines] if text.lstrip()[0] in "([" else [None]
    return text if None in rows else "\n".join(row[1] for row in rows if row is not None)


def _by_metric(table: Table) -> Table:
    """A table with a row for each number, `metric,step,value`, with a column for each metric."""
    names = [name.strip().lower() for name in table.names]
    metrics = [number for number, name in enumerate(names) if name in _METRIC]
    valued = [number for number, name in enumerate(names) if name in _OF_METRIC]
    if len(metrics) != 1 or len(valued) != 1:
        return table
    titles = [title.strip() for title in table.words(metrics[0])]
    values = table.cells(valued[0])
    different = list(dict.fromkeys(titles))
    if 2 * len(different) > len(titles) or len(different) > MOST_COLUMNS // 2:
        return table
    others = [number for number in range(len(names)) if names[number] not in _METRIC | _OF_METRIC]

    def cells() -> list[Sequence[Cell]]:
        by_metric = [
            [value if title == one else None for title, value in zip(titles, values, strict=True)]
            for one in different
        ]
        return [*map(table.cells, others), *by_metric]

    kept = [table.names[number] for number in others]
    form = f"{table.form}, a row for each number"
    return Table(table.file, form, [*kept, *different], table.lines, cells=cells)


def _named(table: Table) -> Table:
    """Names for columns of numbers that have none, where their numbers tell what they are.

    A single column is the loss; of two, whole numbers that grow are the steps; of three, the one of
    time stamps is left out, as dashboards write `Wall time,Step,Value`.
    """
    if any(name and not name.startswith("column") for name in table.names):
        return table
    columns = [table.numbers(number) for number in range(len(table.names))]
    if any(column is None for column in columns) or len(columns) > 3:
        return table
    names = ["time" if _is_time(column) else "" for column in columns if column is not None]
    steps = [
        number
        for number, column in enumerate(columns)
        if column is not None and not names[number] and len(columns) > 1 and _grows(column)
    ]
    if len(steps) == 1:
        names[steps[0]] = "step"
    if names.count("") != 1:
        return table
    names[names.index("")] = "loss"
    form = f"{table.form} without names"
    return Table(
        table.file,
        form,
        names,
        table.lines,
        cells=lambda: [table.cells(number) for number in range(len(names))],
    )


def _is_time(column: FloatArray) -> bool:
    return bool(np.all(column > _STAMP))


def _grows(column: FloatArray) -> bool:
    """Whether a column holds whole numbers that grow by at least one."""
    whole = bool(np.isfinite(column).all() and (column == np.floor(column)).all())
    return whole and bool((np.diff(column) >= 1).all())

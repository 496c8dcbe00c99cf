"""The grades of many programs: a table, groups of what many have, CSV."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from nndiag.formatting import count
from nndiag.report.grade_document import GradeDocument

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_MOST_PLACES = 6  # programs named in a group
_GAP, _INDENT = 2, 4
_ROOM = 60  # columns that code wants beside the names; with less it stands below them


def grade_csv(result: Any) -> str:
    """The table as text with commas, a row for each program."""
    text = StringIO()
    names = [field.name for field in fields(GradeDocument)]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([getattr(one, name) for name in names] for one in result.grades)
    return text.getvalue()


def grade_report(result: Any) -> RenderableType:
    """The table of a `GradeResult`, and what several programs have in common."""
    total = Text(f"{count(len(result.grades), 'program')}: {result.line()}", style="bold")
    return Group(GradeTable(result.grades), Text(), total, *_groups(result.groups))


class GradeTable:
    """A row for each program: what is said of it, and what to write, beside or below."""

    def __init__(self, grades: Sequence[Any]) -> None:
        self._grades = grades
        alone = len({Path(one.program).parent for one in grades}) == 1
        self._names = [Path(one.program).name if alone else one.program for one in grades]
        self._names_width = max(map(len, self._names), default=0)
        self._verdicts_width = max((len(_verdict(one)) for one in grades), default=0)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        taken = self._names_width + self._verdicts_width + 2 * _GAP
        beside = options.max_width - taken >= _ROOM
        table = Table.grid(padding=(0, _GAP, 0, 0))
        table.add_column(overflow="fold", min_width=min(self._names_width, options.max_width // 2))
        table.add_column(overflow="fold")
        table.add_column(overflow="fold")
        for name, one in zip(self._names, self._grades, strict=True):
            verdict = Text(_verdict(one), style=_STYLES.get(one.severity, "green"))
            if beside:
                table.add_row(Text(name), verdict, Text(_to_write(one)))
                continue
            yield Text.assemble(name.ljust(self._names_width), " " * _GAP, verdict)
            if _to_write(one):
                yield Padding(Text(_to_write(one), overflow="fold"), (0, 0, 0, _INDENT))
        if beside:
            yield table


def _verdict(one: Any) -> str:
    """The problem or the bug as `explain` knows it; words where there is none."""
    return str(one.problem or one.verdict)


def _to_write(one: Any) -> str:
    """The line and what is to be written there, or what was seen."""
    said = one.fix or (one.message if one.severity == "error" else "")
    return f"line {one.line}: {said}" if one.line is not None and said else said


def _groups(groups: Mapping[str, Sequence[Any]]) -> Iterator[Text]:
    """What programs have in common, each with its places; those alone in a line of their own."""
    for name, found in groups.items():
        if len(found) > 1:
            places = ", ".join(map(_place, found[:_MOST_PLACES]))
            more = len(found) - _MOST_PLACES
            yield Text.assemble(
                f"  {len(found)} ", (name, "cyan"), f": {places}", f" and {more} more" * (more > 0)
            )
    alone = [f"{name} ({_place(found[0])})" for name, found in groups.items() if len(found) == 1]
    if alone:
        yield Text(f"  once each: {', '.join(alone)}")


def _place(one: Any) -> str:
    return Path(one.program).name + ("" if one.line is None else f":{one.line}")

"""The grades of many programs: a table, groups of what many have, CSV."""

import csv
from collections.abc import Sequence
from dataclasses import fields
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nndiag.formatting import count
from nndiag.report.grade_document import GradeDocument

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_MOST_PLACES = 6  # programs named in a group


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
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("program", overflow="fold")
    table.add_column("verdict", overflow="fold")
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("write, or try", overflow="fold")
    folders = {Path(one.program).parent for one in result.grades}
    for one in result.grades:
        own = Path(one.program).name if len(folders) == 1 else one.program
        name = one.problem if one.verdict == "gradient wrong" else one.verdict
        style = _STYLES.get(one.severity, "green")
        table.add_row(
            Text(own),
            Text(name or one.verdict, style=style),
            "" if one.line is None else str(one.line),
            Text(one.fix or (one.message if one.severity == "error" else "")),
        )
    total = Text(f"{count(len(result.grades), 'program')}: {result.line()}", style="bold")
    shared = [group for group in result.groups.items() if len(group[1]) > 1]
    if not shared:
        return Group(table, Text(), total)
    return Group(table, Text(), total, *(_group(name, found) for name, found in shared))


def _group(name: str, found: Sequence[Any]) -> Text:
    """The programs that have the same, with their lines."""
    places = [
        Path(one.program).name + ("" if one.line is None else f":{one.line}")
        for one in found[:_MOST_PLACES]
    ]
    more = len(found) - len(places)
    return Text.assemble(
        (f"  {name}  ", "cyan"), ", ".join(places) + (f" and {more} more" if more else "")
    )

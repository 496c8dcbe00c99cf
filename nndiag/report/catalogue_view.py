"""Lists of what has a name: as tables, and as plain data."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nndiag.report.catalogue import Entry, entries_of
from nndiag.report.components import REQUIRED
from nndiag.report.document import VERSION
from nndiag.report.settings import setting


def catalogue_view(kinds: Iterable[str]) -> RenderableType:
    """The components of some kinds as tables."""
    parts: list[RenderableType] = []
    for kind in kinds:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="cyan")
        table.add_column(overflow="fold")
        entries = entries_of(kind)
        for entry in entries:
            about = Text(entry.summary)
            if entry.options:
                about.append(f"\n{_options(entry.options)}", style="dim")
            table.add_row(entry.name, about)
        parts += [Text(entries[0].kind, style="bold"), table, Text()]
    return Group(*parts[:-1])


def catalogue_document(kinds: Iterable[str]) -> dict[str, Any]:
    """The components of some kinds as plain data; an option has a default, or is required."""
    found = [entries_of(kind) for kind in kinds]
    kinds = {entries[0].kind: [_document(entry) for entry in entries] for entries in found}
    return {"version": VERSION, "command": "list", **kinds}


def _document(entry: Entry) -> dict[str, Any]:
    options = {
        name: {"required": True} if default is REQUIRED else {"default": default}
        for name, default in entry.options.items()
    }
    return {"name": entry.name, "summary": entry.summary, "options": options}


def _options(options: Mapping[str, Any]) -> str:
    return "  ".join(
        f"{name}={'(required)' if default is REQUIRED else setting(default)}"
        for name, default in options.items()
    )

"""Lists of what has a name: as tables, and as plain data."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nndiag.report.catalogue import entries_of
from nndiag.report.components import REQUIRED
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


def _options(options: Mapping[str, Any]) -> str:
    return "  ".join(
        f"{name}={'(required)' if default is REQUIRED else setting(default)}"
        for name, default in options.items()
    )

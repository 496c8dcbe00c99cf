"""Demos: their names, or what `train` and `fix` say of one."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


def demo_report(result: Any) -> RenderableType:
    """What a `DemoResult` shows."""
    if result.written is not None:
        return Text(f"written {result.written}\nnext    nndiag fix {result.written}")
    if result.run is None:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="cyan")
        table.add_column(overflow="fold")
        for one in result.demos:
            table.add_row(one.name, one.about)
        return Group(table, Text(), Text("nndiag demo NAME shows one, --write writes its file"))
    (chosen,) = result.demos
    name = chosen.name
    return Group(
        Text(f"$ nndiag train {name}", style="dim"),
        result.run.__rich__(),
        Text(),
        Text(f"$ nndiag fix {name}", style="dim"),
        result.fix.__rich__(),
        Text(),
        Text(f"nndiag demo {name} --write writes its file; your own: nndiag train FILE"),
    )

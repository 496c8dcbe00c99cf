"""The check-up as a ticked list."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nndiag.checkup import Checkup, Status
from nndiag.formatting import count

MARKS = {
    Status.OK: ("✓", "green"),
    Status.WARNING: ("!", "yellow"),
    Status.FAILED: ("✗", "red"),
    Status.NOT_CHECKED: ("–", "dim"),
}


def doctor_report(checkup: Checkup, *, next_command: str | None = None) -> RenderableType:
    """The whole list with its verdict.

    Args:
        checkup: What was found.
        next_command: What to try next.
    """
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checkup.checks:
        mark, style = MARKS[check.status]
        about = Text(check.message)
        if check.remedy is not None:
            about.append("\ntry ", style="dim").append(check.remedy)
        if check.problem is not None:
            about.append(f"   explain {check.problem}", style="dim")
        table.add_row(Text(mark, style=f"bold {style}"), check.name, about)
    title = Text.assemble((checkup.name, "bold"), (f"  {checkup.layout}", "dim"))
    parts: list[RenderableType] = [title, Text(), table, Text(), _verdict(checkup)]
    if next_command is not None:
        parts.append(Text.assemble(("next ", "dim"), (next_command, "bold")))
    return Group(*parts)


def doctor_line(checkup: Checkup) -> str:
    """The verdict in one line of text."""
    if not checkup.failed and not checkup.warnings:
        return "ready to train"
    failed = [check.name for check in (*checkup.failed, *checkup.warnings)]
    found = (
        f"{count(len(checkup.failed), 'check')} failed, {count(len(checkup.warnings), 'warning')}"
    )
    return f"{found}: {', '.join(failed)}"


def _verdict(checkup: Checkup) -> Text:
    if checkup.failed:
        words = f"Not ready: {count(len(checkup.failed), 'check')} failed."
        return Text(words, style="bold red")
    if checkup.warnings:
        words = f"It can train; {count(len(checkup.warnings), 'thing')} will be in the way."
        return Text(words, style="bold yellow")
    return Text("Ready to train.", style="bold green")

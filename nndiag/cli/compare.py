"""`nndiag compare RUN RUN`: what differs in the settings, what in the outcome, both curves."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.options import HtmlOption, IgnoreOption, JsonOption, QuietOption, SelectOption
from nndiag.cli.streams import emit, emit_text

if TYPE_CHECKING:
    from nndiag.report.compare import Side

_RUN = "Folder of a run, or a log of another program."


def compare(
    left: Annotated[Path, typer.Argument(metavar="RUN", help=_RUN, show_default=False)],
    right: Annotated[Path, typer.Argument(metavar="RUN", help=_RUN, show_default=False)],
    *,
    json: JsonOption = False,
    quiet: QuietOption = False,
    ignore: IgnoreOption = None,
    select: SelectOption = None,
    html: HtmlOption = None,
) -> None:
    """Compare two runs: settings that differ, outcomes, both curves."""
    from nndiag.report.compare import (  # noqa: PLC0415
        compare_document,
        compare_line,
        compare_report,
    )
    from nndiag.trace.difference import differences  # noqa: PLC0415
    from nndiag.trace.plain import json_text  # noqa: PLC0415

    sides = [_side(run, ignore=ignore, select=select) for run in (left, right)]
    changed = differences(*(side.trace.facts.settings for side in sides))
    if html is not None:
        from nndiag.cli.pages import write_report  # noqa: PLC0415
        from nndiag.plots.vector import vector_losses  # noqa: PLC0415

        labels = (f"{letter}  {side.name}" for letter, side in zip("AB", sides, strict=True))
        pictures = vector_losses(dict(zip(labels, (x.trace for x in sides), strict=True)))
        report = compare_report(sides, changed)
        write_report(html, compare_line(sides), report, pictures=pictures)
    if json:
        emit_text(json_text(compare_document(sides, changed)))
    elif quiet:
        emit_text(f"{compare_line(sides)}\n")
    else:
        emit(compare_report(sides, changed))


def _side(path: Path, *, ignore: list[str] | None, select: list[str] | None) -> "Side":
    """A run with what is said about it, judged as its own config asks for."""
    from nndiag.cli.judging import Wanted, judge  # noqa: PLC0415
    from nndiag.report.compare import Side  # noqa: PLC0415
    from nndiag.trace.foreign import read_run  # noqa: PLC0415

    trace = read_run(path)
    settings = trace.facts.settings
    name = str(settings.get("name", path.resolve().name))
    wanted = Wanted.of_settings(settings, ignore=ignore, select=select)
    judged = judge(trace, wanted, command="compare", name=name, config=None)
    return Side(name, trace, judged.diagnosis)

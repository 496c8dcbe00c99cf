"""`nndiag compare RUN RUN …`: what differs in the settings, what in the outcome, all curves."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.options import HtmlOption, IgnoreOption, JsonOption, QuietOption, SelectOption
from nndiag.cli.streams import emit, emit_text, warn
from nndiag.errors import Problem, RunError

if TYPE_CHECKING:
    from nndiag.report.compare import Side


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="Folders of runs, a folder of such folders, or logs of other programs.",
            show_default=False,
        ),
    ],
    *,
    json: JsonOption = False,
    quiet: QuietOption = False,
    ignore: IgnoreOption = None,
    select: SelectOption = None,
    html: HtmlOption = None,
) -> None:
    """Compare runs: settings that differ, outcomes, all curves."""
    from nndiag.report.compare import (  # noqa: PLC0415
        MOST_SIDES,
        compare_document,
        compare_line,
        compare_report,
        known_settings,
        lettered,
    )
    from nndiag.trace.difference import differences  # noqa: PLC0415
    from nndiag.trace.plain import json_text  # noqa: PLC0415

    sides = [_side(run, ignore=ignore, select=select) for run in _found(runs)]
    if len(sides) < 2:
        raise RunError(Problem("one run is nothing to compare", allowed=f"2 to {MOST_SIDES} runs"))
    changed = differences([known_settings(side.trace) for side in sides])
    if html is not None:
        from nndiag.cli.pages import write_report  # noqa: PLC0415
        from nndiag.plots.vector import vector_losses  # noqa: PLC0415

        report = compare_report(sides, changed)
        write_report(html, compare_line(sides), report, pictures=vector_losses(lettered(sides)))
    if json:
        emit_text(json_text(compare_document(sides, changed)))
    elif quiet:
        emit_text(f"{compare_line(sides)}\n")
    else:
        emit(compare_report(sides, changed))


def _found(paths: list[Path]) -> list[Path]:
    """The runs that are meant; what a sweep has stored among them is passed over.

    Raises:
        RunError: They are more than can be told apart.
    """
    from nndiag.report.compare import MOST_SIDES  # noqa: PLC0415
    from nndiag.trace.stored import holds_sweep, runs_in  # noqa: PLC0415

    found = []
    for path in paths:
        if holds_sweep(path):
            warn(f"{path} holds a sweep of many runs and is left out")
        else:
            found += runs_in(path) or [path]
    if len(found) > MOST_SIDES:
        hint = f"nndiag compare {shlex.quote(str(found[-2]))} {shlex.quote(str(found[-1]))}"
        allowed = f"2 to {MOST_SIDES} runs"
        raise RunError(Problem(f"{len(found)} runs are too many", allowed=allowed, hint=hint))
    return found


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

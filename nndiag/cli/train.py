"""`nndiag train CONFIG`: train, record, diagnose, report, plot."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.answer import leave, show, write_page
from nndiag.cli.options import (
    ConfirmOption,
    FailOn,
    FailOnOption,
    HtmlOption,
    IgnoreOption,
    JsonOption,
    OverridesArgument,
    PlotsOption,
    PythonOption,
    QuietOption,
    RunsOption,
    SelectOption,
)
from nndiag.cli.streams import notice

if TYPE_CHECKING:
    from nndiag.trace import Facts

TrainedArgument = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG|PROGRAM",
        help="A config, or a program of your own: my_net.py, my_net.py:Network, my_net.ipynb. "
        "The program is run, with your rights, to the end of its training.",
        show_default=False,
    ),
]
StepsOption = Annotated[
    int | None,
    typer.Option("--steps", min=1, help="Stop a program after so many steps.", show_default=False),
]
SecondsOption = Annotated[
    float | None,
    typer.Option(
        "--seconds", min=0.0, help="Stop a program after so many seconds.", show_default=False
    ),
]


def train(
    config: TrainedArgument,
    overrides: OverridesArgument = None,
    *,
    json: JsonOption = False,
    plots: PlotsOption = True,
    runs: RunsOption = Path("runs"),
    quiet: QuietOption = False,
    fail_on: FailOnOption = FailOn.ERROR,
    ignore: IgnoreOption = None,
    select: SelectOption = None,
    confirm: ConfirmOption = False,
    steps: StepsOption = None,
    seconds: SecondsOption = None,
    python: PythonOption = None,
    html: HtmlOption = None,
) -> None:
    """Train a network, or run a program of your own, and say what is wrong with it."""
    from nndiag.cli.live_line import LiveLine  # noqa: PLC0415
    from nndiag.verbs.train import train as trained  # noqa: PLC0415

    with LiveLine(enabled=not quiet) as line:
        result = trained(
            config,
            overrides or (),
            runs=runs,
            plots=False,
            ignore=ignore,
            select=select,
            confirm=confirm,
            steps=steps,
            seconds=seconds,
            python=python,
            progress=line,
            notice=line.say,
            started=None if json or quiet else _warn_of_instability,
        )
    show(result, json=json, quiet=quiet)
    if plots:  # after the report, which nobody should wait for longer than needed
        result.draw()
    write_page(result, html)
    leave(result, fail_on=fail_on)


def _warn_of_instability(facts: "Facts") -> None:
    """On a terminal, tell before the first step that the rate is above its stability limit."""
    if facts.stability is None or not facts.stability.above:
        return
    from nndiag.report.stability import stability_line  # noqa: PLC0415

    notice(stability_line(facts.stability))

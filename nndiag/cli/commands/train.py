"""`nndiag train CONFIG`: train, record, diagnose, report, plot."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.command import command
from nndiag.cli.options import (
    ConfirmOption,
    IgnoreOption,
    OverridesArgument,
    PlotsOption,
    PythonOption,
    RunsOption,
    SelectOption,
    TrainedArgument,
)
from nndiag.cli.streams import notice

if TYPE_CHECKING:
    from nndiag.cli.live_line import LiveLine
    from nndiag.trace import Facts
    from nndiag.verbs.run import RunResult

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


@command("train", rank=1)
def train(
    config: TrainedArgument,
    overrides: OverridesArgument = None,
    *,
    plots: PlotsOption = True,
    runs: RunsOption = Path("runs"),
    ignore: IgnoreOption = None,
    select: SelectOption = None,
    confirm: ConfirmOption = False,
    steps: StepsOption = None,
    seconds: SecondsOption = None,
    python: PythonOption = None,
    json: bool,
    quiet: bool,
    line: "LiveLine",
) -> "RunResult":
    """Train a network, or run a program of your own, and say what is wrong with it."""
    from nndiag.verbs.train import train as trained  # noqa: PLC0415

    return trained(
        config,
        overrides or (),
        runs=runs,
        plots=False,  # after the report
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


def _warn_of_instability(facts: "Facts") -> None:
    """On a terminal, tell before the first step that the rate is above its stability limit."""
    if facts.stability is None or not facts.stability.above:
        return
    from nndiag.report.stability import stability_line  # noqa: PLC0415

    notice(stability_line(facts.stability))

"""`nndiag sweep-lr CONFIG|PROGRAM`: which learning rates work, and where they end."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.answer import leave, show, write_page
from nndiag.cli.options import (
    FailOn,
    FailOnOption,
    HtmlOption,
    JsonOption,
    OverridesArgument,
    PlotsOption,
    PythonOption,
    QuietOption,
    RunsOption,
)

if TYPE_CHECKING:
    from nndiag.cli.live_line import LiveLine


def sweep_lr(
    config: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG|PROGRAM",
            help="A config, or a program of your own: my_net.py, my_net.py:Network. The program is "
            "run, with your rights.",
            show_default=False,
        ),
    ],
    overrides: OverridesArgument = None,
    *,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Seeds per rate.")] = 3,
    rates: Annotated[
        int | None,
        typer.Option("--rates", min=2, help="Number of rates.  [default: 4 per decade]"),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, help="Steps of each run.  [default: what 10 s allow]"),
    ] = None,
    low: Annotated[
        float | None, typer.Option("--low", help="Smallest rate.  [default: found]")
    ] = None,
    high: Annotated[
        float | None, typer.Option("--high", help="Largest rate.  [default: found]")
    ] = None,
    python: PythonOption = None,
    json: JsonOption = False,
    plots: PlotsOption = True,
    runs: RunsOption = Path("runs"),
    quiet: QuietOption = False,
    fail_on: FailOnOption = FailOn.ERROR,
    html: HtmlOption = None,
) -> None:
    """Find the learning rates that work, and where they end."""
    from nndiag.cli.live_line import LiveLine  # noqa: PLC0415
    from nndiag.verbs.sweep_lr import sweep_lr as swept  # noqa: PLC0415

    with LiveLine(enabled=not quiet) as line:
        result = swept(
            config,
            overrides or (),
            seeds=seeds,
            rates=rates,
            steps=steps,
            low=low,
            high=high,
            runs=runs,
            plots=False,
            python=python,
            progress=_Count(line),
        )
    show(result, json=json, quiet=quiet)
    write_page(result, html)
    if plots:
        result.draw()
    leave(result, fail_on=fail_on)


class _Count:
    """Shows how many runs have ended, and in what time.

    Args:
        line: Where.
    """

    def __init__(self, line: "LiveLine") -> None:
        self._line = line
        self._runs = 0
        self._started = time.monotonic()

    def __call__(self, runs: int) -> None:
        """Some more runs have ended."""
        self._runs += runs
        seconds = time.monotonic() - self._started
        self._line.say(f"{self._runs:,} short runs  {seconds:.0f} s")

"""`nndiag sweep-lr CONFIG|PROGRAM`: which learning rates work, and where they end."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.command import command
from nndiag.cli.options import OverridesArgument, PlotsOption, PythonOption, RunsOption

if TYPE_CHECKING:
    from nndiag.cli.live_line import LiveLine
    from nndiag.verbs.sweep_lr import SweepResult


@command("sweep-lr", rank=2)
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
    plots: PlotsOption = True,
    runs: RunsOption = Path("runs"),
    line: "LiveLine",
) -> "SweepResult":
    """Find the learning rates that work, and where they end."""
    from nndiag.verbs.sweep_lr import sweep_lr as swept  # noqa: PLC0415

    return swept(
        config,
        overrides or (),
        seeds=seeds,
        rates=rates,
        steps=steps,
        low=low,
        high=high,
        runs=runs,
        plots=False,  # after the report
        python=python,
        progress=_Count(line),
    )


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

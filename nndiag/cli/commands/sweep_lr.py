"""`nndiag sweep-lr CONFIG|PROGRAM`: which learning rates work, and where they end."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nndiag.cli.command import command
from nndiag.cli.options import (
    overrides_argument,
    plots_option,
    python_option,
    runs_option,
    workers_option,
)

if TYPE_CHECKING:
    from nndiag.cli.live_line import LiveLine
    from nndiag.verbs.sweep_lr import SweepResult


@command("sweep-lr", rank=2)
@click.argument(
    "config",
    metavar="CONFIG|PROGRAM",
    help="A config, or a program of your own: my_net.py, my_net.py:Network. The program is run, "
    "with your rights.",
)
@overrides_argument
@click.option(
    "--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Seeds per rate."
)
@click.option(
    "--rates", type=click.IntRange(min=2), show_default="4 per decade", help="Number of rates."
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    show_default="what 10 s allow",
    help="Steps of each run.",
)
@click.option("--low", type=float, show_default="found", help="Smallest rate.")
@click.option("--high", type=float, show_default="found", help="Largest rate.")
@python_option
@workers_option
@plots_option
@runs_option
def sweep_lr(
    config: str,
    overrides: tuple[str, ...],
    *,
    seeds: int,
    rates: int | None,
    steps: int | None,
    low: float | None,
    high: float | None,
    python: str | None,
    workers: str | None,
    plots: bool,
    runs: Path,
    line: "LiveLine",
) -> "SweepResult":
    """Find the learning rates that work, and where they end."""
    from nndiag.verbs.sweep_lr import sweep_lr as swept  # noqa: PLC0415

    return swept(
        config,
        overrides,
        seeds=seeds,
        rates=rates,
        steps=steps,
        low=low,
        high=high,
        runs=runs,
        plots=False,  # after the report
        python=python,
        workers=workers,
        progress=_Count(line),
    )


class _Count:
    """Shows how many runs have ended, of how many, and the time that is left.

    Args:
        line: Where.
    """

    def __init__(self, line: "LiveLine") -> None:
        self._line = line
        self._started = time.monotonic()

    def __call__(self, made: int, expected: int) -> None:
        """Some more runs have ended."""
        from nndiag.formatting import part_of  # noqa: PLC0415 (only where something takes time)

        seconds = time.monotonic() - self._started
        self._line.say(f"short runs: {part_of(made, expected, seconds=seconds)}")

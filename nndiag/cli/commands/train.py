"""`nndiag train CONFIG`: train, record, diagnose, report, plot."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nndiag.cli.command import command
from nndiag.cli.options import (
    ignore_option,
    overrides_argument,
    plots_option,
    python_option,
    runs_option,
    select_option,
    trained_argument,
)
from nndiag.cli.streams import notice

if TYPE_CHECKING:
    from nndiag.cli.live_line import LiveLine
    from nndiag.trace import Facts
    from nndiag.verbs.run import RunResult


@command("train", rank=1)
@trained_argument
@overrides_argument
@plots_option
@runs_option
@ignore_option
@select_option
@click.option(
    "--confirm", is_flag=True, help="Try fixes afterwards, to confirm or to doubt the cause."
)
@click.option("--steps", type=click.IntRange(min=1), help="Stop a program after so many steps.")
@click.option(
    "--seconds", type=click.FloatRange(min=0.0), help="Stop a program after so many seconds."
)
@click.option("--live", is_flag=True, help="Draw the loss and each layer's norm while it trains.")
@python_option
def train(
    config: str,
    overrides: tuple[str, ...],
    *,
    plots: bool,
    runs: Path,
    ignore: tuple[str, ...],
    select: tuple[str, ...],
    confirm: bool,
    steps: int | None,
    seconds: float | None,
    live: bool,
    python: str | None,
    html: Path | None,
    json: bool,
    quiet: bool,
    line: "LiveLine",
) -> "RunResult":
    """Train a config or a program, and say what is wrong."""
    from nndiag.cli.live_view import Watched  # noqa: PLC0415 (NumPy costs 100 ms)
    from nndiag.verbs.train import train as trained  # noqa: PLC0415

    name = Path(config).stem
    with Watched(line, live=live and not quiet, html=html, name=name) as watched:
        return trained(
            config,
            overrides,
            runs=runs,
            plots=False,  # after the report
            ignore=ignore or None,
            select=select or None,
            confirm=confirm,
            steps=steps,
            seconds=seconds,
            python=python,
            progress=watched.progress,
            notice=watched.say,
            started=None if json or quiet else _warn_of_instability,
            watch=watched.watch,
        )


def _warn_of_instability(facts: "Facts") -> None:
    """On a terminal, tell before the first step that the rate is above its stability limit."""
    if facts.stability is None or not facts.stability.above:
        return
    from nndiag.report.stability import stability_line  # noqa: PLC0415

    notice(stability_line(facts.stability))

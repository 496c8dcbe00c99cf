"""`nndiag fix CONFIG`: try fixes, show which one trains, write the fixed config."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nndiag.cli.command import command
from nndiag.cli.options import (
    ignore_option,
    overrides_argument,
    python_option,
    runs_option,
    select_option,
    trained_argument,
    workers_option,
)

if TYPE_CHECKING:
    from nndiag.cli.live_line import LiveLine
    from nndiag.verbs.fix import FixResult
    from nndiag.verbs.fix_program import ProgramFixResult


@command("fix", rank=4, without=("output_format",))
@trained_argument
@overrides_argument
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.0),
    help="Time for the trials. Default: no time, but the work of 16 trainings.",
)
@click.option(
    "--write/--no-write",
    default=True,
    help="Write what is fixed beside the original.",
)
@ignore_option
@select_option
@python_option
@workers_option
@runs_option
def fix(
    config: str,
    overrides: tuple[str, ...],
    *,
    seconds: float | None,
    write: bool,
    ignore: tuple[str, ...],
    select: tuple[str, ...],
    python: str | None,
    workers: str | None,
    runs: Path,
    line: "LiveLine",
) -> "FixResult | ProgramFixResult":
    """Try fixes, and write the smallest that trains."""
    from nndiag.verbs.fix import fix as cured  # noqa: PLC0415

    return cured(
        config,
        overrides,
        seconds=seconds,
        write=write,
        ignore=ignore or None,
        select=select or None,
        python=python,
        workers=workers,
        runs=runs,
        progress=line,
        notice=lambda text: line.say(f"trying: {text}"),
    )

"""`nndiag diagnose RUN`: judge a stored run again."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nndiag.cli.command import command
from nndiag.cli.options import PATH, ignore_option, select_option

if TYPE_CHECKING:
    from nndiag.verbs.fix import FixResult
    from nndiag.verbs.run import RunResult
    from nndiag.verbs.sweep_lr import SweepResult


@command("diagnose", rank=5)
@click.argument(
    "run",
    metavar="RUN",
    type=PATH,
    help="Folder of a run, or of runs: the newest; or a log: CSV, JSON or printed text.",
)
@click.argument(
    "thresholds",
    metavar="[PROBLEM.THRESHOLD=VALUE]...",
    nargs=-1,
    help="Other thresholds: vanishing-gradients.ratio=1e-4. Of a log also the column of its loss: "
    "loss='train/box_loss'",
)
@ignore_option
@select_option
def diagnose(
    run: Path,
    thresholds: tuple[str, ...],
    *,
    ignore: tuple[str, ...],
    select: tuple[str, ...],
) -> "RunResult | SweepResult | FixResult":
    """Judge a stored run again."""
    from nndiag.verbs.diagnose import diagnose as diagnosed  # noqa: PLC0415

    named = [word.removeprefix("loss=") for word in thresholds if word.startswith("loss=")]
    return diagnosed(
        run,
        thresholds=[word for word in thresholds if not word.startswith("loss=")],
        ignore=ignore or None,
        select=select or None,
        loss=named[-1] if named else None,
    )

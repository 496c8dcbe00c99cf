"""`nndiag compare RUN RUN …`: what differs in the settings, what in the outcome, all curves."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nndiag.cli.command import command
from nndiag.cli.options import PATH, ignore_option, select_option

if TYPE_CHECKING:
    from nndiag.verbs.compare import ComparisonResult


@command("compare", rank=6, without=("fail_on", "output_format"))
@click.argument(
    "runs",
    metavar="RUN...",
    type=PATH,
    nargs=-1,
    required=True,
    help="Folders of runs, a folder of such folders, or logs of other programs.",
)
@ignore_option
@select_option
def compare(
    runs: tuple[Path, ...],
    *,
    ignore: tuple[str, ...],
    select: tuple[str, ...],
) -> "ComparisonResult":
    """Compare runs: settings that differ, outcomes, all curves."""
    from nndiag.verbs.compare import compare as compared  # noqa: PLC0415

    return compared(*runs, ignore=ignore or None, select=select or None)

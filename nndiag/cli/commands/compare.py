"""`nndiag compare RUN RUN …`: what differs in the settings, what in the outcome, all curves."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.command import command
from nndiag.cli.options import IgnoreOption, SelectOption

if TYPE_CHECKING:
    from nndiag.verbs.compare import ComparisonResult


@command("compare", rank=6, without=("fail_on",))
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
    ignore: IgnoreOption = None,
    select: SelectOption = None,
) -> "ComparisonResult":
    """Compare runs: settings that differ, outcomes, all curves."""
    from nndiag.verbs.compare import compare as compared  # noqa: PLC0415

    return compared(*runs, ignore=ignore, select=select)

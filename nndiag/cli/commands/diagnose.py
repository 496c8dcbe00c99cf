"""`nndiag diagnose RUN`: judge a stored run again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.command import command
from nndiag.cli.options import IgnoreOption, SelectOption

if TYPE_CHECKING:
    from nndiag.verbs.run import RunResult


@command("diagnose", rank=5)
def diagnose(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="Folder of a run, or of runs: the newest; or a log: CSV, JSON or printed text.",
            show_default=False,
        ),
    ],
    thresholds: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROBLEM.THRESHOLD=VALUE",
            help="Other thresholds: vanishing-gradients.ratio=1e-4. Of a log also the column of "
            "its loss: loss='train/box_loss'",
            show_default=False,
        ),
    ] = None,
    *,
    ignore: IgnoreOption = None,
    select: SelectOption = None,
) -> "RunResult":
    """Judge a stored run again."""
    from nndiag.verbs.diagnose import diagnose as diagnosed  # noqa: PLC0415

    named = [word.removeprefix("loss=") for word in thresholds or () if word.startswith("loss=")]
    thresholds = [word for word in thresholds or () if not word.startswith("loss=")]
    loss = named[-1] if named else None
    return diagnosed(run, thresholds=thresholds, ignore=ignore, select=select, loss=loss)

"""`nndiag compare RUN RUN …`: what differs in the settings, what in the outcome, all curves."""

from pathlib import Path
from typing import Annotated

import typer

from nndiag.cli.answer import answer
from nndiag.cli.options import (
    FailOn,
    HtmlOption,
    IgnoreOption,
    JsonOption,
    QuietOption,
    SelectOption,
)


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
    json: JsonOption = False,
    quiet: QuietOption = False,
    ignore: IgnoreOption = None,
    select: SelectOption = None,
    html: HtmlOption = None,
) -> None:
    """Compare runs: settings that differ, outcomes, all curves."""
    from nndiag.verbs.compare import compare as compared  # noqa: PLC0415

    result = compared(*runs, ignore=ignore, select=select)
    answer(result, json=json, quiet=quiet, html=html, fail_on=FailOn.NEVER)

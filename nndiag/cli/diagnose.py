"""`nndiag diagnose RUN`: judge a stored run again."""

from pathlib import Path
from typing import Annotated

import typer

from nndiag.cli.answer import leave, show, write_page
from nndiag.cli.options import (
    FailOn,
    FailOnOption,
    HtmlOption,
    IgnoreOption,
    JsonOption,
    QuietOption,
    SelectOption,
)
from nndiag.errors import warn


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
    json: JsonOption = False,
    quiet: QuietOption = False,
    fail_on: FailOnOption = FailOn.ERROR,
    ignore: IgnoreOption = None,
    select: SelectOption = None,
    html: HtmlOption = None,
) -> None:
    """Judge a stored run again."""
    from nndiag.report.logs import reading_words  # noqa: PLC0415
    from nndiag.verbs.diagnose import diagnose as diagnosed  # noqa: PLC0415

    named = [word.removeprefix("loss=") for word in thresholds or () if word.startswith("loss=")]
    thresholds = [word for word in thresholds or () if not word.startswith("loss=")]
    loss = named[-1] if named else None
    result = diagnosed(run, thresholds=thresholds, ignore=ignore, select=select, loss=loss)
    show(result, json=json, quiet=quiet)
    write_page(result, html)
    for words in () if quiet else reading_words(result.trace):
        warn(words)
    leave(result, fail_on=fail_on)

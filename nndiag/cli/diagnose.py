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
            help="Folder of a run, or of runs: the newest; or a log, CSV or JSON.",
            show_default=False,
        ),
    ],
    thresholds: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROBLEM.THRESHOLD=VALUE",
            help="Other thresholds: vanishing-gradients.ratio=1e-4",
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
    from nndiag.verbs.diagnose import diagnose as diagnosed  # noqa: PLC0415

    result = diagnosed(run, thresholds=thresholds, ignore=ignore, select=select)
    show(result, json=json, quiet=quiet)
    write_page(result, html)
    unused = result.trace.facts.settings.get("columns_not_used")
    if unused and not quiet:
        warn(f"columns that were not used: {', '.join(map(str, unused[:10]))}")
    leave(result, fail_on=fail_on)

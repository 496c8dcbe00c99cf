"""`nndiag explain NAME`: the page of whatever has a name."""

from typing import Annotated

import typer

from nndiag.cli.streams import emit


def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Any name that a report or `nndiag list` shows.",
            show_default=False,
        ),
    ],
) -> None:
    """Explain a problem, a bug, a remedy, an outcome or a term."""
    from nndiag.report.catalogue import entry_of  # noqa: PLC0415
    from nndiag.report.page import page_view  # noqa: PLC0415

    entry = entry_of(name)
    emit(page_view(entry.name, entry.page))

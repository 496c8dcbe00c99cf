"""`nndiag explain NAME`: the page of whatever has a name."""

from typing import Annotated

import typer

from nndiag.cli.completion import names
from nndiag.cli.options import JsonOption
from nndiag.cli.streams import emit, emit_text


def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Any name that a report or `nndiag list` shows.",
            show_default=False,
            autocompletion=names,
        ),
    ],
    *,
    json: JsonOption = False,
) -> None:
    """Explain a problem, a bug, a remedy, an outcome or a term."""
    from nndiag.pages import page_file, picture_file  # noqa: PLC0415
    from nndiag.report.catalogue import entry_of  # noqa: PLC0415
    from nndiag.report.page import page_document, page_view  # noqa: PLC0415
    from nndiag.trace.plain import json_text  # noqa: PLC0415

    entry = entry_of(name)
    files = {"file": page_file(entry.name), "picture": picture_file(entry.name)}
    if json:
        emit_text(json_text(page_document(entry, **files)))
    else:
        emit(page_view(entry.name, entry.page, **files))

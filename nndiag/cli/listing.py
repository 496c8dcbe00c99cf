"""`nndiag list [KIND]`: what can stand in a config, and what is looked for."""

from typing import Annotated

import typer

from nndiag.cli.completion import kinds
from nndiag.cli.options import JsonOption
from nndiag.cli.streams import emit, emit_text


def list_components(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help="datasets, activations, problems, …",
            show_default=False,
            autocompletion=kinds,
        ),
    ] = None,
    *,
    json: JsonOption = False,
) -> None:
    """List the components of a config, and the problems."""
    from nndiag.report.catalogue import KINDS, catalogue_document, catalogue_view  # noqa: PLC0415
    from nndiag.trace.plain import json_text  # noqa: PLC0415

    kinds = list(KINDS) if kind is None else [kind]
    if not json:
        emit(catalogue_view(kinds))
        return
    emit_text(json_text({"version": 1, "command": "list", **catalogue_document(kinds)}))

"""`nndiag list [KIND]`: what can stand in a config, and what is looked for."""

from typing import Annotated

import typer

from nndiag.cli.options import JsonOption
from nndiag.cli.streams import emit, emit_text


def list_components(
    kind: Annotated[
        str | None, typer.Argument(help="datasets, activations, problems, …", show_default=False)
    ] = None,
    *,
    json: JsonOption = False,
) -> None:
    """List what can stand in a config, and the problems that are looked for."""
    from nndiag.report.catalogue import KINDS, catalogue_view, entries_of  # noqa: PLC0415
    from nndiag.trace.plain import json_text  # noqa: PLC0415

    kinds = list(KINDS) if kind is None else [kind]
    if not json:
        emit(catalogue_view(kinds))
        return
    listed = {
        one: [
            {"name": entry.name, "summary": entry.summary, "options": entry.options}
            for entry in entries_of(one)
        ]
        for one in kinds
    }
    emit_text(json_text({"version": 1, "command": "list", **listed}))

"""`nndiag list [KIND]`: what can stand in a config, and what is looked for."""

from typing import Annotated

import typer

from nndiag.cli.answer import show
from nndiag.cli.completion import kinds
from nndiag.cli.options import JsonOption


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
    from nndiag.verbs.explain import catalogue  # noqa: PLC0415

    show(catalogue(kind), json=json)

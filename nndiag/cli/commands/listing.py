"""`nndiag list [KIND]`: what can stand in a config, and what is looked for."""

from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.command import command
from nndiag.cli.completion import kinds

if TYPE_CHECKING:
    from nndiag.verbs.explain import Catalogue


@command("list", rank=8, without=("quiet", "fail_on", "html"))
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
) -> "Catalogue":
    """List the components of a config, and the problems."""
    from nndiag.verbs.explain import catalogue  # noqa: PLC0415

    return catalogue(kind)

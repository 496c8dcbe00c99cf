"""`nndiag list [KIND]`: what can stand in a config, and what is looked for."""

from typing import TYPE_CHECKING

import click

from nndiag.cli.command import command
from nndiag.cli.completion import kinds

if TYPE_CHECKING:
    from nndiag.verbs.explain import Catalogue


@command("list", rank=8, without=("quiet", "fail_on", "html", "output_format"))
@click.argument(
    "kind",
    metavar="[KIND]",
    required=False,
    help="datasets, activations, problems, …",
    shell_complete=kinds,
)
def list_components(kind: str | None) -> "Catalogue":
    """List problems, fixes, and what a config may hold."""
    from nndiag.verbs.explain import catalogue  # noqa: PLC0415

    return catalogue(kind)

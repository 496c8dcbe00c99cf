"""`nndiag explain NAME`: the page of whatever has a name."""

from typing import TYPE_CHECKING

import click

from nndiag.cli.command import command
from nndiag.cli.completion import names

if TYPE_CHECKING:
    from nndiag.verbs.explain import Page


@command("explain", rank=7, without=("quiet", "fail_on", "html", "output_format"))
@click.argument(
    "name",
    metavar="NAME",
    help="Any name that a report or `nndiag list` shows.",
    shell_complete=names,
)
def explain(name: str) -> "Page":
    """Explain a problem, a bug, a fix, or a term."""
    from nndiag.verbs.explain import explain as explained  # noqa: PLC0415

    return explained(name)

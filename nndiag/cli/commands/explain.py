"""`nndiag explain NAME`: the page of whatever has a name."""

from typing import TYPE_CHECKING, Annotated

import typer

from nndiag.cli.command import command
from nndiag.cli.completion import names

if TYPE_CHECKING:
    from nndiag.verbs.explain import Page


@command("explain", rank=7, without=("quiet", "fail_on", "html"))
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
) -> "Page":
    """Explain a problem, a bug, a remedy, an outcome or a term."""
    from nndiag.verbs.explain import explain as explained  # noqa: PLC0415

    return explained(name)

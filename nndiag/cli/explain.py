"""`nndiag explain NAME`: the page of whatever has a name."""

from typing import Annotated

import typer

from nndiag.cli.answer import show
from nndiag.cli.completion import names
from nndiag.cli.options import JsonOption


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
    from nndiag.verbs.explain import explain as explained  # noqa: PLC0415

    show(explained(name), json=json)

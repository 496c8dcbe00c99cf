"""`nndiag explain NAME`: the page of a problem, an outcome or a term."""

from typing import Annotated

import typer

from nndiag.cli.streams import emit


def explain(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A problem, an outcome or a term.", show_default=False),
    ],
) -> None:
    """Explain a problem, an outcome or a term."""
    from nndiag.report.page import page_view  # noqa: PLC0415

    emit(page_view(name, _page(name)))


def _page(name: str) -> str:
    """The text of the page of `name`."""
    from nndiag.detectors import DETECTORS, page  # noqa: PLC0415
    from nndiag.errors import Problem, UnknownNameError  # noqa: PLC0415
    from nndiag.registry import suggestion  # noqa: PLC0415
    from nndiag.report.glossary import TERMS  # noqa: PLC0415

    if name in TERMS:
        return TERMS[name]
    problems = DETECTORS.names()
    if name in problems:
        return page(name)
    known = [*problems, *TERMS]
    raise UnknownNameError(
        Problem(
            f"nothing is called {name!r}",
            allowed=", ".join(known),
            hint=suggestion(name, known),
        )
    )

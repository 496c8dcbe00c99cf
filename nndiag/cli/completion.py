"""What a shell may complete: names; nothing is imported before somebody presses Tab."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from click import Context, Parameter


def names(context: "Context", parameter: "Parameter", incomplete: str) -> list[CompletionItem]:
    """Everything that `nndiag explain` knows, with a line on each."""
    from nndiag.report.catalogue import KINDS  # noqa: PLC0415

    return _entries(reversed(KINDS), incomplete)


def problems(context: "Context", parameter: "Parameter", incomplete: str) -> list[CompletionItem]:
    """Problems of a run that can be selected or ignored, with a line on each."""
    return _entries(("problems",), incomplete)


def kinds(context: "Context", parameter: "Parameter", incomplete: str) -> list[CompletionItem]:
    """The kinds that `nndiag list` knows."""
    from nndiag.report.catalogue import KINDS  # noqa: PLC0415

    return [CompletionItem(kind) for kind in KINDS if kind.startswith(incomplete)]


def _entries(kinds: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from nndiag.report.catalogue import entries_of  # noqa: PLC0415

    entries = (entry for kind in kinds for entry in entries_of(kind))
    return [
        CompletionItem(x.name, help=x.summary) for x in entries if x.name.startswith(incomplete)
    ]

"""Demos, as one JSON object."""

from dataclasses import dataclass
from typing import Any, Literal

from nndiag.report.document import Document, DocumentPart, derived


@dataclass(frozen=True)
class DemoPart(DocumentPart):
    """One network to look at."""

    name: str
    about: str
    text: str
    """The config or the program."""


@dataclass(frozen=True, kw_only=True)
class DemoDocument(Document):
    """What `demo` prints."""

    command: Literal["demo"] = "demo"
    outcome: None = None
    demos: list[DemoPart]
    run: dict[str, Any] | None
    """What `train` prints of it."""
    fix: dict[str, Any] | None
    """What `fix` prints of it."""
    written: str | None


def demo_document(result: Any) -> DemoDocument:
    """All of a `DemoResult`."""
    run, fix = (None if one is None else one.to_dict() for one in (result.run, result.fix))
    written = None if result.written is None else str(result.written)
    return derived(DemoDocument, result, run=run, fix=fix, written=written)

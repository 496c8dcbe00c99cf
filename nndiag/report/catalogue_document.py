"""What has a name, as JSON objects: lists of names, and the page of one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nndiag.report.catalogue import Entry, entries_of
from nndiag.report.components import REQUIRED
from nndiag.report.document import Document, DocumentPart


@dataclass(frozen=True)
class OptionDocument(DocumentPart):
    """One option of a component."""

    required: bool
    default: Any
    """Null where it is required."""


@dataclass(frozen=True)
class EntryDocument(DocumentPart):
    """One thing that has a name."""

    name: str
    summary: str
    options: Mapping[str, OptionDocument]


@dataclass(frozen=True, kw_only=True)
class ListDocument(Document):
    """What `list` prints."""

    command: Literal["list"] = "list"
    kinds: Mapping[str, list[EntryDocument]]
    """Kind → all of that kind."""


@dataclass(frozen=True, kw_only=True)
class PageDocument(Document):
    """What `explain` prints."""

    command: Literal["explain"] = "explain"
    name: str
    kind: str
    summary: str
    page: str
    """The page as text."""
    code: str
    """The first fix as code, in Markdown; empty where there is none."""
    file: str | None
    """The page as Markdown, with its picture."""
    picture: str | None
    """The picture's file."""


def list_document(kinds: Iterable[str]) -> ListDocument:
    """All names of some kinds."""
    found = [entries_of(kind) for kind in kinds]
    return ListDocument(
        kinds={entries[0].kind: [_entry(entry) for entry in entries] for entries in found}
    )


def page_document(
    entry: Entry, *, code: str = "", file: Path | None = None, picture: Path | None = None
) -> PageDocument:
    """The page of one name."""
    return PageDocument(
        name=entry.name,
        kind=entry.kind,
        summary=entry.summary,
        page=entry.page.strip(),
        code=code,
        file=None if file is None else str(file),
        picture=None if picture is None else str(picture),
    )


def _entry(entry: Entry) -> EntryDocument:
    options = {
        name: OptionDocument(required=True, default=None)
        if default is REQUIRED
        else OptionDocument(required=False, default=default)
        for name, default in entry.options.items()
    }
    return EntryDocument(entry.name, entry.summary, options)

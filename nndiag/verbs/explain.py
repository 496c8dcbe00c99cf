"""`explain` and `list`: what is known by name."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nndiag.finding import Severity
from nndiag.report.catalogue import KINDS, Entry, code_of, entries_of, entry_of
from nndiag.verbs.result import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from nndiag.report.document import Document


@dataclass(frozen=True, repr=False)
class Page(Result):
    """What is known of a name.

    Attributes:
        entry: Its entry in the catalogue.
        file: The page as Markdown; None where there is none.
        picture: The picture of a typical run; None where there is none.
        code: The first fix as code, in Markdown; empty where there is none.
    """

    entry: Entry
    file: Path | None
    picture: Path | None
    code: str = ""

    def gravest(self) -> Severity | None:
        """None: nothing is judged."""
        return None

    def line(self) -> str:
        """The name and what it is."""
        return f"{self.entry.name}: {self.entry.summary}"

    def document(self) -> "Document":
        """The object that `--json` prints."""
        from nndiag.report.catalogue_document import page_document  # noqa: PLC0415 (only when asked for)

        return page_document(self.entry, code=self.code, file=self.file, picture=self.picture)

    def __rich__(self) -> "RenderableType":
        from nndiag.report.page import page_view  # noqa: PLC0415 (only when shown)

        entry = self.entry
        return page_view(
            entry.name, entry.page, code=self.code, file=self.file, picture=self.picture
        )


@dataclass(frozen=True, repr=False)
class Catalogue(Result):
    """All names of some kinds.

    Attributes:
        kinds: The kinds.
    """

    kinds: tuple[str, ...]

    def gravest(self) -> Severity | None:
        """None: nothing is judged."""
        return None

    def line(self) -> str:
        """The kinds."""
        return ", ".join(self.kinds)

    def document(self) -> "Document":
        """The object that `--json` prints."""
        from nndiag.report.catalogue_document import list_document  # noqa: PLC0415 (if asked)

        return list_document(self.kinds)

    def __rich__(self) -> "RenderableType":
        from nndiag.report.catalogue_view import catalogue_view  # noqa: PLC0415 (rich)

        return catalogue_view(self.kinds)


def explain(name: str) -> Page:
    """The page of whatever has a name.

    Args:
        name: A problem, a bug, a fix, an outcome, a term or a component of a config.

    Raises:
        UnknownNameError: Nothing has this name.
    """
    from nndiag.pages import page_file, picture_file  # noqa: PLC0415 (only what is needed)

    entry = entry_of(name)
    code = code_of(entry.name)
    return Page(entry, page_file(entry.name), picture_file(entry.name), code)


def catalogue(kind: str | None = None) -> Catalogue:
    """The components of a config and the problems, by kind.

    Args:
        kind: The only kind, in the plural or the singular; all by default.

    Raises:
        UnknownNameError: There is no such kind.
    """
    if kind is None:
        return Catalogue(tuple(KINDS))
    return Catalogue((entries_of(kind)[0].kind,))

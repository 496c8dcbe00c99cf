"""The terms of a report, and the code of each fix: sections of two documents."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_DOCS = Path(__file__).parents[1] / "docs"
_LISTED = re.compile(r"^(Also|For): (.*)$")


@dataclass(frozen=True)
class Section:
    """One section of a document.

    Attributes:
        name: Its heading.
        listed: What its first line lists behind "Also:" or "For:".
        text: Its paragraphs and blocks of code.
    """

    name: str
    listed: tuple[str, ...]
    text: str


def terms() -> Iterator[Section]:
    """The terms; listed are the other words for each."""
    return _sections(_DOCS / "terms.md")


def fixes() -> Iterator[Section]:
    """The code of each fix; listed are the problems it is tried first against, or the bugs."""
    yield from _sections(_DOCS / "fixes.md")
    yield from _sections(_DOCS / "backward.md")


def _sections(file: Path) -> Iterator[Section]:
    _, *parts = re.split(r"^## ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for part in parts:
        name, _, body = part.partition("\n")
        first, _, rest = body.strip().partition("\n")
        found = _LISTED.match(first)
        if found is None:
            yield Section(name.strip(), (), body.strip())
        else:
            yield Section(name.strip(), tuple(found[2].split(", ")), rest.strip())

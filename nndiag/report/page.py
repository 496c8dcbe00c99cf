"""The page that explains a problem or a term."""

import re
from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

_FIXES, _FIX = "Fixes", "Fix:"  # the title of a problem's section, the lead of a bug's paragraph

LEAD = re.compile(r"^[A-Z][\w ]{2,24}:(?= )")
"""The words that say what a paragraph is about."""


def page_view(
    name: str,
    text: str,
    *,
    code: str = "",
    file: Path | None = None,
    picture: Path | None = None,
) -> RenderableType:
    """A page: its name, its first paragraph, and its sections with their titles.

    Args:
        name: What is explained.
        text: Paragraphs; a section is a line of its own above indented lines.
        code: The first fix as code, in Markdown; it follows the section on fixes.
        file: The same page as Markdown.
        picture: The picture of a typical run.
    """
    parts: list[RenderableType] = [Text(name, style="bold cyan"), Text()]
    for title, words in blocks_of(text):
        if title is not None:
            parts.append(Text(title, style="bold"))
        body = Text(words)
        body.highlight_regex(LEAD, "bold")
        parts += [body if title is None else Padding(body, (0, 0, 0, 2)), Text()]
        if tells_fix(title, words) and code:
            parts += [Padding(Text(_plain_code(code)), (0, 0, 0, 4)), Text()]
    places = [("page   ", file), ("picture", picture)]
    known = [_place(label, path) for label, path in places if path is not None]
    return Group(*parts, *known) if known else Group(*parts[:-1])


def tells_fix(title: str | None, words: str) -> bool:
    """Whether a block of a page tells how to mend it: the code follows there."""
    return title == _FIXES or words.startswith(_FIX)


def _plain_code(markdown: str) -> str:
    """Paragraphs and blocks of code without the fences."""
    return "\n".join(line for line in markdown.splitlines() if not line.startswith("```"))


def _place(label: str, path: Path) -> Text:
    """Where a file lies, in one piece however long: it is there to be copied."""
    return Text.assemble((f"{label} ", "dim"), str(path), no_wrap=True, overflow="ignore")


def blocks_of(text: str) -> Iterator[tuple[str | None, str]]:
    """The paragraphs of a page, each with its title where it is a section."""
    for block in text.strip().split("\n\n"):
        lines = block.splitlines()
        titled = len(lines) > 1 and not lines[0].startswith(" ") and lines[1].startswith("    ")
        title = lines.pop(0) if titled else None
        yield title, " ".join(line.strip() for line in lines)

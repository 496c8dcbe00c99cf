"""The pages as Markdown, from the docstrings that `nndiag explain` prints."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from nndiag.report.catalogue import Entry, code_of, entries_of
from nndiag.report.page import LEAD, blocks_of, tells_fix

KINDS = ("problems", "bugs")


def pages(configs: Path) -> dict[str, str]:
    """All pages and their list, by the names of their files.

    Args:
        configs: The folder with one config for each problem.
    """
    entries = {kind: entries_of(kind) for kind in KINDS}
    texts = {
        "README.md": index_markdown(entries),
        "gallery.md": gallery_markdown(entries["problems"]),
    }
    for entry in entries["bugs"]:
        texts[f"{entry.name}.md"] = page_markdown(entry)
    for entry in entries["problems"]:
        config = configs / f"{entry.name.replace('-', '_')}.yaml"
        command = f"nndiag train configs/broken/{config.name}"
        texts[f"{entry.name}.md"] = page_markdown(entry, caption=_caption(config), command=command)
    return texts


def _caption(config: Path) -> str:
    """The comment on top of a config."""
    lines = config.read_text(encoding="utf-8").splitlines()
    comment = [line.removeprefix("#").strip() for line in lines if line.startswith("#")]
    return " ".join(comment)


def page_markdown(entry: Entry, *, caption: str | None = None, command: str | None = None) -> str:
    """The page of a problem or a bug.

    Args:
        entry: What has the page.
        caption: What its picture shows; None where it has none.
        command: What makes the run of the picture.
    """
    parts = [f"# {entry.name}"]
    for place, (title, body) in enumerate(blocks_of(entry.page)):
        if title is not None:
            parts.append(f"## {title}")
        words = _escaped(body)
        parts.append(LEAD.sub(lambda lead: f"**{lead[0]}**", words) if place else words)
        if place == 0 and caption is not None:
            parts.append(f"![A typical run: {_escaped(caption)}]({entry.name}.svg)")
            parts.append(f"*{_escaped(caption)}* `{command}`")
        if tells_fix(title, body) and code_of(entry.name):
            parts.append(code_of(entry.name))
    return "\n\n".join(parts) + "\n"


def index_markdown(kinds: Mapping[str, Iterable[Entry]]) -> str:
    """The list of all pages, by kind."""
    parts = ["# The pages", "All pictures on one page: [the gallery](gallery.md)."]
    for kind, entries in kinds.items():
        lines = [f"- [{one.name}]({one.name}.md): {_escaped(one.summary)}" for one in entries]
        parts += [f"## {kind}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def gallery_markdown(problems: Iterable[Entry]) -> str:
    """A typical run of each problem as a picture that leads to its page."""
    parts = ["# The gallery", "A typical run of each problem. Each picture leads to its page."]
    for one in problems:
        parts += [f"## {one.name}", f"{_escaped(one.summary)}."]
        parts.append(f"[![{one.name}]({one.name}.svg)]({one.name}.md)")
    return "\n\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    """Text whose stars and angles are no markup; what stands between backquotes is left alone."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(
        piece if piece.startswith("`") else re.sub(r"([*<|_])", r"\\\1", piece) for piece in pieces
    )

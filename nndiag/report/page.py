"""The page that explains a problem or a term."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text


def page_view(name: str, text: str) -> RenderableType:
    """A page: its name, its first paragraph, and its sections with their titles.

    Args:
        name: What is explained.
        text: Paragraphs; a section is a line of its own above indented lines.
    """
    parts: list[RenderableType] = [Text(name, style="bold cyan"), Text()]
    for block in text.strip().split("\n\n"):
        lines = block.splitlines()
        titled = len(lines) > 1 and not lines[0].startswith(" ") and lines[1].startswith("    ")
        if titled:
            parts.append(Text(lines[0], style="bold"))
            lines = lines[1:]
        body = Text(" ".join(line.strip() for line in lines))
        body.highlight_regex(r"^[A-Z][\w ]{2,24}:(?= )", "bold")
        parts += [Padding(body, (0, 0, 0, 2)) if titled else body, Text()]
    return Group(*parts[:-1])

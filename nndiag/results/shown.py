"""How a result shows itself: text, rich's colours, a notebook's HTML."""

from dataclasses import fields
from io import StringIO
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.console import RenderableType

R = TypeVar("R", bound="Shown")


class Shown:
    """Shows a result wherever it is looked at, from its renderable."""

    def __rich__(self) -> "RenderableType":
        raise NotImplementedError

    def __str__(self) -> str:
        return text_of(self.__rich__())

    def _repr_html_(self) -> str:
        from nndiag.report.html import renderable_html  # noqa: PLC0415 (rich costs 50 ms)

        return "\n".join([renderable_html(self.__rich__()), *self._pictures().values()])

    def _pictures(self) -> dict[str, str]:
        """Name → SVG element, for a notebook; none by default."""
        return {}


def shown_as(kind: type[R], result: Any) -> R:
    """A frozen result as a class over its own class that knows how to show itself."""
    return kind(**{field.name: getattr(result, field.name) for field in fields(result)})


def text_of(renderable: "RenderableType", *, width: int = 100) -> str:
    """A renderable as plain text."""
    from rich.console import Console  # noqa: PLC0415 (rich costs 50 ms)

    console = Console(file=StringIO(), width=width, highlight=False, emoji=False, color_system=None)
    with console.capture() as captured:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in captured.get().rstrip().splitlines())

"""What every verb returns: it shows itself as text, in colour, as a page, as an object of JSON."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import fields
from io import StringIO
from typing import TYPE_CHECKING, Any, TypeVar

from nndiag.finding import Finding, Severity
from nndiag.plain import to_plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from rich.console import RenderableType

    from nndiag.plots.figures import Drawing
    from nndiag.report.document import Document
    from nndiag.report.formats import Mark

R = TypeVar("R", bound="Result")


class Result:
    """A frozen result; `repr` is a line, `str` the report, a notebook shows HTML with pictures."""

    def gravest(self) -> Severity | None:
        """The gravest severity of what was found, None for nothing; it sets the exit code."""
        raise NotImplementedError

    def cut_short(self) -> bool:
        """Whether Ctrl-C cut short what was asked for."""
        return False

    def line(self) -> str:
        """The verdict in one line."""
        raise NotImplementedError

    def document(self) -> "Document":
        """The object that `--json` prints."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The object that `--json` prints, as plain data."""
        plain: dict[str, Any] = to_plain(self.document())
        return plain

    def page(self) -> str:
        """The report with its pictures as one self-contained page of HTML."""
        from nndiag.report.html import page_html  # noqa: PLC0415 (rich costs 50 ms)

        return page_html(self.line(), self.__rich__(), pictures=self.pictures())

    def draw(self) -> None:
        """Draw pictures into the folder that it is stored in; nothing by default."""

    def marks(self) -> "Sequence[Mark]":
        """What was found, each at its place, for the formats of other tools."""
        from nndiag.report.formats import Mark  # noqa: PLC0415 (only when asked for)

        own = getattr(self, "path", None) or getattr(self, "config", None)
        file = None if own is None else shlex.split(str(own))[0]
        return [
            Mark(one.problem, one.severity, one.message, one.file or file, one.line)
            for one in getattr(self, "findings", ())
        ]

    def remarks(self) -> Iterable[str]:
        """What a person should know besides, a line each; none by default."""
        return ()

    def drawings(self) -> "Sequence[Callable[[Axes], object]]":
        """What draws its pictures on axes of matplotlib; none by default."""
        return ()

    def plot(self) -> "Drawing":
        """Its pictures side by side, as a figure of matplotlib; a notebook shows it."""
        from nndiag.plots.figures import figure_of  # noqa: PLC0415 (matplotlib costs 400 ms)

        return figure_of(self.drawings())

    def pictures(self) -> dict[str, str]:
        """Name → SVG element; none by default."""
        return {}

    def __rich__(self) -> "RenderableType":
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.line()}>"

    def __str__(self) -> str:
        return text_of(self.__rich__())

    def _repr_html_(self) -> str:
        from nndiag.report.html import renderable_html  # noqa: PLC0415 (rich costs 50 ms)

        return "\n".join([renderable_html(self.__rich__()), *self.pictures().values()])


def gravest_of(findings: Iterable[Finding]) -> Severity | None:
    """The gravest severity among findings; None where there are none."""
    return min((one.severity for one in findings), key=lambda one: one.rank, default=None)


def as_result(kind: type[R], found: Any, **more: Any) -> R:
    """What was found as a result: a class over its own class, with what else is known.

    Args:
        kind: The class of the result.
        found: A frozen dataclass.
        more: Fields of the result that `found` has not.
    """
    return kind(**{field.name: getattr(found, field.name) for field in fields(found)}, **more)


def text_of(renderable: "RenderableType", *, width: int = 100) -> str:
    """A renderable as plain text."""
    from rich.console import Console  # noqa: PLC0415 (rich costs 50 ms)

    console = Console(
        file=StringIO(), width=width, highlight=False, emoji=False, color_system=None,
        force_jupyter=False,  # rich would show there what is printed
    )  # fmt: skip
    with console.capture() as captured:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in captured.get().rstrip().splitlines())

"""stdout for results, stderr for everything else; pipes that close, encodings that lack a sign."""

import codecs
import contextlib
import io
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

from nndiag.errors import NndiagError, NndiagWarning

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_SPELLED = {
    "×": "x", "÷": "/", "–": "-", "—": "-", "…": "~", "·": "|", "→": ">", "↳": ">", "✗": "X",
    "▲": "^", "┤": "|", "━": "=", "╌": "-", "²": "2", "½": "1/2", "λ": "lambda", "σ": "sigma",
    "‖": "|", "≤": "<=", "≥": ">=", "−": "-", "∞": "inf", "’": "'", "✓": "v", "Δ": "D",
    "β": "beta", "ε": "epsilon", "θ": "theta", "ᵀ": "^T", "⁻": "-", "¹": "1", "√": "sqrt",
    "▁": "_", "▂": ".", "▃": ":", "▄": "-", "▅": "=", "▆": "+", "▇": "*", "█": "#",
}  # fmt: skip

_OTHERS = warnings.showwarning


def spell_out_what_cannot_be_encoded() -> None:
    """Make both streams write "x" for "×" and the like where their encoding lacks a sign."""
    codecs.register_error("nndiag.spelled", _spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="nndiag.spelled")


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(
        _SPELLED.get(sign, "?") for sign in error.object[error.start : error.end]
    ), error.end


def emit(renderable: "RenderableType") -> None:
    """Print a result for a person on stdout."""
    console = console_of(sys.stdout)
    if console.is_terminal:
        with _written():
            console.print(renderable, crop=False)
            sys.stdout.flush()
        return
    with _written(), console.capture() as captured:
        console.print(renderable, crop=False)
    emit_text("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def emit_text(text: str) -> None:
    """Write a result on stdout as it is; a reader that has gone is no error."""
    with _written():
        sys.stdout.write(text)
        sys.stdout.flush()


@contextlib.contextmanager
def _written() -> Iterator[None]:
    """Around what is written on stdout: a reader may have gone, a disk may be full.

    Raises:
        NndiagError: It cannot be written.
    """
    try:
        yield
    except BrokenPipeError:
        leave_quietly()
    except OSError as error:
        leave_quietly()
        raise NndiagError(f"the result cannot be written: {error.strerror}") from error


def complain(problem: NndiagError | str) -> None:
    """Tell on stderr what is wrong."""
    for text in (str(problem),) if isinstance(problem, str) else map(str, problem.problems):
        _tell("error:", text, style="bold red")


def warnings_are_told() -> None:
    """Make nndiag's own warnings lines on stderr, each time they are given; matplotlib is mute."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where its caches are concerns nobody
    warnings.simplefilter("always", NndiagWarning)
    warnings.showwarning = _warned


def _warned(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
    if not issubclass(category, NndiagWarning):
        _OTHERS(message, category, *place, **more)
        return
    _tell("warning:", str(message), style="bold yellow")


def remark(text: str) -> None:
    """Tell on stderr what a person should know besides."""
    _tell(f"note: {text}", style="dim")


def _tell(label: str, text: str = "", *, style: str) -> None:
    """Write on stderr; on a terminal lines end between words, elsewhere where the text has them."""
    from rich.text import Text  # noqa: PLC0415 (rich costs 50 ms)

    console, wrapped = console_of(sys.stderr), sys.stderr.isatty()
    told = Text.assemble((label, style), *([f" {text}"] if text else []))
    try:
        console.print(told, soft_wrap=not wrapped)
    except OSError:  # a reader that has gone, a disk that is full
        leave_quietly()


def notice(renderable: "RenderableType") -> None:
    """Show on stderr what is known before there is a result; like progress, on a terminal only."""
    if sys.stderr.isatty():
        console_of(sys.stderr).print(renderable)


def console_of(stream: TextIO) -> "Console":
    """A console that writes to a stream; colours only on a terminal and without NO_COLOR."""
    from rich.console import Console  # noqa: PLC0415

    width = height = None
    if os.environ.get("COLUMNS") == "0":  # as much as none, and not a width of nothing
        width = shutil.get_terminal_size().columns
    if stream.isatty() and os.environ.get("TERM") in {"dumb", "unknown"}:  # rich assumes 80 there
        width, height = os.get_terminal_size(stream.fileno())
    return Console(
        file=stream, highlight=False, emoji=False, width=width or None, height=height or 25
    )


def leave_quietly() -> None:
    """Send everything that is still to be written nowhere: the reader has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)

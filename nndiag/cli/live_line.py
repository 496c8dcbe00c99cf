"""The line that shows how far a run is; it exists on a terminal only."""

import os
import sys
from typing import TYPE_CHECKING, TextIO

from nndiag.report.progress import progress_line

if TYPE_CHECKING:
    from nndiag.training import Progress

_USUAL_WIDTH = 80


class LiveLine:
    """Shows progress on one line of stderr, rewritten in place, as wide as the terminal now is.

    Args:
        enabled: Whether it is wanted; it stays silent where stderr is no terminal anyway.
        stream: The terminal.
    """

    def __init__(self, *, enabled: bool = True, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        dumb = os.environ.get("TERM", "") in {"dumb", "unknown"}
        self._enabled = enabled and not dumb and self._stream.isatty()
        self._shown = False

    def __enter__(self) -> "LiveLine":
        return self

    def __exit__(self, *error: object) -> None:
        self.clear()

    def __call__(self, progress: "Progress") -> None:
        """Show where the run stands."""
        if not self._enabled:
            return
        self._shown = True
        self._write(f"\r{self.line_of(progress)}\x1b[K")

    def line_of(self, progress: "Progress") -> str:
        """Where the run stands, in one line of this terminal."""
        return progress_line(
            step=progress.step,
            total=progress.total,
            loss=progress.loss,
            seconds=progress.seconds,
            width=self._width(),
        )

    def say(self, text: str) -> None:
        """Show what is being done."""
        if self._enabled:
            self._shown = True
            self._write(f"\r{text[: max(self._width() - 1, 0)]}\x1b[K")

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._write("\r\x1b[K")
        self._shown = False

    def _width(self) -> int:
        """Columns of this terminal, less those of the ^C that it may echo; stdout may be a file."""
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError):
            columns = 0
        return max((columns or _USUAL_WIDTH) - len("^C"), 1)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._enabled = False

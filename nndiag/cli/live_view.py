"""A run while it goes on: its curve in the terminal, its page in a file."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nndiag.cli.live_line import LiveLine
from nndiag.errors import RunError, warn
from nndiag.training import Progress

if TYPE_CHECKING:
    from rich.live import Live

    from nndiag.trace import Trace

_DRAWN = 0.25  # seconds between two pictures in a terminal
_PAGE = 2.0  # seconds between two pages, at least
_SHARE = 20  # a page's time is this small a share of the run's


class LiveView(LiveLine):
    """The curve of the loss and the norms of the layers on stderr, above the live line.

    Args:
        enabled: Whether it is wanted; it stays silent where stderr is no terminal anyway.
    """

    def __init__(self, *, enabled: bool = True) -> None:
        super().__init__(enabled=enabled)
        self._line, self._next = "", 0.0
        self._live = self._started() if self._enabled else None

    def __call__(self, progress: Progress) -> None:
        """Remember how far the run is."""
        self._line = self.line_of(progress)

    def say(self, text: str) -> None:
        """Remember what is being done."""
        self._line = text

    def watch(self, snapshot: "Callable[[], Trace]") -> None:
        """Draw a run; at most a few times a second."""
        now = time.monotonic()
        if self._live is None or now < self._next:
            return
        from nndiag.report.live import live_view  # noqa: PLC0415 (only where it is asked for)

        self._live.update(live_view(snapshot(), line=self._line), refresh=True)
        self._next = time.monotonic() + _DRAWN

    def clear(self) -> None:
        """Take the picture away: the report follows."""
        if self._live is not None:
            self._live.stop()
        self._live = None

    def _started(self) -> "Live":
        from rich.live import Live  # noqa: PLC0415 (only where it is asked for)

        from nndiag.cli.streams import console_of  # noqa: PLC0415

        live = Live(console=console_of(self._stream), transient=True, auto_refresh=False)
        live.start()
        return live


class LivePage:
    """The page of a run, written again and again while it goes on; it loads itself again.

    Args:
        path: Its file.
        name: What the run is called.
    """

    def __init__(self, path: Path, *, name: str) -> None:
        self._path, self._name = path, name
        self._next = time.monotonic() + _PAGE
        self._snapshot: Callable[[], Trace] | None = None
        self.line = ""

    def watch(self, snapshot: "Callable[[], Trace]") -> None:
        """Write the run until now; every few seconds, and seldom enough to cost little."""
        self._snapshot = snapshot
        now = time.monotonic()
        if now < self._next:
            return
        self._write(every=_PAGE)
        spent = time.monotonic() - now
        self._next = time.monotonic() + max(_PAGE, _SHARE * spent)

    def give_up(self) -> None:
        """Let the page rest as it is, where the run ends without a report."""
        if self._snapshot is not None and self._path.exists():
            self._write(every=None)

    def _write(self, *, every: float | None) -> None:
        from nndiag.plots.interactive import charts_of  # noqa: PLC0415 (only where it is asked for)
        from nndiag.report.live import live_page  # noqa: PLC0415
        from nndiag.trace.run_folder import write_file  # noqa: PLC0415

        assert self._snapshot is not None
        trace = self._snapshot()
        page = live_page(
            trace,
            name=self._name,
            charts=charts_of(trace),
            line=self.line,
            every=every,
        )
        try:
            write_file(self._path, page.encode("utf-8", "replace"))
        except RunError as error:
            warn(str(error))
            self._next = float("inf")


class Watched:
    """All who watch a run: the line, or with `--live` the curve, and the page that is asked for.

    Args:
        line: The live line.
        live: Whether the curve is wanted.
        html: Where the page is wanted.
        name: What the run is called.
    """

    def __init__(self, line: LiveLine, *, live: bool, html: Path | None, name: str) -> None:
        self._view = LiveView() if live else None
        self._page = None if html is None else LivePage(html, name=name)
        self._line = self._view or line

    def __enter__(self) -> "Watched":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if self._view is not None:
            self._view.clear()
        if self._page is not None and kind is not None:
            self._page.give_up()

    def progress(self, progress: Progress) -> None:
        """Take how far a config's run is."""
        if self._page is not None:
            self._page.line = self._line.line_of(progress)
        self._line(progress)

    def say(self, text: str) -> None:
        """Take what is being done."""
        if self._page is not None:
            self._page.line = text
        self._line.say(text)

    @property
    def watch(self) -> "Callable[[Callable[[], Trace]], None] | None":
        """Takes the run until now; None where nobody wants it."""
        watching = [one.watch for one in (self._view, self._page) if one is not None]
        if not watching:
            return None

        def watch(snapshot: "Callable[[], Trace]") -> None:
            for one in watching:
                one(snapshot)

        return watch

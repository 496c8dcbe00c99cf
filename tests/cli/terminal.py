"""A pseudo-terminal, for what only a terminal shows."""

import fcntl
import os
import pty
import select
import signal
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.cli.forked import PATIENCE, start


class Terminal:
    """A command on a pseudo-terminal of its own."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        columns: int = 80,
        python: Sequence[str] | None = None,
        **environment: str,
    ):
        self.master, slave = pty.openpty()
        self.resize(columns)
        known = {"TERM": "xterm-256color", **environment}
        inherited = {name: x for name, x in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        self.running = start(
            *arguments,
            folder=folder,
            streams=(slave, slave, slave),
            environment=inherited | known,
            python=python,
        )
        os.close(slave)
        self.text = ""

    def resize(self, columns: int) -> None:
        size = (40).to_bytes(2, sys.byteorder) + columns.to_bytes(2, sys.byteorder) + bytes(4)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)

    def read_until(self, wanted: str | Callable[[], bool] | None) -> str:
        """Everything that was shown until a text appears, or something holds, or until the end."""
        holds = wanted if callable(wanted) else lambda: wanted is not None and wanted in self.text
        end = time.monotonic() + PATIENCE
        while not holds():
            ready, _, _ = select.select([self.master], [], [], 0.02)
            try:
                data = os.read(self.master, 65536) if ready else b""
            except OSError:
                break
            if ready and not data:
                break
            self.text += data.decode(errors="replace")
            assert time.monotonic() < end, self.text[-2000:]
            if not ready and self.running.poll() is not None:
                break
        return self.text

    def interrupt(self) -> None:
        self.running.send_signal(signal.SIGINT)

    def end(self) -> int:
        self.read_until(None)
        os.close(self.master)
        return self.running.wait(PATIENCE)

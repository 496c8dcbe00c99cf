"""Ctrl-C while a program runs, told apart from what the program raises by itself."""

from __future__ import annotations

import contextlib
import signal
import threading
import types
from collections.abc import Iterator


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, told apart from a KeyboardInterrupt that the program raises by itself."""


@contextlib.contextmanager
def ctrl_c_told_apart() -> Iterator[None]:
    """Lets Ctrl-C raise an exception of its own."""
    usual = signal.default_int_handler
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is not usual:
        yield
        return
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _interrupt(_number: int, _frame: types.FrameType | None) -> None:
    raise Interrupted

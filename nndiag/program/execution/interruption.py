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


@contextlib.contextmanager
def ctrl_c_deferred() -> Iterator[None]:
    """Lets Ctrl-C wait until what must not be cut in two is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if pressed and callable(usual):
        usual(signal.SIGINT, None)


def _interrupt(_number: int, _frame: types.FrameType | None) -> None:
    raise Interrupted

"""Ways in which a program would end or deafen its process: told with their line, or harmless."""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def replacements(faults: int, kept: Iterable[int]) -> Mapping[Any, Any]:
    """What stands for functions that end processes, close files and ring alarms.

    Args:
        faults: The descriptor that the end is told to.
        kept: Descriptors that a program does not close.
    """
    own = frozenset(kept)
    found: dict[Any, Any] = {
        os._exit: _telling(os._exit, "os._exit", faults),
        os.kill: _only_itself(_telling(os.kill, "os.kill", faults)),
        os.close: _sparing(os.close, own),
        os.closerange: _sparing_ranges(own),
    }
    for name in ("alarm", "setitimer"):  # would ring long after the program was stopped
        if hasattr(signal, name):
            found[getattr(signal, name)] = _silent
    for name in ("setsid", "setpgid", "setpgrp", "killpg"):
        if hasattr(os, name):
            found[getattr(os, name)] = _silent
    return found


def tell_end(faults: int, words: str) -> None:
    """Write down what ends the process, and where."""
    os.write(faults, f"ended by {words}\n".encode())
    faulthandler.dump_traceback(file=faults, all_threads=False)


def _silent(*_: object) -> int:
    return 0


def _telling(function: Callable[..., Any], name: str, faults: int) -> Callable[..., Any]:
    process = os.getpid()

    def ending(*arguments: Any) -> Any:
        if os.getpid() == process:
            tell_end(faults, f"{name}({', '.join(map(repr, arguments))})")
        return function(*arguments)

    return ending


def _only_itself(kill: Callable[..., Any]) -> Callable[..., Any]:
    """`os.kill` of no other process than this one."""

    def killed(process: int, number: int) -> Any:
        return kill(process, number) if process == os.getpid() and number else None

    return killed


def _sparing(close: Callable[[int], None], own: frozenset[int]) -> Callable[[int], None]:
    def closed(fd: int) -> None:
        if fd not in own:
            close(fd)

    return closed


def _sparing_ranges(own: frozenset[int]) -> Callable[[int, int], None]:
    real = os.closerange

    def closed(fd_low: int, fd_high: int, /) -> None:
        start = fd_low
        for descriptor in sorted(item for item in own if fd_low <= item < fd_high):
            real(start, descriptor)
            start = descriptor + 1
        real(start, fd_high)

    return closed

"""The time that a process has had: while others have the processor its clock stands still.

What is found in a limited time is then the same on a busy machine as on an idle one.
"""

from __future__ import annotations

import time
from pathlib import Path

_PROCESSES = Path("/proc")
_waited = 0.0
"""Seconds in which this process was without a processor when that was last asked."""


def now() -> float:
    """Seconds on the clock of this process, from an arbitrary start."""
    global _waited  # noqa: PLW0603 - there is one process
    _waited = time_without_processor("self")
    return time.perf_counter() - _waited


def is_over(deadline: float) -> bool:
    """Whether the clock of this process has passed a time of `now`.

    Seldom asks the system: what it has waited never becomes less.
    """
    return time.perf_counter() - _waited > deadline and now() > deadline


def time_without_processor(process: int | str) -> float:
    """Seconds in which a process could have run and others did; 0 where that is not known."""
    try:
        numbers = (_PROCESSES / str(process) / "schedstat").read_text().split()
    except OSError:
        return 0.0
    return int(numbers[1]) * 1e-9 if len(numbers) > 1 else 0.0

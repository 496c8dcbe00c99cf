"""The time that a process has had: while others have the processor its clock stands still.

What is found in a limited time is then the same on a busy machine as on an idle one.
"""

from __future__ import annotations

import time
from pathlib import Path

_PROCESSES = Path("/proc")


def now() -> float:
    """Seconds on the clock of this process, from an arbitrary start."""
    return time.perf_counter() - time_without_processor("self")


def is_over(deadline: float) -> bool:
    """Whether the clock of this process has passed a time of `now`.

    Seldom asks the system: this clock is never ahead of that of the day.
    """
    return time.perf_counter() > deadline and now() > deadline


def time_without_processor(process: int | str) -> float:
    """Seconds in which a process could have run and others did; 0 where that is not known."""
    try:
        numbers = (_PROCESSES / str(process) / "schedstat").read_text().split()
    except OSError:
        return 0.0
    return int(numbers[1]) * 1e-9 if len(numbers) > 1 else 0.0

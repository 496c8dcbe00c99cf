"""How long a search may take: processor time, so that a busy machine finds the same repairs."""

from __future__ import annotations

import time

_SLACK = 3.0  # on a busy machine, or with a program that waits, the clock on the wall ends it


class Budget:
    """Processor time that may be spent, with the time of day as a backstop."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._busy_until = time.process_time() + seconds
        self._until = time.perf_counter() + _SLACK * seconds

    @property
    def left(self) -> float:
        """Seconds that are left, negative when it is used up."""
        busy = self._busy_until - time.process_time()
        return min(busy, self._until - time.perf_counter())

    @property
    def deadline(self) -> float:
        """When to stop at the latest, as `time.perf_counter` counts."""
        return self._until

    def share(self, part: float) -> Budget:
        """A budget of a part of what is left."""
        return Budget(max(0.0, part * self.left))

"""Rows of numbers, one for each step, handed on block by block while a program trains.

Nothing is kept: memory does not grow with the length of a run.
"""

from __future__ import annotations

import time
from typing import Any, Callable

import numpy as np

Array = Any

_LARGEST = 4096  # rows
_EVERY = 0.1  # seconds
_DENSE = 500_000
"""Steps that all have a row; of k times as many, one in k has, so that rows grow with log k."""


class Blocks:
    """Rows that wait to be handed on, with the parameters that were copied beside them.

    Args:
        columns: Number of values of a row.
        take: Takes a block: `steps` (N,), `rows` (N, columns), and `copies`, `moves` and `rates`,
            one of each for each copy; rates are missing where there is none.
    """

    def __init__(self, columns: int, take: Callable[[dict[str, Any]], None]) -> None:
        self._take = take
        self._rows = np.empty((_LARGEST, columns))
        self._steps = np.empty(_LARGEST, dtype=np.int64)
        self._count = 0
        self._copies: dict[str, list[Any]] = {"copies": [], "moves": [], "rates": []}
        self._next = time.perf_counter()

    def add(self, step: int, values: Array) -> None:
        """Take the values of one more step, shape (columns,)."""
        if step % (1 + step // _DENSE):
            return
        self._rows[self._count], self._steps[self._count] = values, step
        self._count += 1
        if self._count == _LARGEST or time.perf_counter() > self._next:
            self.flush()

    def add_copy(self, step: int, copy: dict[str, Array], move: Array, rate: float | None) -> None:
        """Take the parameters before a step, the norms of its moves, and its rate."""
        self._copies["copies"].append([step, copy])
        self._copies["moves"].append(np.array(move))
        self._copies["rates"] += [] if rate is None else [rate]

    def flush(self) -> None:
        """Hand on what waits."""
        if not self._count and not self._copies["copies"]:
            return
        steps, rows = self._steps[: self._count].copy(), self._rows[: self._count].copy()
        copies, self._copies = self._copies, {"copies": [], "moves": [], "rates": []}
        self._count = 0
        self._next = time.perf_counter() + _EVERY
        self._take({"steps": steps, "rows": rows, **copies})

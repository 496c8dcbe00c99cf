"""Blocks of short runs, worked through by all processors.

Each worker is a forked process, which has the task in its memory already; where processes cannot
be forked it is a thread. A small sweep is not worth a worker and runs here.
"""

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from typing import Protocol

from nndiag.nn.second_thread import processors
from nndiag.training.sweep_runs import ShortRun, Task, blocks_of, train_block

Pair = tuple[float, int]
Question = Callable[[], bool]

_WORTH_WORKERS = 0.2  # seconds of work; starting two workers takes a tenth of that
_TICK = 0.05  # seconds between two looks at Ctrl-C


class Flag(Protocol):
    """Something that is set once and seen by every worker."""

    def set(self) -> None:
        """Set it."""

    def is_set(self) -> bool:
        """Whether it was set."""


class Workers:
    """Trains pairs (rate, seed) of one task.

    Args:
        task: What is trained.
        interrupted: Whether to stop; asked about twenty times a second.
        done: Called with the number of runs that have just ended.

    Attributes:
        made: Number of runs that have ended.
    """

    def __init__(self, task: Task, *, interrupted: Question, done: Callable[[int], None]) -> None:
        self._task, self._interrupted, self._done = task, interrupted, done
        self._pool: Executor | None = None
        self._flag: Flag = threading.Event()
        self._count = 1
        self.made = 0

    def train(self, pairs: Sequence[Pair], *, steps: int | None = None) -> list[ShortRun]:
        """The runs of these pairs; after an interruption those that had ended.

        Args:
            pairs: Rate and seed of each run.
            steps: Steps of each run; the task's by default.
        """
        runs: list[ShortRun] = []
        steps = steps or self._task.steps
        blocks = blocks_of(self._task, pairs, workers=self._count)
        trained = self._here if self._pool is None else self._there
        for block in trained(blocks, steps):
            runs.extend(block)
            self.made += len(block)
            self._done(len(block))
        return runs

    @contextmanager
    def started(self, *, seconds: float) -> Iterator[None]:
        """Workers, for as long as it is open, if so many seconds of work are worth them."""
        count = processors()
        if count < 2 or seconds < _WORTH_WORKERS:
            yield
            return
        self._count = count
        if sys.platform == "linux":
            context = multiprocessing.get_context("fork")
            self._flag = context.Event()
            self._pool = ProcessPoolExecutor(
                count, mp_context=context, initializer=_begin, initargs=(self._task, self._flag)
            )
        else:
            self._pool = ThreadPoolExecutor(count)
        try:
            yield
        finally:
            self._flag.set()
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _here(self, blocks: list[list[Pair]], steps: int) -> Iterator[list[ShortRun]]:
        for block in blocks:
            yield train_block(self._task, block, steps=steps, stopped=self._interrupted)

    def _there(self, blocks: list[list[Pair]], steps: int) -> Iterator[list[ShortRun]]:
        waiting = {self._submit(block, steps) for block in reversed(blocks)}  # the lost end soon
        while waiting:
            ended, waiting = wait(waiting, timeout=_TICK, return_when=FIRST_COMPLETED)
            for future in ended:
                yield future.result()
            if self._interrupted():
                self._flag.set()

    def _submit(self, block: list[Pair], steps: int) -> Future[list[ShortRun]]:
        assert self._pool is not None
        if isinstance(self._pool, ProcessPoolExecutor):
            return self._pool.submit(_train_forked, block, steps)
        stopped = self._flag.is_set
        return self._pool.submit(train_block, self._task, block, steps=steps, stopped=stopped)


_FORKED: dict[str, tuple[Task, Flag]] = {}
"""In a worker process: its task. It was inherited, because optimizers cannot be pickled."""


def _begin(task: Task, flag: Flag) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _FORKED["task"] = (task, flag)


def _end_with_parent() -> None:
    """End this process once its parent was killed: nobody else would ever end it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _train_forked(block: list[Pair], steps: int) -> list[ShortRun]:
    task, flag = _FORKED["task"]
    return train_block(task, block, steps=steps, stopped=flag.is_set)

"""Blocks of short runs, trained by all processors.

An executor's workers train some while this process trains the others. A small sweep is not worth a
worker.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial

from nndiag.parallel import each_as_completed, most_workers, pool
from nndiag.training.sweep_record import SweepRecord
from nndiag.training.sweep_runs import ShortRun, SweepTask, blocks_of, train_block

Pair = tuple[float, int]
Question = Callable[[], bool]

_WORTH_WORKERS = 1.0  # seconds of work; a worker is there after a third of that


class BlockTrainer:
    """Trains pairs (rate, seed) of one task.

    Args:
        task: What is trained.
        interrupted: Whether to stop; asked about twenty times a second.
        done: Called with the number of runs that have ended, and how many are expected; may be
            None.
        record: Where runs are written down, and those that were made already are found; where it
            is only read, no others are made.

    Attributes:
        made: Number of runs that have ended.
    """

    def __init__(
        self,
        task: SweepTask,
        *,
        interrupted: Question,
        done: Callable[[int, int], None] | None,
        record: SweepRecord | None = None,
    ) -> None:
        self._task, self._interrupted, self._record = task, interrupted, record
        self._done = done or (lambda made, expected: None)
        self._expected = 0
        self._pool: Executor | None = None
        self._count = 1
        self.made = 0

    def train(self, pairs: Sequence[Pair], *, steps: int | None = None) -> list[ShortRun]:
        """The runs of these pairs; after an interruption those that had ended.

        Args:
            pairs: Rate and seed of each run.
            steps: Steps of each run; the task's by default.
        """
        expected = max(self._expected, self.made + len(pairs))
        steps = steps or self._task.steps
        runs = self._known(pairs, steps)
        self.made += len(runs)
        made = {(run.rate, run.seed) for run in runs}
        missing = [] if self._reads_only else [pair for pair in pairs if pair not in made]
        blocks = blocks_of(self._task, missing, workers=self._count)
        each = len(blocks[0]) if blocks else 1
        ahead = steps * max(len(missing), self._expected) // (each * self._count)
        for block in self._trained(blocks, steps, ahead):
            runs.extend(block)
            self.made += len(block)
            if self._record is not None:
                self._record.add(block, steps=steps)
            self._done(self.made, expected)
        return runs

    @property
    def _reads_only(self) -> bool:
        return self._record is not None and self._record.read_only

    def _known(self, pairs: Sequence[Pair], steps: int) -> list[ShortRun]:
        """The runs of these pairs that were made already."""
        if self._record is None:
            return []
        found = [self._record.run(rate, seed, steps=steps) for rate, seed in pairs]
        return [run for run in found if run is not None]

    @contextmanager
    def started(self, *, seconds: float, expected: int = 0) -> Iterator[None]:
        """Workers, for as long as it is open, if so many seconds of work are worth them.

        Args:
            seconds: Work that is usual.
            expected: Number of runs that is usual.
        """
        self._expected = expected
        count = most_workers()
        if count < 2 or seconds < _WORTH_WORKERS or self._reads_only:
            yield
            return
        self._count = count
        with pool(count - 1, initializer=_begin, initargs=(self._task,)) as self._pool:
            yield
        self._pool, self._count = None, 1

    def _trained(
        self, blocks: list[list[Pair]], steps: int, ahead: int
    ) -> Iterator[list[ShortRun]]:
        train = partial(
            train_block, self._task, steps=steps, ahead=ahead, stopped=self._interrupted
        )
        if self._pool is None or len(blocks) < 2:
            yield from map(train, blocks)
            return
        lost_last = blocks[::-1]  # high rates, whose runs end soon, are left for the end
        calls = [(partial(train, x), self._pool.submit(_train, x, steps, ahead)) for x in lost_last]
        yield from each_as_completed(calls, stopped=self._interrupted)


_TASK: dict[str, SweepTask] = {}
"""In a worker: what is trained."""


def _begin(task: SweepTask) -> None:
    _TASK["task"] = task


def _train(block: list[Pair], steps: int, ahead: int) -> list[ShortRun]:
    return train_block(_TASK["task"], block, steps=steps, ahead=ahead, stopped=lambda: False)

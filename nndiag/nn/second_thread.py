"""A second thread that makes its own calls in step with the first one."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import numpy as np

from nndiag.nn.calls import Call, Do, execute
from nndiag.nn.fusion import fused


class SecondThread:
    """Works through its own calls, step by step beside the thread that made it.

    Each step begins with the release of one lock and ends with the acquisition of another. Which
    thread is faster changes nothing in the result.
    """

    def __init__(self) -> None:
        self._begin, self._end = Lock(), Lock()
        self._begin.acquire()
        self._end.acquire()
        self._calls: list[list[Call]] = []
        self._pool = ThreadPoolExecutor(max_workers=1)

    def calls(self, slot: int) -> list[Call]:
        """The list that takes the helper's calls of `slot`."""
        self._calls.append([])
        return self._calls[slot]

    def fuse(self, steps: int) -> None:
        """Compile the helper's passes where so many steps are worth it."""
        self._calls = [fused(calls, slots=1, steps=steps) for calls in self._calls]

    def begin(self, do: Do) -> None:
        """The call with which the first thread starts the helper's step."""
        do(self._begin.release)

    def end(self, do: Do) -> None:
        """The call with which the first thread waits for the helper's step."""
        do(self._end.acquire)

    def execute(self, plan: list[Call], *, steps: int) -> None:
        """Make the calls of `plan` here and the helper's own beside them."""
        future = self._pool.submit(self._work, steps)
        try:
            execute(plan)
        except BaseException:
            self._give_up(future)
            raise
        future.result()

    def _work(self, steps: int) -> None:
        with np.errstate(all="ignore"):
            for calls in self._calls[:steps]:
                self._begin.acquire()
                execute(calls)
                self._end.release()

    def _give_up(self, future: Future[None]) -> None:
        """After an interruption: let the helper run through, and set both locks again."""
        while not future.done():
            if self._begin.locked():
                self._begin.release()
            self._end.acquire(timeout=0.001)
        self._begin.acquire(blocking=False)
        self._end.acquire(blocking=False)

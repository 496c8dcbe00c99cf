"""THE POOL: tasks in processes beside this one, behind the interface of `concurrent.futures`.

Whoever has tasks takes what `pool` gives, any `Executor`: `Workers` for the processors of this
machine, or a cluster where `using` says so. The results are the same. A task is a function of a
module with arguments that can be pickled; each runs in a process of its own (`worker`).

May import `errors`, `worker` and `cluster` only.
"""

import os
import pickle
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from nndiag.errors import ConfigError, Problem
from nndiag.worker import BESIDE, Seat, WorkerDiedError

if TYPE_CHECKING:
    from nndiag.cluster import Cluster

__all__ = [
    "WorkerDiedError",
    "Workers",
    "each_as_completed",
    "each_within",
    "most_workers",
    "pool",
    "processors",
    "using",
]

P = ParamSpec("P")
T = TypeVar("T")

CLUSTER = "dask://"
_TICK = 0.05  # seconds between two looks at an interruption


@dataclass(frozen=True)
class _Choice:
    """What the tasks go to: so many processes of this machine, or a cluster; None: as is best."""

    count: int | None = None
    cluster: "Cluster | None" = None


_chosen = _Choice()


@contextmanager
def using(workers: int | str | None) -> Iterator[None]:
    """Have all tasks made by so many processes, or by a cluster, as long as it is open.

    Args:
        workers: A number, "dask://HOST:PORT", or None for as many as this machine has processors.

    Raises:
        ConfigError: It is none of these.
        ClusterError: The cluster cannot be used.
    """
    global _chosen  # noqa: PLW0603 (one process, one pool)
    before, _chosen = _chosen, _chosen if workers is None else _choice(str(workers))
    try:
        yield
    finally:
        if _chosen.cluster is not None and _chosen is not before:
            _chosen.cluster.close()
        _chosen = before


def _choice(workers: str) -> _Choice:
    if workers.startswith(CLUSTER):
        from nndiag.cluster import Cluster  # noqa: PLC0415 (dask is an extra)

        return _Choice(cluster=Cluster(workers.removeprefix(CLUSTER)))
    if not workers.isdecimal() or int(workers) == 0:
        allowed = f"a number from 1, or {CLUSTER}HOST:PORT"
        raise ConfigError(Problem(f"no such workers: {workers!r}", allowed=allowed))
    return _Choice(count=int(workers))


def pool(
    count: int,
    *,
    initializer: Callable[..., None] | None = None,
    initargs: tuple[Any, ...] = (),
) -> Executor:
    """What was chosen, as an executor; leaving its `with` block gives up what is not finished.

    Args:
        count: Number of processes, at least 1, where they are this machine's.
        initializer: Called once in each process before its first task.
        initargs: Its arguments: what all tasks need is sent once, not with each.
    """
    if _chosen.cluster is not None:
        return _chosen.cluster.executor(initializer, initargs)
    return Workers(count, initializer=initializer, initargs=initargs)


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def most_workers() -> int:
    """Tasks that are worth making at once, here none on one processor, and none beside a worker."""
    if BESIDE in os.environ or not sys.executable:
        return 0
    if _chosen.cluster is not None:
        return _chosen.cluster.threads()
    if _chosen.count is not None:
        return _chosen.count
    count = processors()
    return 0 if count < 2 else count


class Workers(Executor):
    """Processes of this machine, started when there is something to do.

    A task whose process dies is done again by a new one. Leaving the `with` block gives up what is
    not finished.

    Args:
        count: Number of processes, at least 1.
        initializer: Called once in each process before its first task.
        initargs: Its arguments: what all tasks need is sent once, not with each.
    """

    def __init__(
        self,
        count: int,
        *,
        initializer: Callable[..., None] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        self._count = count
        self._first = None if initializer is None else pickle.dumps((initializer, initargs, {}))
        self._waiting: deque[_Task[Any]] = deque()
        self._changed = threading.Condition()
        self._workers: list[_Worker] = []
        self._idle, self._closed = 0, False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The result of a call, when it is there; cancelling it ends it even while it is made.

        Raises:
            RuntimeError: The workers were ended.
            pickle.PicklingError, AttributeError, TypeError: The function or an argument cannot be
                sent to another process.
        """
        task: _Task[T] = _Task(pickle.dumps((fn, args, kwargs)))
        with self._changed:
            if self._closed:
                raise RuntimeError("the workers were ended")
            self._waiting.append(task)
            if self._idle < len(self._waiting) and len(self._workers) < self._count:
                self._workers.append(_Worker(self._first, self._next))
            self._changed.notify()
        return task

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes: after all tasks, or at once.

        Args:
            wait: Whether to return only when they have ended.
            cancel_futures: Whether to give up every task that is not finished.
        """
        with self._changed:
            self._closed = True
            waiting = list(self._waiting) if cancel_futures else []
            self._changed.notify_all()
        for task in waiting:
            task.cancel()
        for worker in self._workers if cancel_futures else ():
            worker.stop()
        for worker in self._workers if wait else ():
            worker.join()

    def __exit__(self, *exception: object) -> None:
        self.shutdown(cancel_futures=True)

    def _next(self) -> "_Task[Any] | None":
        """The next task, as soon as there is one; None once there will be none."""
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._idle -= 1
            return self._waiting.popleft() if self._waiting else None


def each_as_completed(
    calls: Sequence[tuple[Callable[[], T], Future[T]]], *, stopped: Callable[[], bool]
) -> Iterator[T]:
    """Results in the order in which they are there; what nobody has begun is made here.

    Args:
        calls: Each call as it is made here, and its future.
        stopped: Asked about twenty times a second; once it says yes, the rest is given up.
    """
    here = {future: call for call, future in reversed(calls)}  # the last one's turn is far away
    try:
        while here and not stopped():
            ended = [future for future in here if future.done()]
            unbegun = next((x for x in here if not x.done() and not x.running()), None)
            if ended:
                for future in ended:
                    del here[future]
                    yield future.result()
            elif unbegun is not None and unbegun.cancel():
                yield here.pop(unbegun)()
            else:
                wait(here, timeout=_TICK, return_when=FIRST_COMPLETED)
    finally:
        for future in here:
            future.cancel()


def each_within(
    calls: Mapping[str, Callable[[], T]], *, seconds: float
) -> Iterator[tuple[str, T | Exception]]:
    """Each call's name with its result or its exception, made in a process, as soon as it is there.

    One that takes longer than so many seconds is ended with a `TimeoutError`.
    """
    count, waiting = max(1, most_workers()), deque(calls.items())
    running: dict[Future[T], tuple[str, float]] = {}
    with pool(count) as workers:
        while waiting or running:
            while waiting and len(running) < count:
                name, call = waiting.popleft()
                running[workers.submit(call)] = (name, time.monotonic() + seconds)
            wait(running, timeout=_TICK, return_when=FIRST_COMPLETED)
            for task, (name, end) in list(running.items()):
                late = not task.done() and time.monotonic() > end and task.cancel()
                if late or task.done():
                    del running[task]
                    limit = TimeoutError(f"it was ended after {seconds:g} s")
                    error = limit if late else task.exception()
                    yield name, error if isinstance(error, Exception) else task.result()


class _Task(Future[T]):
    """A call, packed to be sent; its process is known while it is made.

    Attributes:
        message: The call.
    """

    def __init__(self, message: bytes) -> None:
        super().__init__()
        self.message = message
        self.worker: _Worker | None = None

    def cancel(self) -> bool:
        """Give it up; False where its result is there already."""
        if super().cancel():
            return True
        worker = self.worker
        return worker is not None and worker.give_up(self)


class _Worker:
    """One process after another, and the thread that waits for them.

    Args:
        first: The call to be made in each process before its first task.
        following: Gives the next task; None at the end.
    """

    def __init__(self, first: bytes | None, following: "Callable[[], _Task[Any] | None]") -> None:
        self._seat, self._following = Seat(first), following
        self._lock = threading.Lock()
        self._task: _Task[Any] | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def stop(self) -> None:
        """Give up the task that it has, and take no other."""
        with self._lock:
            self._stopped, task = True, self._task
        if task is not None:
            self.give_up(task)

    def give_up(self, task: "_Task[Any]") -> bool:
        """End the process that makes a task; False where it is made already."""
        with self._lock:
            if self._task is not task:
                return False
            self._task = None
        self._seat.stop()
        task.set_exception(CancelledError())
        return True

    def _work(self) -> None:
        while (task := self._following()) is not None:
            task.worker = self
            with self._lock:
                taken = not self._stopped and task.set_running_or_notify_cancel()
                self._task = task if taken else None
            if taken:
                self._make(task)
            else:
                task.cancel()
        self._seat.end()

    def _make(self, task: "_Task[Any]") -> None:
        """Have a task made, unless it was given up."""
        try:
            succeeded, value = self._seat.made(task.message, wanted=lambda: self._task is task)
        except CancelledError:
            return
        with self._lock:
            current, self._task = self._task, None
        if current is not task:
            return
        if succeeded:
            task.set_result(value)
        else:
            task.set_exception(value)

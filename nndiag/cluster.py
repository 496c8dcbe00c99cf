"""A cluster of dask (the extra `nndiag[cluster]`) as an executor.

    dask scheduler                  # on one machine, HOST
    dask worker HOST:8786           # on each machine that works; nndiag is installed there, too
    nndiag fix my.yaml --workers dask://HOST:8786

A task whose machine is lost is made again by another. There, too, a task runs in a process of its
own on one BLAS thread. What a task reads lies at the same place on all machines.

May import `errors` and `worker` only.
"""

import importlib
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from typing import Any, ParamSpec, TypeVar

from nndiag.errors import ExitCode, NndiagError, Problem
from nndiag.worker import Seat

P = ParamSpec("P")
T = TypeVar("T")

_CONNECTED_WITHIN = 10  # seconds
_RETRIES = 3  # times that a task whose machine is lost is begun again


class ClusterError(NndiagError):
    """A cluster that cannot be used: it is not there, has no workers, or another nndiag."""

    exit_code = ExitCode.USAGE


class Cluster:
    """The workers of a scheduler, each with this version of nndiag.

    Args:
        place: Host and port of the scheduler.

    Raises:
        ClusterError: dask is missing, or the cluster cannot be used.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._client = self._connected()
        try:
            self._check()
        except BaseException:
            self.close()
            raise

    def threads(self) -> int:
        """Tasks that it makes at once."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return sum(worker["nthreads"] for worker in workers)

    def executor(
        self, initializer: Callable[..., None] | None, initargs: tuple[Any, ...]
    ) -> Executor:
        """An executor whose processes make a call before their first task."""
        first = None if initializer is None else pickle.dumps((initializer, initargs, {}))
        return _ClusterExecutor(self._client, first=first)

    def close(self) -> None:
        """Part from it; what it is doing for us is given up."""
        self._client.close()

    def _connected(self) -> Any:
        try:
            distributed = importlib.import_module("distributed")
        except ImportError as error:
            hint = "pip install 'nndiag[cluster]'"
            raise ClusterError(Problem("a cluster needs dask.distributed", hint=hint)) from error
        try:
            return distributed.Client(
                f"tcp://{self._place}", timeout=_CONNECTED_WITHIN, set_as_default=False
            )
        except (OSError, ValueError) as error:
            hint = "start one with: dask scheduler; then on each machine: dask worker HOST:8786"
            problem = f"no scheduler answers at {self._place}"
            raise ClusterError(Problem(problem, got=str(error) or None, hint=hint)) from error

    def _check(self) -> None:
        """Refuses a cluster without workers, or with another nndiag on one of them."""
        found = set(self._client.run(_version).values())
        if not found:
            hint = "start one on each machine: dask worker HOST:8786"
            raise ClusterError(Problem(f"no worker is at {self._place}", hint=hint))
        if found != {_version()}:
            problem = "the workers have another version of nndiag"
            got = ", ".join(sorted(found))
            raise ClusterError(Problem(problem, got=got, allowed=_version()))


def _version() -> str:
    from nndiag import __version__  # noqa: PLC0415 (of the package that is there)

    return __version__


class _ClusterExecutor(Executor):
    """A cluster's workers behind the interface of `concurrent.futures`.

    Args:
        client: dask's client.
        first: The call to be made in each process before its first task.
    """

    def __init__(self, client: Any, *, first: bytes | None) -> None:
        self._client, self._first = client, first
        self._open: set[_Remote[Any]] = set()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The result of a call, when it is there."""
        message = pickle.dumps((fn, args, kwargs))
        there = self._client.submit(_made, self._first, message, pure=False, retries=_RETRIES)
        task: _Remote[T] = _Remote(there)
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        return task

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Give up what is not finished, or wait for it."""
        for task in list(self._open):
            if cancel_futures:
                task.cancel()
            elif wait:
                task.exception()

    def __exit__(self, *exception: object) -> None:
        self.shutdown(cancel_futures=True)


class _Remote(Future[T]):
    """A call that a cluster makes.

    Args:
        there: dask's future.
    """

    def __init__(self, there: Any) -> None:
        super().__init__()
        self._there, self._lock = there, threading.Lock()
        self.set_running_or_notify_cancel()
        there.add_done_callback(self._ended)

    def cancel(self) -> bool:
        """Give it up; False where its result is there already."""
        with self._lock:
            if self.done():
                return False
            self.set_exception(CancelledError())
        self._there.cancel(force=True)
        return True

    def _ended(self, there: Any) -> None:
        try:
            succeeded, value = there.result()
        except BaseException as error:
            succeeded, value = False, error
        with self._lock:
            if self.done():
                return
            if succeeded:
                self.set_result(value)
            else:
                self.set_exception(value)


_seats = threading.local()
"""On a worker: the process that makes the tasks of this thread."""


def _made(first: bytes | None, message: bytes) -> tuple[bool, Any]:
    """On a worker: a call, made in a process of its own; whether it succeeded, and its result."""
    seat: Seat | None = getattr(_seats, "seat", None)
    if seat is None or seat.first != first:
        if seat is not None:
            seat.end()
        seat = _seats.seat = Seat(first)
    return seat.made(message)

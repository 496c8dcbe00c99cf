"""THE POOL: tasks in processes beside this one, behind the interface of `concurrent.futures`.

Whoever has tasks takes any `Executor`; `Workers` is the one for the processors of this machine. A
task is a function of a module with arguments that can be pickled. Workers are fresh Python
processes, never forks, which would copy the locks that other threads hold. They run on one BLAS
thread each, and end with this process, however that ends.

May import `errors` only.
"""

import ctypes
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from typing import IO, Any, ParamSpec, TypeVar

from nndiag.errors import ExitCode, NndiagError, Problem

P = ParamSpec("P")
T = TypeVar("T")

_START = "import sys; sys.path[:] = sys.argv[1:]; from nndiag.parallel import serve; serve()"
_ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
_BESIDE = "NNDIAG_WORKER"  # set in the environment of a worker
_ATTEMPTS = 2  # a task that ends two workers is at fault itself
_TICK = 0.05  # seconds between two looks at an interruption
_LENGTH = struct.Struct("<Q")  # stands before each message
_SIGNAL_AT_PARENTS_DEATH = 1  # prctl's PR_SET_PDEATHSIG


class WorkerDiedError(NndiagError):
    """A task whose worker process ended without an answer, each time that it was tried."""

    exit_code = ExitCode.UNEXPECTED


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def most_workers() -> int:
    """Processes that are worth having: none on one processor, and none beside a worker."""
    count = processors()
    return 0 if count < 2 or _BESIDE in os.environ or not sys.executable else count


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
    with Workers(count) as workers:
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
    """One process after another, and the thread that talks to them.

    Args:
        first: The call to be made in each process before its first task.
        following: Gives the next task; None at the end.
    """

    def __init__(self, first: bytes | None, following: "Callable[[], _Task[Any] | None]") -> None:
        self._first, self._following = first, following
        self._lock = threading.Lock()
        self._task: _Task[Any] | None = None
        self._stopped = False
        self._process: subprocess.Popen[bytes] | None = None
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
            if self._process is not None:
                self._process.kill()
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
        self._end()

    def _make(self, task: "_Task[Any]") -> None:
        """Have a task made, again where the process dies of it."""
        succeeded, value = False, None
        for _ in range(_ATTEMPTS):
            try:
                succeeded, value = self._answer(task)
                break
            except (EOFError, OSError) as error:
                value = _death(self._end(), error)
        if not self._is_over(task):
            return
        if succeeded:
            task.set_result(value)
        else:
            task.set_exception(value)

    def _is_over(self, task: "_Task[Any]") -> bool:
        """Take the task off; False where it was given up."""
        with self._lock:
            current, self._task = self._task, None
        return current is task

    def _answer(self, task: "_Task[Any]") -> tuple[bool, Any]:
        """Whether a call succeeded, and its result or its exception.

        Raises:
            EOFError, OSError: The process cannot be started, or ended.
        """
        with self._lock:
            if self._task is not task:
                raise EOFError
            fresh = self._process is None
            if self._process is None:
                self._process = _started()
            process = self._process
        if fresh and self._first is not None:
            succeeded, value = _asked(process, self._first)
            if not succeeded:
                return succeeded, value
        return _asked(process, task.message)

    def _end(self) -> int | None:
        """End the process; its exit code."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return None
        with process:
            process.kill()
        return process.returncode


def _started() -> subprocess.Popen[bytes]:
    """A worker; a Ctrl-C in the terminal does not reach it, it is this process's to answer."""
    return subprocess.Popen(
        [sys.executable, "-c", _START, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, **_ONE_THREAD, _BESIDE: "1"},
        start_new_session=True,
    )


def _asked(process: subprocess.Popen[bytes], message: bytes) -> tuple[bool, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    _send(process.stdin, message)
    succeeded, value = pickle.loads(_received(process.stdout))
    return bool(succeeded), value


def _death(code: int | None, error: BaseException) -> BaseException:
    if code is None:
        return error  # it could not be started
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    hint = "was there enough memory?" if code == -signal.SIGKILL else None
    return WorkerDiedError(
        Problem("a worker process died of its task, twice", None, how, hint=hint)
    )


def serve() -> None:
    """The life of a worker: calls come in at stdin, results go out at stdout.

    What a task prints goes to stderr. Once this end of stdin is closed, its parent is gone.
    """
    inbox, outbox = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb", 0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":  # at once, even within a long call of C
        ctypes.CDLL(None).prctl(_SIGNAL_AT_PARENTS_DEATH, signal.SIGKILL)
    calls: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(inbox, calls), daemon=True).start()
    while True:
        _send(outbox, _made(calls.get()))


def _receive(inbox: IO[bytes], calls: "queue.SimpleQueue[bytes]") -> None:
    """Take calls in until the parent is gone; then end this process, whatever it does."""
    try:
        while True:
            calls.put(_received(inbox))
    finally:
        os._exit(0)


def _made(message: bytes) -> bytes:
    """What came of a call, packed to be sent."""
    try:
        function, args, kwargs = pickle.loads(message)
        return pickle.dumps((True, function(*args, **kwargs)))
    except BaseException as error:
        error.add_note("".join(traceback.format_exception(error)))
        try:
            packed = pickle.dumps((False, error))
            pickle.loads(packed)
            return packed
        except Exception:
            return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))


def _send(stream: IO[bytes], message: bytes) -> None:
    whole = memoryview(_LENGTH.pack(len(message)) + message)
    while whole:
        whole = whole[stream.write(whole) :]


def _received(stream: IO[bytes]) -> bytes:
    """The next message; EOFError at the end of the stream."""
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    return _exactly(stream, length)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = stream.read(count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)

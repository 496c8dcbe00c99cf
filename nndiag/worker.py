"""One process that makes calls, and what passes between it and this one.

A fresh Python process, never a fork, which would copy the locks that other threads hold. It runs on
one BLAS thread, and ends with the process that started it, however that ends.

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
import traceback
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import IO, Any

from nndiag.errors import ExitCode, NndiagError, Problem

BESIDE = "NNDIAG_WORKER"
"""Set in the environment of such a process."""

_START = "import sys; sys.path[:] = sys.argv[1:]; from nndiag.worker import serve; serve()"
_ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
_ATTEMPTS = 2  # a task that ends two processes is at fault itself
_LENGTH = struct.Struct("<Q")  # stands before each message
_SIGNAL_AT_PARENTS_DEATH = 1  # prctl's PR_SET_PDEATHSIG


class WorkerDiedError(NndiagError):
    """A task whose worker process ended without an answer, each time that it was tried."""

    exit_code = ExitCode.UNEXPECTED


class Seat:
    """A process that makes one call after another; one that dies of a call is replaced.

    Args:
        first: The call to be made in each process before its first one.

    Attributes:
        first: The same.
    """

    def __init__(self, first: bytes | None) -> None:
        self.first = first
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def made(
        self, message: bytes, *, wanted: Callable[[], bool] = lambda: True
    ) -> tuple[bool, Any]:
        """Whether a call succeeded, and its result or its exception.

        A call that ends its process is made again by another, once.

        Args:
            message: The call, packed.
            wanted: Whether it still is; asked before each attempt.

        Raises:
            CancelledError: It is not wanted any more.
        """
        value: Any = None
        for _ in range(_ATTEMPTS):
            try:
                return self._answer(message, wanted)
            except (EOFError, OSError) as error:
                value = _death(self.end(), error)
        return False, value

    def stop(self) -> None:
        """End the call that is being made."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def end(self) -> int | None:
        """End the process; its exit code."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return None
        with process:
            process.kill()
        return process.returncode

    def _answer(self, message: bytes, wanted: Callable[[], bool]) -> tuple[bool, Any]:
        """What the process answers.

        Raises:
            CancelledError: It is not wanted any more.
            EOFError, OSError: The process cannot be started, or ended.
        """
        with self._lock:
            if not wanted():
                raise CancelledError
            fresh = self._process is None
            if self._process is None:
                self._process = _started()
            process = self._process
        if fresh and self.first is not None:
            succeeded, value = _asked(process, self.first)
            if not succeeded:
                return succeeded, value
        return _asked(process, message)


def _started() -> subprocess.Popen[bytes]:
    """A worker; a Ctrl-C in the terminal does not reach it, it is this process's to answer."""
    return subprocess.Popen(
        [sys.executable, "-c", _START, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, **_ONE_THREAD, BESIDE: "1"},
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

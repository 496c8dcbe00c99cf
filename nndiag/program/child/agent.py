"""The child's side: answers what it is asked, in the user's Python, until nobody asks any more."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import os
import queue
import signal
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from nndiag.errors import NndiagError
from nndiag.program.child.plain import as_plain
from nndiag.program.execution.depth import depth_of_trees
from nndiag.program.execution.interruption import ctrl_c_deferred

TASKS: dict[str, str] = {
    "check": "nndiag.program.check:answer",
    "rate": "nndiag.program.rates:find_rate",
    "losses": "nndiag.program.rates:losses_at",
    "look": "nndiag.program.running.before:look",
    "watch": "nndiag.program.running.task:watch",
    "watch-script": "nndiag.pytorch.watching.answer:watch",
}
"""What the child can be asked → the function that answers: `function(request, send) -> data`."""

FAULTS = "faults"
"""The file in the child's folder that tells where each thread was when the child ended."""

Send = Callable[[str, Mapping[str, Any]], None]
"""Sends a message of some kind while a question is being answered."""

_HIGHEST = 1000  # descriptors that a program may close one by one lie below
_OBJECTS = 20_000  # made before cycles are looked for: the values of a graph are in none
_STACK = 100 * 2**20  # bytes; the least that lies below the main thread's stack on Linux


def serve(token: str, folder: str) -> None:
    """Answer requests until their stream ends.

    Args:
        token: What is written before the first frame.
        folder: A folder of the child's own, for what is to vanish with it.
    """
    requests, replies = _private_streams()
    replies.write(token.encode())
    replies.flush()
    try:
        from nndiag.program.child import frames  # noqa: PLC0415 - numpy may be missing
        from nndiag.program.child.confinement import confine  # noqa: PLC0415
    except ImportError as error:
        replies.write(f"{error}\n".encode())
        replies.flush()
        return
    replies.write(b"\n")
    replies.flush()
    faults = _report_faults(Path(folder, FAULTS))
    _allow_deep_stack()
    gc.set_threshold(_OBJECTS)
    own = (requests.fileno(), replies.fileno(), faults)
    agent = _Agent(replies, frames.write_frame)
    asked: queue.Queue[Any] = queue.Queue()
    reader = threading.Thread(target=_read_all, args=(requests, frames.read_frame, asked))
    reader.daemon = True
    reader.start()
    first = asked.get()
    agent.prepare(first)
    confine(folder, faults=faults, kept=own)
    agent.answer(first)
    while True:
        agent.answer(asked.get())


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """What was standard input and output, where a program does not meet them by accident.

    The program has an empty input; what it writes to its output goes where its errors go.
    """
    streams = os.fdopen(_moved(0), "rb"), os.fdopen(_moved(1), "wb")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(2, 1)
    os.close(empty)
    return streams


def _moved(descriptor: int) -> int:
    """A copy of a descriptor with a high number that programs started from here do not inherit."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        return os.dup(descriptor)
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGHEST)


def _read_all(
    requests: BinaryIO, read_frame: Callable[[BinaryIO], Any], asked: queue.Queue[Any]
) -> None:
    """Put requests into the queue; without a parent there is nothing left to do."""
    try:
        while True:
            asked.put(read_frame(requests))
    except (EOFError, OSError):
        os._exit(0)


def _report_faults(path: Path) -> int:
    """Let a crash, and a signal of the parent's, write down where the program is."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    faults = _moved(descriptor)
    os.close(descriptor)
    faulthandler.enable(file=faults)
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGUSR1, file=faults)
    return faults


def _allow_deep_stack() -> None:
    """Give room for the syntax trees of sums of a thousand terms."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    stack = _STACK if hard == resource.RLIM_INFINITY else min(_STACK, hard)
    resource.setrlimit(resource.RLIMIT_STACK, (stack, hard))


class _Agent:
    """Runs tasks and sends what comes of them."""

    def __init__(self, replies: BinaryIO, write_frame: Callable[[BinaryIO, object], None]) -> None:
        self._replies, self._write_frame = replies, write_frame
        self._lock = threading.Lock()
        self._process = os.getpid()

    def prepare(self, asked: Mapping[str, Any]) -> None:
        """Import what answers a request, while its compiled form can still be kept."""
        with contextlib.suppress(Exception):  # told when it is asked
            importlib.import_module(TASKS[asked["task"]].partition(":")[0])

    def answer(self, asked: Mapping[str, Any]) -> None:
        """Run one task; its result, or the problem that it ends with, is sent."""
        kind, outcome = "result", None
        try:
            outcome = self._outcome(asked)
        except NndiagError as error:
            kind = "problems"
            outcome = {"error": type(error).__name__, "problems": as_plain(error.problems)}
        except BaseException:
            kind, outcome = "failure", {"text": traceback.format_exc()}
        self.send(kind, outcome)

    def _outcome(self, asked: Mapping[str, Any]) -> Any:
        module, _, name = TASKS[asked["task"]].partition(":")
        function = getattr(importlib.import_module(module), name)
        with depth_of_trees():
            return function(asked["request"], lambda kind, data: self.send("message", [kind, data]))

    def send(self, kind: str, data: Any) -> None:
        """Write one frame; a copy of this process that the program made has nothing to say."""
        if os.getpid() != self._process:
            os._exit(0)
        with self._lock, ctrl_c_deferred():
            self._write_frame(self._replies, [kind, data])

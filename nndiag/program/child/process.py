"""The parent's side: a child in the user's own Python, asked and bounded from outside.

A child that ends before it has answered is a result, too: a `UserCodeError` that says how and where
the program ended it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from nndiag import errors
from nndiag.errors import Problem, UserCodeError
from nndiag.program.child import start
from nndiag.program.child.agent import FAULTS
from nndiag.program.child.ending import Ending, Reason, problem_of
from nndiag.program.child.frames import read_frame, write_frame
from nndiag.program.child.interpreters import interpreters
from nndiag.program.child.plain import from_plain
from nndiag.program.child.resources import affordable_memory, memory_of
from nndiag.program.execution.clock import time_without_processor

OnMessage = Callable[[str, Mapping[str, Any]], None]

WATCHED = "NNDIAG_WATCHED"
"""The variable of the environment that tells a program that it is being watched."""

_TICK = 0.05  # seconds between looks at the child's memory and time
_START = 30.0  # seconds for a Python to start and import numpy
_LAST_WORDS = 0.3  # seconds for writing down where the program is
_TAIL = 200  # chunks of its output that are kept


class ChildFailedError(RuntimeError):
    """A fault of nndiag's own, in the child."""


def ask(
    task: str,
    request: Mapping[str, Any],
    *,
    python: str | None = None,
    seconds: float,
    memory: int | None = None,
    on_message: OnMessage | None = None,
) -> Mapping[str, Any]:
    """Ask a child of its own one thing.

    Args:
        task: One of `agent.TASKS`.
        request: What the task needs, as plain data. Its `program`, the path of the user's file,
            tells how the places that the program ended at are named.
        python: The Python to run it in; the user's own by default.
        seconds: When the child is stopped, whatever it is doing.
        memory: Bytes that it may take; by default most of what the machine has to spare.
        on_message: Told what the task sends, by kind; and of kind `note` what else was noticed.

    Raises:
        UserCodeError: What the task raised; or the program ended the process, or was stopped.
        ChildFailedError: The task failed for another reason.
    """
    with Child(python=python, memory=memory, on_message=on_message) as child:
        return child.ask(task, request, seconds=seconds)


class Child:
    """A child that is asked one thing after another; what it was told before it still knows.

    Args:
        python: The Python to run it in; the user's own by default.
        memory: Bytes that it may take.
        on_message: Told what the tasks send, and what else was noticed.
    """

    def __init__(
        self,
        *,
        python: str | None = None,
        memory: int | None = None,
        on_message: OnMessage | None = None,
    ) -> None:
        self._memory = affordable_memory() if memory is None else memory
        self._tell = on_message or (lambda kind, data: None)
        self._folder = Path(tempfile.mkdtemp(prefix="nndiag-"))
        Path(self._folder, "temporary").mkdir()
        self._frames: queue.Queue[Any] = queue.Queue()
        self._output: deque[bytes] = deque(maxlen=_TAIL)
        try:
            self._process = self._started(python)
        except BaseException:
            self._remove_folder()
            raise

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child with all that it started, and remove what it wrote."""
        self._kill(self._process)
        self._remove_folder()

    def ask(self, task: str, request: Mapping[str, Any], *, seconds: float) -> Mapping[str, Any]:
        """Ask one thing; see the function of this name."""
        with contextlib.suppress(OSError):  # a child that has ended is told below
            write_frame(_stream(self._process.stdin), {"task": task, "request": request})
        return self._answer(request, seconds=seconds)

    def cut_short(self, request: Mapping[str, Any], *, seconds: float) -> Mapping[str, Any]:
        """End the program as Ctrl-C would, and give what the task has until then.

        Args:
            request: What was asked.
            seconds: How long to wait for the answer.

        Raises:
            ChildFailedError: The task had nothing to tell yet.
            UserCodeError: As `ask`.
        """
        self._process.send_signal(signal.SIGINT)
        return self._answer(request, seconds=seconds)

    def _answer(self, request: Mapping[str, Any], *, seconds: float) -> Mapping[str, Any]:
        clock = _Clock(self._process.pid, seconds)
        while True:
            try:
                kind, data = self._frames.get(timeout=_TICK)
            except queue.Empty:
                reason = self._exceeded(clock)
                if reason is not None:
                    raise self._stopped(reason, request, seconds) from None
                continue
            if kind == "result":
                return data  # type: ignore[no-any-return]
            if kind == "message":
                self._tell(*data)
            elif kind == "problems":
                raise _raised(data)
            elif kind == "failure":
                raise ChildFailedError(data["text"])
            else:
                raise self._stopped(Reason.ENDED, request, seconds)

    def _started(self, python: str | None) -> subprocess.Popen[bytes]:
        """The first Python that is there and has numpy.

        Raises:
            UserCodeError: There is none.
        """
        reasons = []
        for path in interpreters(python):
            process, reason = self._tried(path)
            if process is None:
                reasons.append(f"{path}: {reason}")
                continue
            if reasons:
                text = f"run in {path}: the user's own cannot be used ({'; '.join(reasons)})"
                self._tell("note", {"text": text})
            return process
        hint = "name a Python that has numpy with --python, or install it there"
        raise UserCodeError(
            Problem("no Python can run the program", got="; ".join(reasons), hint=hint)
        )

    def _tried(self, python: str) -> tuple[subprocess.Popen[bytes] | None, str]:
        """A child that is ready; or why there is none."""
        token = secrets.token_hex(16)
        command = [python, str(start.__file__), token, str(self._folder)]
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(
                command,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=self._environment(),
                start_new_session=True,
            )
        except OSError as error:
            return None, str(error.strerror)
        ready: queue.Queue[str | None] = queue.Queue()
        threading.Thread(
            target=_read_frames, args=(process.stdout, token, ready, self._frames), daemon=True
        ).start()
        threading.Thread(target=_drain, args=(process.stderr, self._output), daemon=True).start()
        try:
            missing = ready.get(timeout=_START)
        except queue.Empty:
            missing = f"does not answer within {_START:g} s"
        except BaseException:
            self._kill(process)
            raise
        if missing == "":
            return process, ""
        self._kill(process)
        return None, missing or self._last_line() or "ends at once"

    def _environment(self) -> dict[str, str]:
        """The user's environment, with what makes runs alike and keeps files in one place."""
        own = {
            "PYTHONHASHSEED": "0",
            WATCHED: "1",
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": str(self._folder),
            "TMPDIR": str(self._folder / "temporary"),
        }
        return {**os.environ, **own}

    def _exceeded(self, clock: _Clock) -> Reason | None:
        """What the child has too much of by now."""
        if self._memory is not None and memory_of(self._process.pid) > self._memory:
            return Reason.MEMORY
        return Reason.TIME if clock.is_over() else None

    def _stopped(self, reason: Reason, request: Mapping[str, Any], seconds: float) -> UserCodeError:
        """End the child, and the error that tells how it ended."""
        process = self._process
        if reason is Reason.ENDED:  # or has only closed its end of the pipe
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=_LAST_WORDS)
        elif hasattr(signal, "SIGUSR1"):
            with contextlib.suppress(OSError):
                process.send_signal(signal.SIGUSR1)
            time.sleep(_LAST_WORDS)
        code = process.poll()
        self._kill(process)
        faults = self._folder / FAULTS
        ending = Ending(
            reason=reason,
            code=code,
            faults=faults.read_text(errors="replace") if faults.exists() else "",
            said=self._last_line(),
            seconds=seconds,
            memory=self._memory or 0,
        )
        return UserCodeError(problem_of(ending, request.get("program")))

    def _last_line(self) -> str:
        """The last line that it wrote."""
        lines = b"".join(self._output).decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    @staticmethod
    def _kill(process: subprocess.Popen[bytes]) -> None:
        """End a child with all that it started."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError, ValueError):
                _stream(stream).close()

    def _remove_folder(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class _Clock:
    """Counts the time of a child; that in which it waited for a processor does not count."""

    def __init__(self, process: int, seconds: float) -> None:
        self._process, self._seconds = process, seconds
        self._started = time.monotonic()
        self._waited = time_without_processor(process)

    def is_over(self) -> bool:
        """Whether its time is up."""
        passed = time.monotonic() - self._started
        if passed < self._seconds:
            return False
        return passed - (time_without_processor(self._process) - self._waited) > self._seconds


def _stream(stream: IO[bytes] | None) -> Any:
    assert stream is not None
    return stream


def _read_frames(
    stream: Any, token: str, ready: queue.Queue[str | None], frames: queue.Queue[Any]
) -> None:
    """Put frames into the queue until the child closes its end; first whether it can be used."""
    try:
        heard = b""
        while not heard.endswith(token.encode()):  # a Python may greet when it starts
            byte = stream.read(1)
            if not byte:
                ready.put(None)
                return
            heard += byte
        missing = stream.readline().decode(errors="replace").strip()
        ready.put(missing)
        while not missing:
            frames.put(read_frame(stream))
    except (EOFError, OSError, ValueError):
        frames.put(("ended", None))


def _drain(stream: Any, output: deque[bytes]) -> None:
    """Keep the end of what the child writes."""
    with contextlib.suppress(OSError, ValueError):
        while part := stream.read1(4096):
            output.append(part)


def _raised(data: Mapping[str, Any]) -> errors.NndiagError:
    """The error that a task raised."""
    kind = getattr(errors, data["error"], UserCodeError)
    return kind(from_plain(tuple[Problem, ...], data["problems"]))

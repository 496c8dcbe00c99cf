"""The command in a process of its own, forked from the tests' where that is safe.

Python and all imports are there already, which leaves a tenth of the time that a new process takes.
What is tested of a command's process stays: its streams and their encoding, signals, its end.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

Stream = int | IO[Any] | None
PATIENCE = 120.0  # seconds until something that never happens is given up; nothing waits for it


def start(
    *arguments: str,
    folder: Path,
    streams: tuple[Stream, Stream, Stream] = (None, None, None),
    closed: tuple[int, ...] = (),
    environment: dict[str, str] | None = None,
    python: Sequence[str] | None = None,
) -> "Forked | subprocess.Popen[bytes]":
    """A command that runs.

    Args:
        arguments: Its arguments.
        folder: Its working folder.
        streams: Its stdin, stdout and stderr; those of the tests where it is None.
        closed: Streams that it has not.
        environment: All variables, instead of those of the tests.
        python: Options of a Python that is started all the same: how it starts is what is tested.
    """
    environment = dict(os.environ if environment is None else environment)
    if python is not None or sys.platform != "linux":  # elsewhere libraries have threads
        command = [sys.executable, *(python or ()), "-m", "nndiag", *arguments]
        stdin, stdout, stderr = streams
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: [os.close(one) for one in closed],  # noqa: PLW1509
        )
    import nndiag.cli.app  # noqa: F401, PLC0415 (before the fork)

    pid = os.fork()
    if pid:
        return Forked(pid)
    code = 70
    try:
        _become(folder, streams, closed, environment)
        code = _run(arguments)
    finally:
        os._exit(code)
    raise AssertionError


class Forked:
    """What the tests use of `subprocess.Popen`."""

    def __init__(self, pid: int):
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float = PATIENCE) -> int:
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            assert time.monotonic() < end, "the command does not end"
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:  # else the number may be that of another process by now
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _become(
    folder: Path,
    streams: tuple[Stream, Stream, Stream],
    closed: tuple[int, ...],
    environment: dict[str, str],
) -> None:
    """Take the place of a process that has just been started."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams):
        if stream == subprocess.DEVNULL:
            stream = os.open(os.devnull, os.O_RDWR)  # noqa: PLW2901
        if stream is not None:
            os.dup2(stream if isinstance(stream, int) else stream.fileno(), number)
    for number in closed:
        os.close(number)
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            made = None
        else:
            errors = "backslashreplace" if name == "stderr" else "strict"
            mode = "r" if name == "stdin" else "w"
            made = open(number, mode, encoding=encoding, errors=errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, made)
        setattr(sys, f"__{name}__", made)


def _run(arguments: tuple[str, ...]) -> int:
    """The exit code of the command."""
    from nndiag.cli import main  # noqa: PLC0415

    sys.argv = ["nndiag", *arguments]
    try:
        main()
    except SystemExit as ended:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        return ended.code if isinstance(ended.code, int) else 1
    return 0

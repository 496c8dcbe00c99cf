"""How a child ended that did not answer, and at which line of the user's program."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from nndiag.errors import Location, NndiagError, Problem
from nndiag.program.text.instrument import HOOK_LINE
from nndiag.program.text.source import read_source

_FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d+) in ', re.MULTILINE)
_GIGABYTE = 2**30


class Reason(Enum):
    """Why a child is no more."""

    ENDED = "ended"
    TIME = "time"
    MEMORY = "memory"


@dataclass(frozen=True)
class Ending:
    """How a child ended.

    Attributes:
        reason: Why.
        code: Its exit code, as `subprocess` has it; None where it was still alive.
        faults: What it wrote down about where it was.
        said: The last line that it wrote to its output.
        seconds: What it was given.
        memory: Bytes that it was given.
    """

    reason: Reason
    code: int | None
    faults: str
    said: str
    seconds: float
    memory: int


def problem_of(ending: Ending, program: str | None) -> Problem:
    """What is said about an ending.

    Args:
        ending: How the child ended.
        program: Path of the user's program.
    """
    where = _location(ending.faults, program)
    at = "" if where is None or where.line is None else f" at line {where.line}"
    if ending.reason is Reason.TIME:
        return Problem(
            f"the program was stopped{at}: it took longer than {ending.seconds:.0f} s",
            where,
            hint="allow more with --seconds, or let the program load less data",
        )
    if ending.reason is Reason.MEMORY:
        return Problem(
            f"the program was stopped{at}: it took more memory than this machine has to spare",
            where,
            got=f"more than {ending.memory / _GIGABYTE:.1f} GB",
            hint="let the program load less data",
        )
    return Problem(
        f"the program ended the process{at}",
        where,
        got=_words(ending),
        hint="remove what ends it before the training loop has run",
    )


def _words(ending: Ending) -> str:
    """What ended it."""
    told = re.findall(r"^ended by (.+)$", ending.faults, re.MULTILINE)
    if told:
        return str(told[-1])
    if ending.code is None:
        return "it closed the files that nndiag hears it by"
    if ending.code >= 0:
        return f"exit status {ending.code}"
    try:
        name = signal.Signals(-ending.code).name
    except ValueError:
        name = f"signal {-ending.code}"
    return f"{name}: {ending.said}" if ending.said else name


def _location(faults: str, program: str | None) -> Location | None:
    """The line of the program that ran last."""
    if program is None:
        return None
    name = program.encode("ascii", "backslashreplace").decode()
    for frame in _FRAME.finditer(faults.rpartition("ended by ")[2]):
        line = int(frame["line"])
        if frame["file"] == name and line < HOOK_LINE:
            try:
                return read_source(Path(program)).location(line)
            except NndiagError:
                return Location(program, line)
    return None

"""What can go wrong on purpose: problems of the input, told with their place and a way out.

An expected problem is an `NndiagError`. It is raised deep, and printed once, at the edge (`cli`),
without a traceback. Everything that is wrong with one input is collected as `Problem`s and raised
together.
"""

from __future__ import annotations

import difflib
import errno
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """What the process returns to the shell."""

    HEALTHY = 0
    FINDING = 1
    USAGE = 2
    UNEXPECTED = 3
    INTERRUPTED = 130


@dataclass(frozen=True)
class Location:
    """A place in a file that a person wrote. Lines and columns count from 1."""

    file: str
    line: int | None = None
    column: int | None = None
    text: str | None = None

    def __str__(self) -> str:
        parts = [self.file, self.line, self.column]
        return ":".join(str(part) for part in parts if part is not None)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the input.

    Attributes:
        message: What is wrong, lower case, without a final full stop.
        location: Where it stands, when it stands in a file.
        got: What was found there.
        allowed: What could stand there.
        hint: What to do.
        asked: Where the thing that is wrong was asked for, when that is another file.
        option: The option of a component that asked for it, where that is known.
    """

    message: str
    location: Location | None = None
    got: str | None = None
    allowed: str | None = None
    hint: str | None = None
    asked: Location | None = None
    option: str | None = None

    def __str__(self) -> str:
        head = self.message if self.location is None else f"{self.location}: {self.message}"
        lines = [head]
        if self.location is not None and self.location.text is not None:
            lines.append(f"    {self.location.text.rstrip()}")
            if self.location.column is not None:
                lines.append("    " + " " * (self.location.column - 1) + "^")
        details = (
            ("got", self.got),
            ("allowed", self.allowed),
            ("try", self.hint),
            ("asked for at", self.asked),
        )
        lines.extend(f"  {name}: {value}" for name, value in details if value is not None)
        return "\n".join(lines)


def similar_path(path: Path) -> str | None:
    """A file or folder of nearly the same name in the same folder, as a hint."""
    try:
        names = sorted(other.name for other in path.parent.iterdir())
    except OSError:
        return None
    stems = {Path(name).stem: name for name in reversed(names)}  # an ending alone is no likeness
    alike = difflib.get_close_matches(path.stem, stems, n=1, cutoff=0.7)
    same = difflib.get_close_matches(path.name, [x for x in names if Path(x).stem in alike], n=1)
    near = same or [stems[stem] for stem in alike]
    return f"did you mean {str(path.with_name(near[0]))!r}?" if near else None


class NndiagError(Exception):
    """An expected problem, with everything a person needs to solve it."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: str | Problem | Sequence[Problem]) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in the place of the traceback (the name is IPython's)."""
        return [f"error: {problem}" for problem in self.problems]


class NndiagWarning(UserWarning):
    """Something did not work, though the result stands."""


def warn(text: str) -> None:
    """Warn the caller, or on the command line the person, of what did not work."""
    warnings.warn(text, NndiagWarning, stacklevel=3)


class ConfigError(NndiagError):
    """A config, an override or an option that cannot be used."""


class DataError(NndiagError):
    """A data set that cannot be read or cannot be used."""


class RunError(NndiagError):
    """A run folder that cannot be written or read."""


ELSEWHERE = "choose another place with"


def unwritable(
    path: Path, error: OSError | ValueError, *, hint: str = f"{ELSEWHERE} --runs DIR"
) -> RunError:
    """The error for a file or a folder that cannot be written.

    Args:
        path: Which one.
        error: Why not.
        hint: The way out.
    """
    reason = getattr(error, "strerror", None) or str(error)
    if getattr(error, "errno", None) == errno.ENOSPC:
        hint = f"free some space, or {hint}"
    told = f"cannot be written: {reason[:1].lower()}{reason[1:]}"
    return RunError(Problem(told, Location(str(path)), hint=hint))


def refuse_unwritable(path: Path, *, hint: str = f"{ELSEWHERE} --runs DIR") -> None:
    """Refuse a file that cannot be written, before anything is done for it.

    Args:
        path: The file.
        hint: The way out.

    Raises:
        RunError: Its folder is not there, or may not be written to.
    """
    place = path if path.exists() and not path.is_file() else path.parent  # a device is its own
    in_the_way = place.is_file() and place != path
    if in_the_way or not os.access(place, os.W_OK):
        missing = errno.EACCES if place.exists() else errno.ENOENT
        number = errno.ENOTDIR if in_the_way else missing
        raise unwritable(path, OSError(number, os.strerror(number)), hint=hint)


class UnknownNameError(NndiagError):
    """A name that no component of its kind has."""


class UserCodeError(NndiagError):
    """A user's program that cannot be run, or in which something cannot be found."""

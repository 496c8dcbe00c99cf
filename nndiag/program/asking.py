"""What nndiag asks about a user's program; a child in the user's own Python answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nndiag.errors import Problem, UserCodeError
from nndiag.program.child.plain import as_plain, from_plain
from nndiag.program.child.process import ask
from nndiag.program.result import ProgramCheck
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source, read_source

GRACE = 1.7  # seconds after which a child is stopped that should have ended by itself
_SHARE, _REST = 0.6, 1.5  # what the child is told of the time, the less of both kept for its end


def readable_program(settings: CodeSettings) -> Source:
    """The program's text, before anything of it runs.

    Raises:
        UserCodeError: There is none, or it is not Python.
    """
    path = settings.path
    if path is None:
        raise UserCodeError(
            Problem("no program to check", hint="name it under `code.script`, or give its path")
        )
    source = read_source(path)
    source.tree  # noqa: B018 - what is not Python is told before anything runs
    return source


def check_program(
    settings: CodeSettings,
    *,
    seconds: float = 20.0,
    python: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> ProgramCheck:
    """Check whether the steps of a user's program are the gradient of its loss.

    The program is run, in a process of its own, as far as its training loop; its file is not
    changed.

    Args:
        settings: Which program, and what is what in it.
        seconds: Time after which searches and experiments end.
        python: The Python to run it in; the user's own by default.
        progress: Is told what is being done, one phrase at a time.

    Raises:
        UserCodeError: The program cannot be read or run, or something in it cannot be found.
    """
    source = readable_program(settings)
    notes: list[str] = []

    def hear(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "note":
            notes.append(data["text"])
        elif progress is not None:
            progress(data["text"])

    request = {
        "program": source.name,
        "settings": as_plain(settings),
        "seconds": max(_SHARE * seconds, seconds - _REST),
    }
    found = ask("check", request, python=python, seconds=seconds + GRACE, on_message=hear)
    check = from_plain(ProgramCheck, found)
    return replace(check, notes=(*check.notes, *notes))

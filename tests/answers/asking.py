"""Asks a command, and takes from its answer what is another one each time."""

import contextlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from nndiag.cli.app import run
from tests.answers.questions import Subject, lay_out

PASSING = frozenset({"version", "run", "seconds", "edits_tried", "fixed_program", "fixed_config"})
"""Keys of times, of paths, and of how far a search came; the rest is the answer."""


def asked(subject: Subject) -> dict[str, Any]:
    """The answers to all commands of a subject, in a folder of its own."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        os.chdir(folder)
        try:
            return answers(subject)
        finally:
            os.chdir(before)


def answers(subject: Subject) -> dict[str, Any]:
    """The answers to all commands of a subject; the working folder is one that was laid out."""
    return {name: answer(arguments) for name, arguments in subject.commands.items()}


def answer(arguments: tuple[str, ...]) -> dict[str, Any]:
    """The exit code of a command, and its document or, where there is none, its error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = int(run([*arguments, "--json"]))
    if not out.getvalue():
        return {"exit": code, "error": err.getvalue()}
    return {"exit": code, "answer": _lasting(json.loads(out.getvalue()))}


def _lasting(value: Any) -> Any:
    """A document without what passes."""
    if isinstance(value, dict):
        return {key: _lasting(item) for key, item in value.items() if key not in PASSING}
    if isinstance(value, list):
        return [_lasting(item) for item in value]
    return value

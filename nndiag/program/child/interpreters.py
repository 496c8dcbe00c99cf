"""Which Python a user's program belongs to."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from nndiag.errors import Problem, UserCodeError


def interpreters(chosen: str | None) -> list[str]:
    """The Pythons to try, best first.

    That is the one that was chosen; else that of the active environment, the one on the path, and
    nndiag's own.

    Args:
        chosen: Path or name of the user's choice; None for no choice.

    Raises:
        UserCodeError: There is no such Python.
    """
    if chosen is None:
        return list(dict.fromkeys(_usual()))
    found = shutil.which(Path(chosen).expanduser())
    if found is None:
        hint = "give the path of a Python, such as .venv/bin/python"
        raise UserCodeError(Problem(f"no such Python: {chosen!r}", hint=hint))
    return [found]


def _usual() -> Iterator[str]:
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        folder = os.environ.get(variable)
        for name in ("bin/python", "Scripts/python.exe", "python.exe") if folder else ():
            path = Path(folder or "", name)
            if path.is_file():
                yield str(path)
    for name in ("python", "python3"):
        found = shutil.which(name)
        if found is not None:
            yield found
    yield sys.executable

"""Which framework a program trains with, by what it imports."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nndiag.errors import Problem, UserCodeError
from nndiag.program import CodeSettings
from nndiag.program.text.source import Source, read_source

if TYPE_CHECKING:
    from nndiag.own_program.program import Program

_OTHERS = {
    "keras": "Keras",
    "tensorflow": "TensorFlow",
    "jax": "JAX",
    "flax": "JAX",
    "optax": "JAX",
    "pytorch_lightning": "Lightning",
    "lightning": "Lightning",
}

_DATA = frozenset({"datasets", "utils"})
"""Modules of these that only give data: a program in numpy may take its pictures from there."""


@contextmanager
def program_in(settings: CodeSettings, **more: Any) -> "Iterator[Program]":
    """A program, or a script that trains with torch, as what is run; its child is ended behind it.

    Args:
        settings: Which program.
        more: As `Program` takes them.

    Raises:
        UserCodeError: It cannot be read, or trains with a framework that nndiag cannot watch.
    """
    from nndiag.own_program.program import Program  # noqa: PLC0415 (imports what runs it)
    from nndiag.pytorch.script import Script  # noqa: PLC0415

    program = (Script if is_script(settings) else Program)(settings, **more)
    try:
        yield program
    finally:
        program.watcher.close()


def is_script(settings: CodeSettings) -> bool:
    """Whether a program is a script that trains with torch.

    Raises:
        UserCodeError: It trains with a framework that nndiag cannot watch.
    """
    if settings.path is None or settings.class_name is not None:
        return False
    source = read_source(settings.path)
    imported = imports_of(source)
    other = next((name for name in _OTHERS if name in imported), None)
    if other is not None:
        raise _unsupported(source, imported[other], _OTHERS[other])
    return "torch" in imported


def imports_of(source: Source) -> dict[str, int]:
    """The packages that a program imports for more than their data, and the first line of each."""
    found: dict[str, int] = {}
    for node in ast.walk(source.tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module or ''}.{alias.name}" for alias in node.names]
        for name in names:
            if name.partition(".")[0] in _OTHERS and _DATA & set(name.split(".")):
                continue
            found.setdefault(name.partition(".")[0], getattr(node, "lineno", 1))
    return found


def _unsupported(source: Source, line: int, name: str) -> UserCodeError:
    return UserCodeError(
        Problem(
            f"{name} scripts cannot be watched",
            source.location(line),
            allowed="scripts with torch, programs with numpy",
            hint="let it write its losses to a log and run `nndiag diagnose LOG`, or record the "
            "loop with nndiag.Recorder",
        )
    )

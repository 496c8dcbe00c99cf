"""Which framework a program trains with, by what it imports."""

import ast

from nndiag.errors import Problem, UserCodeError
from nndiag.program import CodeSettings
from nndiag.program.text.source import Source, read_source

_OTHERS = {
    "keras": "Keras",
    "tensorflow": "TensorFlow",
    "jax": "JAX",
    "flax": "JAX",
    "optax": "JAX",
    "pytorch_lightning": "Lightning",
    "lightning": "Lightning",
}


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
    """The packages that a program imports, and the first line of each."""
    found: dict[str, int] = {}
    for node in ast.walk(source.tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for name in names:
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

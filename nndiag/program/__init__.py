"""The user's own network: an unedited program, run, stopped in its training loop and checked.

The program is parsed, run under a sandbox up to its training loop, and one iteration of that loop
is recorded as a graph of values. What is what in it follows from what depends on what; what its
updates should be, from the derivatives of its loss; and both are tried by moving the parameters.

May import `registry`, `finding` and `errors`. Its folders are floors, each of which may import
those below it: `judging` (what is said) · `location` (which statement is wrong, and what is due
there), `network` (its layers), `training` (what comes of it) · `roles` (parameters, loss,
optimizer) · `loop` (which loop) · `child` (a process of the program's own) · `execution` (the
program run on copies) · `graph` (an iteration's values and their derivatives) · `text` (the program
read and edited); `running` watches a whole training. To teach it a new way of writing a program,
find the floor that owns the question.
"""

import importlib

TYPE_CHECKING = False  # as typing has it: the child imports this package, and little else
if TYPE_CHECKING:
    from typing import Any

    from nndiag.program.asking import check_program as check_program
    from nndiag.program.result import ProgramCheck as ProgramCheck
    from nndiag.program.text.settings import CodeSettings as CodeSettings

_HOMES = {
    "CodeSettings": "nndiag.program.text.settings",
    "ProgramCheck": "nndiag.program.result",
    "check_program": "nndiag.program.asking",
}
"""Public name → the module it lives in."""

__all__ = ["CodeSettings", "ProgramCheck", "check_program"]


def __getattr__(name: str) -> "Any":
    if name not in _HOMES:
        raise AttributeError(f"module 'nndiag.program' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)

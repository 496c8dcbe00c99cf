"""The user's own network: an unedited program, run, stopped in its training loop and checked.

The program is parsed, run under a sandbox up to its training loop, and one iteration of that loop
is then executed again and again on copies of its variables. The loss against a small change of one
parameter is the numeric gradient; what the iteration did to the parameters is the program's step.

May import `analysis`, `registry`, `finding` and `errors`. Its folders are floors, each of which may
import those below it: `findings` (what is said) · `repair` (which edit mends it), `training` (what
comes of it) · `gradients` (the step against the numeric gradient) · `loop` (which loop, which
parameters) · `child` (a process of the program's own) · `execution` (the program run on copies) ·
`text` (the program read and edited). To teach it a new way of writing a program, find the floor
that owns the question; the edits that are tried stand in `nndiag.bugs`.
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

"""What a child answers that is asked to watch a script, whether its Python has torch or not."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from nndiag.errors import Problem, UserCodeError
from nndiag.program.child.agent import Send

try:
    from nndiag.pytorch.watching.task import watch as _watch
except ImportError as error:
    if (error.name or "").partition(".")[0] != "torch":
        raise
    _watch = None  # type: ignore[assignment]


def watch(request: Mapping[str, Any], send: Send) -> dict[str, Any]:
    """Watch one training of a script; arguments as for `task.watch`.

    Raises:
        UserCodeError: There is no torch, the script cannot be run, or makes no training step.
    """
    if _watch is None:
        raise UserCodeError(
            Problem(
                f"{request['program']} imports torch, which this Python does not have",
                got=sys.executable,
                hint="activate the environment that has it, or name its Python with --python; "
                'pip install "nndiag[torch]" installs one',
            )
        )
    return _watch(request, send)

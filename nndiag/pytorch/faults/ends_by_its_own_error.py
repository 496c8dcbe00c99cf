"""The script ends by an error of its own before its training does.

What it is: Python stops the script at a line of the training: a second backward pass through a
graph that is gone, a shape that does not fit, an argument that another version does not know.

Why it matters: the steps that were made are judged as if they were all. What looks like a training
that is too short is one that was cut off.

How it is told: the script is run unedited, to its end; here that is an exception. Where it comes
from a line outside of the training, the training was complete, and it is only noted.

Fix: correct the line; `python` stops there, too.

Source: ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nndiag.finding import Finding, Severity
from nndiag.pytorch.faults.contract import FAULTS, Fault, Watched

if TYPE_CHECKING:
    from nndiag.own_program.setting_edit import SettingEdit
    from nndiag.pytorch.edits import ScriptEditor
    from nndiag.pytorch.watching.iteration import Iteration
    from nndiag.pytorch.watching.run import Run

PROBLEM = "ends-by-its-own-error"
_LONGEST = 160  # letters of the error


@FAULTS.register(PROBLEM)
def ends_by_its_own_error() -> Fault:
    """The script ends by an error of its own before its training does."""
    return Fault(_measure, _judge, _edit, "the script")


def _measure(iteration: Iteration, run: Run) -> dict[str, Any] | None:
    return None  # it is told of the whole run


def _judge(watched: Watched) -> Finding | None:
    told = watched.told
    if told["failure"] is None or not told["count"]:
        return None  # before the first step the error is all that there is to tell
    line, words, inside = told["failure"]
    first, count = words.strip().partition("\n")[0], told["count"]
    cut = first if len(first) <= _LONGEST else f"{first[:_LONGEST]} …"
    after = f"{count:,} step" + ("s" if count != 1 else "")
    return Finding(
        PROBLEM,
        Severity.ERROR if inside else Severity.NOTE,
        f"the script ends by its own error after {after}: {cut}",
        line=line or None,
    )


def _edit(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    return None

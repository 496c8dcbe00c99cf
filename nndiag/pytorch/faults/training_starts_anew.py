"""The model, or the optimizer, is made anew again and again while it is trained.

What it is: the lines that make them stand inside of the loop over the epochs.

Why it matters: each time all that was learned is thrown away. A new optimizer for the same model
throws away its memory: Adam's means and momentum's velocity start at zero each time.

How it is told: optimizers are seen to be made, and whose parameters they move. Several models in a
row are each trained for one pass over the data, or less: a search among settings trains each for
longer. Of an optimizer with a memory it is told where it is replaced more than twice, in a run that
did not go well.

Fix: make both once, before the loop.

Source: ours.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from nndiag.finding import Finding, Severity
from nndiag.pytorch.faults.contract import FAULTS, Fault, Watched

if TYPE_CHECKING:
    from nndiag.own_program.setting_edit import SettingEdit
    from nndiag.pytorch.edits import ScriptEditor
    from nndiag.pytorch.watching.iteration import Iteration
    from nndiag.pytorch.watching.run import Run

PROBLEM = "training-starts-anew"
_FEWEST = 3  # models, or optimizers, in a row


@FAULTS.register(PROBLEM)
def training_starts_anew() -> Fault:
    """The model, or the optimizer, is made anew again and again while it is trained."""
    return Fault(_measure, _judge, _edit, "parameters move")


def _measure(iteration: Iteration, run: Run) -> dict[str, Any] | None:
    return None  # it is told of the whole run


def _judge(watched: Watched) -> Finding | None:
    told = watched.told
    lengths, settings = told["trainings"], told["settings"]
    severity = Severity.ERROR if watched.unwell else Severity.WARNING
    line = told["optimizer_line"] or None
    if len(lengths) >= _FEWEST and max(lengths) <= told["epoch"]:
        each = f"{max(lengths):,} step" + ("s" if max(lengths) != 1 else "")
        message = (
            f"the model is made anew {len(lengths):,} times, and trained for {each} each time: it "
            "is to be made once, before the loop"
        )
        return Finding(PROBLEM, severity, message, line=line)
    remembers = settings["adaptive"] or settings["momentum"]
    if watched.unwell and told["renewed"] >= _FEWEST and remembers:
        message = (
            f"the optimizer is made anew {told['renewed']:,} times: what {settings['name']} keeps "
            "from step to step is lost each time; it is to be made once, before the loop"
        )
        return Finding(PROBLEM, Severity.WARNING, message, line=line)
    return None


def _edit(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    """The lines that make them, before the loop that they stand in."""
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    line = watched.told["optimizer_line"]
    made, loops = editor.statement(line), editor.loops(line)
    if made is None or not loops or made not in loops[-1].body:
        return None
    models = {x.partition(".")[0] for x in watched.told["models"]}
    moved = [
        x
        for x in loops[-1].body
        if x is made
        or (isinstance(x, ast.Assign) and any(editor.last(y) in models for y in x.targets))
    ]
    last = moved.index(made)
    texts = [ast.unparse(x) for x in moved[: last + 1]]
    loop, own = loops[0], " " * loops[0].col_offset
    before = editor.inserted(loop, f"\n{own}".join(texts))
    splices = (before, *(editor.removed(x) for x in moved[: last + 1]))
    return SettingEdit("model", "made once, before the loop", loop.lineno, splices)

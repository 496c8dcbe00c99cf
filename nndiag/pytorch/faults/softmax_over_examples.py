"""The softmax is taken over the examples of a batch in the place of the classes of each.

What it is: `softmax(x, dim=0)`, or a `Softmax(dim=0)`, of outputs that have a row for each example.
Each column then sums to 1, not each row.

Why it matters: the probability of an example depends on which others are in its batch. The loss
falls, and the classes that are predicted are not those that were learned.

How it is told: by the operations of an iteration: what the loss is handed, one row for an example,
is the result of a softmax over the rows, of which there are several.

Fix: `dim=1`, or `dim=-1`.

Source: the page of `softmax` in torch's documentation.
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

PROBLEM = "softmax-over-examples"
_KINDS = frozenset({"softmax", "log_softmax"})
_MATRIX = 2  # axes


@FAULTS.register(PROBLEM)
def softmax_over_examples() -> Fault:
    """The softmax is taken over the examples of a batch in the place of the classes of each."""
    return Fault(_measure, _judge, _edit, "loss")


def _measure(iteration: Iteration, run: Run) -> dict[str, Any] | None:
    from nndiag.pytorch.watching.chain import SAME_ROWS  # noqa: PLC0415 (torch)
    from nndiag.pytorch.watching.network import LOSSES  # noqa: PLC0415

    for op in iteration.ops:
        if op.name not in LOSSES or not op.inputs:
            continue
        maker = iteration.tape.producer(op.inputs[0])
        while maker is not None and maker.name in SAME_ROWS | {"log"} and maker.inputs:
            maker = iteration.tape.producer(maker.inputs[0])
        if maker is None or maker.name not in _KINDS:
            continue
        rows = iteration.tensor(maker.outputs[0])
        axis = maker.kwargs.get("dim", maker.args[1] if len(maker.args) > 1 else None)
        if rows.dim() == _MATRIX and min(rows.shape) > 1 and axis in {0, -_MATRIX}:
            return {"line": maker.line, "name": maker.name, "shape": list(rows.shape)}
    return None


def _judge(watched: Watched) -> Finding | None:
    if not watched.seen:
        return None
    seen = watched.seen[0]
    examples, classes = seen["shape"]
    return Finding(
        PROBLEM,
        Severity.ERROR,
        f"{seen['name']} with dim=0 goes over the {examples} examples, not over the {classes} "
        "classes of each",
        line=seen["line"] or None,
    )


def _edit(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    names = {"softmax", "log_softmax", "Softmax", "LogSoftmax"}
    here = [x for x in editor.calls(line=watched.seen[0]["line"]) if editor.last(x.func) in names]
    made = [x for x in editor.calls() if editor.last(x.func) in names]
    for call in (*here, *made):
        for axis in (*(x.value for x in call.keywords if x.arg == "dim"), *call.args[-1:]):
            zero = isinstance(axis, ast.Constant) and axis.value == 0
            if zero or editor.text(axis) == "-2":
                splice = editor.replaced(axis, "1")
                return SettingEdit("softmax", "over the classes", call.lineno, (splice,))
    return None

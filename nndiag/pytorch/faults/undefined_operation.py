"""An operation is taken where it, or its derivative, is not finite: log(0), √ at 0, 0 / 0.

What it is: a logarithm of a probability that has become exactly 0, the root of a distance between
two equal points, whose slope is infinite, a division by a norm or a spread of 0.

Why it matters: one such number makes the loss or the whole gradient NaN, and the step then makes
every parameter NaN. The loss before looks healthy, which is why a smaller rate only delays it.

How it is told: the script is run again up to the step at which its loss stops being a number. The
first operation that gives a value that is not finite for finite ones is the place; where all values
are finite, the first on the way back whose derivative is not.

Fix: keep away from the place: `torch.sqrt(x + 1e-8)`, `torch.log(x + 1e-8)`, or a loss that
takes logits.

Source: the notes on autograd mechanics in torch's documentation: gradients where a function has
none.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import numpy as np

from nndiag.finding import Evidence, Finding, Severity
from nndiag.formatting import number
from nndiag.pytorch.faults.contract import FAULTS, Fault, Watched

if TYPE_CHECKING:
    from nndiag.own_program.setting_edit import SettingEdit
    from nndiag.pytorch.edits import ScriptEditor
    from nndiag.pytorch.watching.iteration import Iteration
    from nndiag.pytorch.watching.run import Run
    from nndiag.pytorch.watching.tape import Op

PROBLEM = "undefined-operation"
_GROWN = 100.0  # times the first loss: what explodes is no matter of one operation
_DIVISIONS = frozenset(["div", "__truediv__", "true_divide", "__rdiv__", "__rtruediv__"])
_POWERS = frozenset(["pow", "__pow__"])
_SHIFTED = frozenset(["log", "log2", "log10", "sqrt", "rsqrt", "reciprocal", "pow"])


@FAULTS.register(PROBLEM)
def undefined_operation() -> Fault:
    """An operation is taken where it, or its derivative, is not finite."""
    return Fault(_measure, _judge, _edit, "gradient")


def _measure(iteration: Iteration, run: Run) -> dict[str, Any] | None:
    from nndiag.pytorch.watching.iteration import norm_of  # noqa: PLC0415 (torch)

    if not all(np.isfinite(iteration.amounts)):
        return _forward(iteration)
    if not np.isfinite(norm_of(iteration.fresh)):
        return _backward(iteration)
    return None


def _forward(iteration: Iteration) -> dict[str, Any] | None:
    """The first operation that gives what is not finite for what is."""
    for op in iteration.ops:
        bad = [x for x in op.outputs if not bool(iteration.tensor(x).isfinite().all())]
        finite = all(bool(iteration.tensor(x).isfinite().all()) for x in op.inputs)
        if bad and finite and op.inputs:
            mask = ~iteration.tensor(bad[0]).isfinite()
            return _seen(iteration, op, mask, derivative=False)
        if bad:
            return None  # a parameter, or the data, had it before
    return None


def _backward(iteration: Iteration) -> dict[str, Any] | None:
    """The last operation whose derivative makes of a finite gradient one that is not."""
    from nndiag.pytorch.watching.replay import CannotReplayError  # noqa: PLC0415 (torch)

    try:
        flows = iteration.replay.flows()
    except CannotReplayError:
        return None
    for number_of_op, value, gradient in flows:
        if bool(gradient.isfinite().all()):
            continue
        return _seen(
            iteration,
            iteration.tape.ops[number_of_op],
            ~gradient.isfinite(),
            derivative=True,
            value=value,
        )
    return None


def _seen(
    iteration: Iteration, op: Op, mask: Any, *, derivative: bool, value: int | None = None
) -> dict[str, Any]:
    """What is told of the place, with the arguments at the first number that is not finite."""
    import torch  # noqa: PLC0415 (in the child only)

    arguments = []
    for x in op.inputs if value is None else (value,):
        tensor = iteration.tensor(x)
        try:
            wide = torch.broadcast_to(tensor, mask.shape)
        except RuntimeError:
            continue
        arguments.append(float(wide[mask][0]))
    return {"line": op.line, "name": op.name, "derivative": derivative, "of": arguments}


def _judge(watched: Watched) -> Finding | None:
    if not watched.seen:
        return None
    seen = watched.seen[0]
    losses = watched.told["rows"][:, 0]
    known = losses[np.isfinite(losses)]
    if len(known) and np.abs(known).max() > _GROWN * max(abs(float(known[0])), 1e-300):
        return None
    name = seen["name"].strip("_").removeprefix("r" if seen["name"].startswith("__r") else "")
    of = " and ".join(number(x) for x in seen["of"][:2])
    what = "the derivative of " if seen["derivative"] else ""
    return Finding(
        PROBLEM,
        Severity.ERROR,
        f"{what}{name}{f' at {of}' if of else ''} is not finite: from step {seen['step']} on the "
        "loss is not a number",
        evidence=(Evidence("step", observed=float(seen["step"])),),
        line=seen["line"] or None,
    )


def _edit(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    if _judge(watched) is None:
        return None
    seen = watched.seen[0]
    places = [x for x in (_operand(editor, node, seen) for node in _nodes(editor, seen)) if x]
    if not places:
        return None
    splices = []
    for node, alone in places:
        plain = isinstance(node, (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.BinOp))
        text = editor.text(node) if plain else f"({editor.text(node)})"
        text = f"{text} + 1e-8"
        splices.append(editor.replaced(node, text if alone else f"({text})"))
    line = places[0][0].lineno
    return SettingEdit("operation", "kept away from 0", line, tuple(splices))


def _nodes(editor: ScriptEditor, seen: Any) -> list[ast.AST]:
    return editor.found(lambda x: isinstance(x, (ast.Call, ast.BinOp)), line=seen["line"])


def _operand(editor: ScriptEditor, node: ast.AST, seen: Any) -> tuple[ast.expr, bool] | None:
    """What is to be kept away from 0 in an expression, and whether it stands between brackets."""
    name = seen["name"]
    if isinstance(node, ast.BinOp):
        if name in _DIVISIONS and isinstance(node.op, ast.Div):
            return node.right, False
        if name in _POWERS and isinstance(node.op, ast.Pow):
            return node.left, False
        return None
    if not isinstance(node, ast.Call) or name not in _SHIFTED or editor.last(node.func) != name:
        return None
    if node.args and (name not in {"pow"} or len(node.args) > 1):
        return node.args[0], True
    return (node.func.value, False) if isinstance(node.func, ast.Attribute) else None

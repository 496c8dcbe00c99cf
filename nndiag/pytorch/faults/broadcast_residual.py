"""Outputs of shape (N, 1) are compared with targets of shape (N,): every one with every other.

What it is: broadcasting makes an N × N table of the two. The loss is then the mean over all pairs.

Why it matters: such a loss is least where every output is the mean of all targets. The network
learns a constant, and the loss stops at the targets' variance.

How it is told: at the comparison of output and targets the result has more numbers than either. The
gradient of the script's loss is held against that with targets of the output's shape.

Fix: `targets.view_as(outputs)`, or targets of shape (N, 1) from the start.

Source: the notes on broadcasting in torch's documentation.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from nndiag.finding import Evidence, Finding, Severity
from nndiag.pytorch.faults.contract import FAULTS, Fault, Watched

if TYPE_CHECKING:
    from nndiag.own_program.setting_edit import SettingEdit
    from nndiag.pytorch.edits import ScriptEditor
    from nndiag.pytorch.watching.iteration import Iteration
    from nndiag.pytorch.watching.run import Run

PROBLEM = "broadcast-residual"
_LOSSES = frozenset(["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
_DIFFERENCES = frozenset(["sub", "__sub__", "rsub", "__rsub__", "subtract"])
_FIRST = 3  # probes at which gradients are compared


@FAULTS.register(PROBLEM)
def broadcast_residual() -> Fault:
    """Outputs of shape (N, 1) are compared with targets of shape (N,)."""
    return Fault(_measure, _judge, _edit, "loss")


def _measure(iteration: Iteration, run: Run) -> dict[str, Any] | None:
    from nndiag.pytorch.watching.iteration import cosine_of  # noqa: PLC0415 (torch)
    from nndiag.pytorch.watching.network import moving_values  # noqa: PLC0415
    from nndiag.pytorch.watching.replay import CannotReplayError, doubled  # noqa: PLC0415

    moving = moving_values(iteration) if iteration.step < _FIRST else set()
    for op in iteration.ops if iteration.step < _FIRST else ():
        if op.name not in _LOSSES | _DIFFERENCES or len(op.inputs) < 2:
            continue
        one, other = (iteration.tensor(x) for x in op.inputs[:2])
        if one.numel() != other.numel() or one.numel() < 2 or one.shape == other.shape:
            continue
        if one.dim() == other.dim() or (op.inputs[0] in moving) == (op.inputs[1] in moving):
            continue
        fixed = 1 if op.inputs[0] in moving else 0
        output, target = (op.inputs[1 - fixed], op.inputs[fixed])
        matched = doubled(iteration.tensor(target)).reshape(iteration.tensor(output).shape)
        try:
            start = iteration.replay.start()
            own = iteration.replay.gradient(start)
            right = iteration.replay.gradient(start, {target: matched})
        except CannotReplayError:
            return None
        return {
            "line": op.line,
            "target_first": fixed == 0,
            "output": list(iteration.tensor(output).shape),
            "target": list(iteration.tensor(target).shape),
            "cosine": cosine_of(own, right),
        }
    return None


def _judge(watched: Watched) -> Finding | None:
    if not watched.seen:
        return None
    seen = watched.seen[0]
    shapes = [
        f"({', '.join(map(str, seen[x]))}{',' if len(seen[x]) == 1 else ''})"
        for x in ("output", "target")
    ]
    return Finding(
        PROBLEM,
        Severity.ERROR if watched.unwell else Severity.WARNING,
        f"outputs of shape {shapes[0]} are compared with targets of shape {shapes[1]}: "
        "every output with every target",
        evidence=(Evidence("cosine", observed=min(x["cosine"] for x in watched.seen), limit=1.0),),
        line=seen["line"] or None,
    )


def _edit(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    seen = watched.seen[0]
    pair: list[ast.expr] = []
    for node in editor.found(lambda x: isinstance(x, (ast.Call, ast.BinOp)), line=seen["line"]):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            pair = [node.left, node.right]
            break
        if isinstance(node, ast.Call) and len(node.args) >= 2 and not pair:
            pair = list(node.args[:2])
    if len(pair) < 2:
        return None
    target, output = pair if seen["target_first"] else pair[::-1]
    own, other = editor.text(target), editor.text(output)
    own = (
        own
        if isinstance(target, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
        else f"({own})"
    )
    shaped = f"{own}.view_as({other})"
    if not isinstance(output, (ast.Name, ast.Attribute)):
        shaped = f"{own}.unsqueeze(-1)" if len(seen["target"]) == 1 else f"{own}.squeeze(-1)"
    return SettingEdit(
        "targets", "in the outputs' shape", target.lineno, (editor.replaced(target, shaped),)
    )

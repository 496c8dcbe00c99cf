"""No gradient flows from the loss to the parameters.

What it is: between the parameters and the loss stands something that no gradient passes: `.item()`,
`.detach()`, `.data`, `argmax`, a new `torch.tensor(…)` of an old value, a forward pass under
`no_grad`.

Why it matters: torch refuses to go backward, or, where the loss was told to require a gradient of
its own, goes backward to nothing: the steps leave every parameter as it is.

How it is told: after a backward pass no parameter has a gradient. The operations of the iteration
are followed from the parameters on: the last one on the way to the loss whose result no gradient
flows through is the place.

Fix: leave the operation out; compute with the tensor itself.

Source: the notes on autograd mechanics in torch's documentation.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from nndiag.finding import Evidence, Finding, Severity
from nndiag.pytorch.faults.contract import FAULTS, Fault, Watched

if TYPE_CHECKING:
    from nndiag.own_program.edits import SettingEdit
    from nndiag.pytorch.edits import ScriptEditor
    from nndiag.pytorch.watching.iteration import Iteration
    from nndiag.pytorch.watching.run import Run
    from nndiag.pytorch.watching.tape import Op

PROBLEM = "loss-not-connected"
_WORDS = {"__get__": ".data", "detach": "detach()", "tensor": "torch.tensor()"}
_CALLS = frozenset({"item", "detach", "numpy", "tolist"})


@FAULTS.register(PROBLEM)
def loss_not_connected() -> Fault:
    """No gradient flows from the loss to the parameters."""
    return Fault(_measure, _judge, _edit, "gradient")


def _measure(iteration: Iteration, run: Run) -> dict[str, Any] | None:
    from nndiag.pytorch.watching.tape import LEAVES_TORCH  # noqa: PLC0415 (imports torch)

    trained = [x for x in iteration.tracked if x.tensor.requires_grad]
    if not iteration.unconnected and iteration.fresh:
        return None
    if not trained or not iteration.losses:
        return None
    op = _cut(iteration)
    line, name = (0, "") if op is None else (op.line, op.name)
    off = 0
    if op is not None and not op.with_grad and name not in LEAVES_TORCH:
        name, off = "no_grad", iteration.tape.switched_off(op)
    return {
        "line": off or line or iteration.backward_line,
        "inside": line,
        "name": name,
        "count": len(trained),
    }


def _cut(iteration: Iteration) -> Op | None:
    """The last operation on the way that no gradient passes."""
    from nndiag.pytorch.watching.network import moving_values  # noqa: PLC0415 (imports torch)
    from nndiag.pytorch.watching.tape import LEAVES_TORCH  # noqa: PLC0415 (imports torch)

    moving, cut = moving_values(iteration), None
    for op in iteration.tape.ops:
        if not any(x in moving or iteration.is_tracked(x) for x in op.inputs):
            continue
        stops = not any(iteration.is_tracked(x) for x in op.outputs)
        starts = any(iteration.is_tracked(x) for x in op.inputs)
        if op.line and (op.name in LEAVES_TORCH or (op.outputs and stops and starts)):
            cut = op
    return cut


def _judge(watched: Watched) -> Finding | None:
    if not watched.seen:
        return None
    seen = watched.seen[0]
    name = seen["name"]
    what = _WORDS.get(name, f"{name}()") if name else "something"
    if name == "no_grad":
        what = "no_grad"
    return Finding(
        PROBLEM,
        Severity.ERROR,
        f"no gradient flows from the loss to any of {seen['count']} parameters: {what} cuts it off",
        evidence=(Evidence("gradient_norm", observed=0.0),),
        line=seen["line"] or None,
    )


def _edit(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    from nndiag.own_program.edits import SettingEdit  # noqa: PLC0415 (not in the child)

    seen = watched.seen[0]
    if seen["name"] == "no_grad":
        return editor.with_gradient(seen["line"]) or editor.with_gradient(seen["inside"])
    for node in editor.found(lambda x: isinstance(x, ast.expr), line=seen["line"]):
        inner = _inner(node)
        if inner is not None and isinstance(node, ast.expr):
            splice = editor.replaced(node, editor.text(inner))
            return SettingEdit("the loss", "kept connected", node.lineno, (splice,))
    return None


def _inner(node: ast.AST) -> ast.expr | None:
    """What an expression cuts off; None where it cuts off nothing."""
    if isinstance(node, ast.Attribute) and node.attr == "data":
        return node.value
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    if node.func.attr in _CALLS and not node.args:
        return node.func.value
    if node.func.attr in {"tensor", "as_tensor", "Tensor"} and node.args:
        return _inner(node.args[0]) or node.args[0]
    return None

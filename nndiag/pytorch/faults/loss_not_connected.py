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
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nndiag.finding import Evidence, Finding, Severity
from nndiag.pytorch.faults.contract import FAULTS, Fault, Watched

if TYPE_CHECKING:
    from nndiag.own_program.setting_edit import SettingEdit
    from nndiag.pytorch.edits import ScriptEditor
    from nndiag.pytorch.watching.iteration import Iteration
    from nndiag.pytorch.watching.run import Run
    from nndiag.pytorch.watching.tape import Op

PROBLEM = "loss-not-connected"
_WORDS = {"__get__": ".data", "detach": "detach()", "tensor": "torch.tensor()"}
_CHOICES = frozenset({"argmax", "max"})
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
    maker = iteration.tape.producer(iteration.losses[0])
    return {
        "line": off or line or iteration.backward_line,
        "inside": line,
        "name": name,
        "count": len(trained),
        "loss_line": 0 if maker is None else maker.line,
        "classes": _classes(iteration, op) if op is not None and name in _CHOICES else None,
    }


def _classes(iteration: Iteration, op: Op) -> str | None:
    """The variable with the classes that the chosen ones are compared with."""
    rows = iteration.tensor(op.inputs[0]).shape[:-1]
    for value in {x for one in iteration.ops for x in one.inputs}:
        tensor = iteration.tensor(value)
        plain = not tensor.is_floating_point() and value not in op.outputs
        name = iteration.names.get(id(tensor), "")
        if plain and tensor.shape == rows and name.isidentifier():
            return name
    return None


def _cut(iteration: Iteration) -> Op | None:
    """The last operation on the way that no gradient passes."""
    from nndiag.pytorch.watching.network import moving_values  # noqa: PLC0415 (imports torch)
    from nndiag.pytorch.watching.tape import LEAVES_TORCH  # noqa: PLC0415 (imports torch)

    moving, cut = moving_values(iteration), None
    taken = {x for op in iteration.tape.ops for x in op.inputs}
    for op in iteration.tape.ops:
        if not any(x in moving or iteration.is_tracked(x) for x in op.inputs):
            continue
        going = [x for x in op.outputs if x in taken] or op.outputs  # of `max` the places, perhaps
        stops = not any(iteration.is_tracked(x) for x in going)
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
    seen = watched.seen[0]
    found = _connected(editor, seen)
    told_to = _flagged(editor, seen["loss_line"])
    if found is None or told_to is None:
        return found
    return replace(found, splices=(*found.splices, editor.removed(told_to)))


def _flagged(editor: ScriptEditor, line: int) -> ast.stmt | None:
    """The statement that tells a loss to require a gradient, which one that has it refuses."""
    made = editor.statement(line)
    names = {ast.unparse(x) for x in made.targets} if isinstance(made, ast.Assign) else set()
    flags = {f"{name}.requires_grad" for name in names}
    for node in ast.walk(editor.tree):
        if isinstance(node, ast.Assign) and flags & {ast.unparse(x) for x in node.targets}:
            return node
    return None


def _connected(editor: ScriptEditor, seen: Any) -> SettingEdit | None:
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    if seen["name"] == "no_grad":
        return editor.with_gradient(seen["line"]) or editor.with_gradient(seen["inside"])
    if seen["name"] in _CHOICES:
        return _by_scores(editor, seen)
    for node in editor.found(lambda x: isinstance(x, ast.expr), line=seen["line"]):
        inner = _inner(node)
        if inner is not None and isinstance(node, ast.expr):
            splice = editor.replaced(node, editor.text(inner))
            return SettingEdit("the loss", "kept connected", node.lineno, (splice,))
    return None


def _by_scores(editor: ScriptEditor, seen: Any) -> SettingEdit | None:
    """The cross-entropy of the scores that a class is chosen by, in the place of the loss."""
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    statement = editor.statement(seen["loss_line"])
    found = editor.applied(seen["name"], seen["inside"])
    if found is None or found[1] is None or not isinstance(statement, ast.Assign):
        return None
    if seen["classes"] is None:
        return None
    scores = editor.text(found[1])
    text = f"torch.nn.functional.cross_entropy({scores}, {seen['classes']})"
    splice = editor.replaced(statement.value, text)
    return SettingEdit("the loss", "of the scores", statement.lineno, (splice,))


def _inner(node: ast.AST) -> ast.expr | None:
    """What an expression cuts off; None where it cuts off nothing."""
    if isinstance(node, ast.Attribute) and node.attr == "data":
        return _inner(node.value) or node.value
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    if node.func.attr in _CALLS and not node.args:
        return _inner(node.func.value) or node.func.value
    if node.func.attr in {"tensor", "as_tensor", "Tensor"} and node.args:
        return _inner(node.args[0]) or node.args[0]
    return None

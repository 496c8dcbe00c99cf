"""A parameter that the loss depends on is never changed.

What it is: its module was made after, or left out of, the list that the optimizer was given; its
output is detached on the way to the loss; `optimizer.step()` is never called, or called when the
gradients are zero: before `backward()`, or behind a `zero_grad()` that follows it.

Why it matters: the layer keeps its random start. What it should learn is left to the others, or to
nobody.

How it is told: the operations of an iteration take the parameter, and it has the value of its start
at the end. If it has a gradient, no optimizer has it; if it has none, something cuts the gradient
off. Parameters that do not require a gradient are frozen by design and not told.

Fix: give the optimizer all of `model.parameters()`; leave the `detach()` out.

Source: the notes on autograd mechanics in torch's documentation.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import numpy as np

from nndiag.finding import Evidence, Finding, Severity
from nndiag.pytorch.faults.contract import FAULTS, Fault, Watched

if TYPE_CHECKING:
    from nndiag.own_program.setting_edit import SettingEdit
    from nndiag.pytorch.edits import ScriptEditor
    from nndiag.pytorch.watching.iteration import Iteration
    from nndiag.pytorch.watching.run import Run

PROBLEM = "parameter-not-trained"
_MOST = 3  # names that are told


@FAULTS.register(PROBLEM)
def parameter_not_trained() -> Fault:
    """A parameter that the loss depends on is never changed."""
    return Fault(_measure, _judge, _edit, "parameters move")


def _measure(iteration: Iteration, run: Run) -> dict[str, Any] | None:
    from nndiag.pytorch.watching.iteration import norm_of  # noqa: PLC0415 (torch)

    used = iteration.used
    asked = [x for x in iteration.tracked if x.name in used and x.tensor.requires_grad]
    with_gradient = [x.name for x in asked if x.name in iteration.fresh]
    without = [x.name for x in asked if x.name not in iteration.fresh]
    return {
        "outside": [x.name for x in asked if x.optimizer is None],
        "with_gradient": with_gradient,
        "without": without,
        "cut": _cut(iteration, without) if without and with_gradient else 0,
        "lost": norm_of(iteration.taken) == 0 and norm_of(iteration.fresh) > 0,
        "zero": norm_of(iteration.fresh) == 0,
        "step_line": iteration.step_line,
    }


def _cut(iteration: Iteration, names: list[str]) -> int:
    """The line where the gradient to parameters is cut off; 0 where that is not seen."""
    held = {id(x.tensor) for x in iteration.tracked if x.name in names}
    moving: set[int] = set()
    for op in iteration.tape.ops:
        if not any(x in moving or id(iteration.tensor(x)) in held for x in op.inputs):
            continue
        moving.update(op.outputs)
        stops = [x for x in op.outputs if not iteration.is_tracked(x)]
        if stops and op.line:
            return iteration.tape.switched_off(op) or op.line
    return 0


def _judge(watched: Watched) -> Finding | None:
    told = watched.told
    if not told["stepped"]:
        return _never_stepped(watched) if len(told["rows"]) > 1 else None
    still = _still(told)
    used = [x for x in watched.seen if x["with_gradient"]]
    if not used or (told["failure"] and told["count"] <= 1):
        return None  # the loss is not connected; or its own error came before a second step
    if all(x["lost"] for x in used) and still >= {x for x, _, _ in told["tensors"]}:
        return Finding(
            PROBLEM,
            Severity.ERROR,
            "no parameter changes: the gradients are zero when step() is made, as zero_grad() "
            "stands between backward() and it",
            evidence=(Evidence("update_ratio", observed=0.0),),
            line=used[0]["step_line"] or None,
        )
    if all(x["zero"] for x in used) and still >= {x for x, _, _ in told["tensors"]}:
        return _at_rest(told)
    outside = set.intersection(*(set(x["outside"]) & set(x["with_gradient"]) for x in used)) & still
    outside &= _pulled(told)  # one whose gradient is zero rests, whoever has it
    cut = set.intersection(*(set(x["without"]) for x in used)) & still
    names = [name for name, _, _ in told["tensors"] if name in outside | cut]
    if not names:
        return None
    shown = ", ".join(names[:_MOST]) + (
        f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    )
    line = next((x["cut"] for x in used if x["cut"]), 0) if not outside else 0
    by_hand = told["settings"]["name"] == "gradient descent"
    why = "nothing changes" if by_hand else "no optimizer has"
    why = why if outside else "no gradient reaches"
    they = "they" if len(names) > 1 else "it"
    return Finding(
        PROBLEM,
        Severity.ERROR if watched.unwell else Severity.WARNING,
        f"{why} {shown}: {they} never changed",
        evidence=(Evidence("update_ratio", observed=0.0),),
        tensor=names[0],
        line=line or None,
    )


def _at_rest(told: Any) -> Finding:
    """Gradients that are all exactly zero, which weights of zero make them."""
    start = told["copies"][0][1]
    zero = [name for name, shape, _ in told["tensors"] if len(shape) > 1 and not start[name].any()]
    why = f", as all weights of {', '.join(zero[:_MOST])} start at 0" if zero else ""
    return Finding(
        PROBLEM,
        Severity.ERROR,
        f"no parameter changes: every gradient is exactly 0{why}",
        evidence=(Evidence("gradient_norm", observed=0.0),),
        tensor=told["tensors"][0][0],
    )


def _never_stepped(watched: Watched) -> Finding | None:
    return Finding(
        PROBLEM,
        Severity.ERROR,
        f"no parameter changes: {len(watched.told['rows'])} backward passes, and step() is never "
        "called",
        evidence=(Evidence("update_ratio", observed=0.0),),
        line=watched.told["backward_line"] or None,
    )


def _still(told: Any) -> set[str]:
    """The parameters that have at the end the value of their start."""
    if not told["copies"] or told["final"] is None:
        return set()
    first = told["copies"][0][1]
    return {name for name in first if np.array_equal(first[name], told["final"][name])}


def _pulled(told: Any) -> set[str]:
    """The parameters whose gradient is not zero at every step."""
    moved = told["rows"][:, 1:].any(axis=0)
    return {name for (name, _, _), pulled in zip(told["tensors"], moved, strict=True) if pulled}


def _edit(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    finding = _judge(watched)
    if not watched.told["stepped"]:
        return _step(editor, watched.told)
    if finding is None:
        return None
    if all(x["zero"] for x in watched.seen):
        return editor.start()
    if finding.tensor is None:
        return _ordered(editor, watched)
    cut = finding.line is not None
    return _connected(editor, finding.line or 0) if cut else _handed(editor, watched.told)


def _step(editor: ScriptEditor, told: Any) -> SettingEdit | None:
    """The call of `step()` behind the backward pass."""
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    statement = editor.statement(told["backward_line"])
    if statement is None or not told["optimizer"]:
        return None
    after = editor.behind(statement, f"{told['optimizer']}.step()")
    return SettingEdit("the step", "made", statement.lineno, (after,))


def _ordered(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    """`zero_grad()` before `backward()`, and `step()` behind it."""
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    backward = editor.statement(watched.told["backward_line"])
    step = editor.statement(watched.seen[0]["step_line"])
    if backward is None or step is None:
        return None
    if step.lineno < backward.lineno:
        after = editor.behind(backward, ast.unparse(step))
        splices = (editor.removed(step), after)
        return SettingEdit("the step", "made behind backward()", backward.lineno, splices)
    for call in editor.calls():
        zero = editor.statement(call.lineno)
        between = backward.lineno < call.lineno < step.lineno
        if between and editor.last(call.func) == "zero_grad" and zero is not None:
            before = editor.inserted(backward, ast.unparse(zero))
            splices = (before, editor.removed(zero))
            says = "set to zero before backward()"
            return SettingEdit("gradients", says, backward.lineno, splices)
    return None


def _handed(editor: ScriptEditor, told: Any) -> SettingEdit | None:
    """All parameters of all models handed to the optimizer."""
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    call = editor.constructor()
    if call is None or not call.args or not told["models"]:
        return None
    parts = [f"{model}.parameters()" for model in told["models"]]
    text = parts[0] if len(parts) == 1 else f"[{', '.join(f'*{x}' for x in parts)}]"
    if editor.text(call.args[0]) == text:
        return _made_anew(editor, call, told["models"])
    splice = editor.replaced(call.args[0], text)
    return SettingEdit("optimizer", "has all parameters", call.lineno, (splice,))


def _made_anew(editor: ScriptEditor, call: ast.Call, models: list[str]) -> SettingEdit | None:
    """A model that is replaced in the training left as it was, or an optimizer for the new one."""
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    statement, loop = editor.statement(call.lineno), editor.loop()
    if not isinstance(statement, ast.Assign) or loop is None:
        return None
    if statement.end_lineno is None or statement.end_lineno >= loop.lineno:
        return None
    made = (x for x in ast.walk(loop) if isinstance(x, ast.Assign))
    again = [x for x in made if any(editor.text(y) in models for y in x.targets)]
    if again:
        splices = tuple(editor.removed(x) for x in again)
        return SettingEdit("model", "made once, before the loop", again[0].lineno, splices)
    if statement.col_offset != loop.col_offset:
        return None
    text = f"{editor.text(statement.targets[0])} = {editor.text(statement.value)}"
    says = "made for the model that is trained"
    return SettingEdit("optimizer", says, loop.lineno, (editor.inserted(loop, text),))


def _connected(editor: ScriptEditor, line: int) -> SettingEdit | None:
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    for node in editor.found(lambda x: isinstance(x, ast.expr), line=line):
        inner = None
        if isinstance(node, ast.Attribute) and node.attr == "data":
            inner = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            inner = node.func.value if node.func.attr == "detach" else None
        if inner is not None and isinstance(node, ast.expr):
            splice = editor.replaced(node, editor.text(inner))
            return SettingEdit("gradient", "not cut off", node.lineno, (splice,))
    return editor.with_gradient(line)

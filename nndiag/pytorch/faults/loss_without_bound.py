"""The loss falls without bound: it has no smallest value.

What it is: a term of the loss has the wrong sign (`-criterion(output, target)`, a divergence that
is subtracted), or `nll_loss` is handed raw outputs in the place of logarithms of probabilities.

Why it matters: the run makes that term ever larger, which looks like learning, as the loss falls,
and leaves everything else alone.

How it is told: at the end the loss is far below zero, many times what it was at first, and falls.
At the probes it is parted into its terms with their signs; the one that went down is the place. Of
`nll_loss` the exponentials of what it is handed are summed: those of probabilities give 1.

Silent when: the loss need not fall (adversaries, sampled actions), or ends near zero.

Fix: the other sign for this term; `cross_entropy` in the place of `nll_loss`.

Source: ours; the pages of `nll_loss` and `CrossEntropyLoss` in torch's documentation.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from nndiag.finding import Evidence, Finding, Severity
from nndiag.formatting import number
from nndiag.pytorch.faults.contract import FAULTS, Fault, Watched

if TYPE_CHECKING:
    from nndiag.own_program.setting_edit import SettingEdit
    from nndiag.pytorch.edits import ScriptEditor
    from nndiag.pytorch.watching.iteration import Iteration
    from nndiag.pytorch.watching.run import Run

PROBLEM = "loss-without-bound"
_FAR = 20.0  # times the first loss, and 1, below zero
_SUMS = frozenset({"add", "__add__", "__radd__", "add_", "__iadd__"})
_DIFFERENCES = frozenset({"sub", "__sub__", "sub_", "__isub__"})
_TURNED = frozenset({"rsub", "__rsub__"})
_NEGATIONS = frozenset({"neg", "__neg__", "negative"})
_OTHERS = {"NLLLoss": "CrossEntropyLoss", "nll_loss": "cross_entropy"}


@FAULTS.register(PROBLEM)
def loss_without_bound() -> Fault:
    """The loss falls without bound."""
    return Fault(_measure, _judge, _edit, "gradient")


def _measure(iteration: Iteration, run: Run) -> dict[str, Any] | None:
    if not sum(iteration.amounts) < 0:
        return None
    terms = [x for loss in iteration.losses for x in _terms(iteration, loss, 1.0, 0)]
    return min(terms, key=lambda x: x["amount"], default=None)


def _terms(iteration: Iteration, value: int, sign: float, turned: int) -> list[dict[str, Any]]:
    """The terms of a sum.

    Args:
        iteration: The iteration.
        value: The sum.
        sign: What it is multiplied by.
        turned: The line that gave it its sign; 0 for none.
    """
    op = iteration.tape.producer(value)
    name = "" if op is None else op.name
    if op is not None and name in _SUMS | _DIFFERENCES | _TURNED | _NEGATIONS and op.inputs:
        negative = {_NEGATED.get(name, -1)} if name not in _SUMS else set()
        parts = enumerate(op.inputs)
        return [
            term
            for place, x in parts
            for term in _terms(
                iteration,
                x,
                -sign if place in negative else sign,
                op.line if place in negative else turned,
            )
        ]
    amount = sign * float(iteration.tensor(value).detach().sum())
    about = {"amount": amount, "line": 0 if op is None else op.line, "turned": turned}
    return [{**about, "name": name, "sums": _sums(iteration, value)}]


_NEGATED = {**dict.fromkeys(_DIFFERENCES, 1), **dict.fromkeys(_TURNED | _NEGATIONS, 0)}
"""Operation → the place of the input whose sign it turns."""


def _sums(iteration: Iteration, value: int) -> float | None:
    """What the exponentials sum to that `nll_loss` takes for probabilities; None for others."""
    op = iteration.tape.producer(value)
    if op is None or op.name != "nll_loss":
        return None
    rows = iteration.tensor(op.inputs[0]).detach().double()
    return float(rows.exp().sum(1).mean()) if rows.dim() > 1 else None


def _judge(watched: Watched) -> Finding | None:
    losses = watched.told["rows"][:, 0]
    if not watched.seen or len(losses) < 2 or watched.told["surrogate"] is not None:
        return None
    seen, first, last = watched.seen[-1], float(losses[0]), float(losses[-1])
    if not last < -_FAR * max(abs(first), 1.0) or not seen["amount"] < last / 2:
        return None
    message = f"the loss falls without bound, from {number(first)} to {number(last)}"
    if _is_raw(seen):
        message += (
            ": nll_loss is handed no logarithms of probabilities (those of an example sum to "
            f"{number(seen['sums'])}, not to 1)"
        )
    else:
        message += ": this term has the wrong sign"
    return Finding(
        PROBLEM,
        Severity.ERROR,
        message,
        evidence=(Evidence("loss", observed=last, limit=0.0),),
        line=seen["turned"] or seen["line"] or None,
    )


def _is_raw(seen: Any) -> bool:
    return seen["sums"] is not None and abs(seen["sums"] - 1) > 1e-3


def _edit(editor: ScriptEditor, watched: Watched) -> SettingEdit | None:
    if _judge(watched) is None:
        return None
    seen = watched.seen[-1]
    return _renamed(editor) if _is_raw(seen) else _turned(editor, seen)


def _renamed(editor: ScriptEditor) -> SettingEdit | None:
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    for node in editor.calls():
        name = editor.last(node.func)
        if name in _OTHERS:
            text = editor.text(node.func)
            splice = editor.replaced(node.func, text[: -len(name)] + _OTHERS[name])
            return SettingEdit("loss", "takes raw outputs", node.lineno, (splice,))
    return None


def _turned(editor: ScriptEditor, seen: Any) -> SettingEdit | None:
    """The other sign where the sign was turned, or for what the term is set to."""
    from nndiag.own_program.setting_edit import SettingEdit  # noqa: PLC0415 (not in the child)

    splice = None
    for node in editor.found(lambda x: isinstance(x, ast.expr), line=seen["turned"]):
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            splice = editor.replaced(node, editor.text(node.operand))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            text = f"{editor.text(node.left)} + {editor.text(node.right)}"
            splice = editor.replaced(node, text)
        if splice is not None and isinstance(node, ast.expr):
            return SettingEdit("the loss", "with the other sign", node.lineno, (splice,))
    statement = editor.statement(seen["line"])
    value = statement.value if isinstance(statement, ast.Assign | ast.Return) else None
    if value is None or seen["turned"] or isinstance(_first_factor(value), ast.BinOp):
        return None
    first = _first_factor(value)
    if isinstance(first, ast.UnaryOp) and isinstance(first.op, ast.USub):
        splice = editor.replaced(first, editor.text(first.operand))
    else:
        splice = editor.replaced(first, f"-{editor.text(first)}")
    return SettingEdit("the loss", "with the other sign", value.lineno, (splice,))


def _first_factor(value: ast.expr) -> ast.expr:
    """The first factor of a product, which may have its sign."""
    while isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult | ast.Div):
        value = value.left
    return value

"""The softmax is taken over the examples instead of the classes.

What it is: `axis=0` and `axis=1` are exchanged in the softmax, or its sum runs over everything.

Why it matters: the outputs of one example do not sum to 1; what one example gets depends on the
others in the batch. The usual gradient, probabilities minus labels, is then wrong for all tensors.

How it is told: all tensors are wrong, and exchanging the axis mends them all.

Repair: normalise over the axis of the classes, keeping the dimension.

Source: ours.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.program.repair.bug import BUGS, Bug
from nndiag.program.repair.sites import Site
from nndiag.program.text.edits import Change, Edit
from nndiag.program.text.instrument import serial_of

NAME = "softmax-wrong-axis"


@BUGS.register(NAME)
def softmax_wrong_axis() -> Bug:
    """The softmax is taken over the examples instead of the classes."""
    return Bug(sentence="the softmax is taken over the wrong axis", edits=edits)


def edits(site: Site) -> Iterator[Edit]:
    """Exchanges the axes of all sums in a statement or a function that has an exponential."""
    scope = site.scope
    region: ast.AST = scope if isinstance(scope, ast.FunctionDef) else site.statement
    exponential = _has_exponential(region) or _has_exponential(site.statement)
    if not exponential and not _is_share(site):
        return
    if "log(" in ast.unparse(site.statement):
        return  # the sum of a loss
    changes = []
    for node in ast.walk(
        region if isinstance(scope, ast.FunctionDef) and len(scope.body) < 8 else site.statement
    ):
        axis = node.value if isinstance(node, ast.keyword) and node.arg == "axis" else None
        if isinstance(axis, ast.Constant) and isinstance(axis.value, int) and axis.value in (0, 1):
            changes.append(Change(serial_of(axis), str(1 - axis.value)))
    says = "normalise over the other axis"
    for change in changes:
        yield Edit(NAME, (change,), 1.0, says, changes_loss=True)
    if len(changes) > 1:
        yield Edit(NAME, tuple(changes), 1.05, says, changes_loss=True)
    yield from _whole_sums(site)


def _whole_sums(site: Site) -> Iterator[Edit]:
    """A sum over everything becomes one over an axis."""
    for node in site.expressions:
        if not isinstance(node, ast.Call) or len(node.args) > 1 or node.keywords:
            continue
        name = ast.unparse(node.func)
        if name in {"np.sum", "sum"} and node.args:  # Python's own sum adds rows up
            summed = f"np.sum({ast.unparse(node.args[0])}, "
        elif name.endswith(".sum") and not node.args:
            summed = f"{name}("
        else:
            continue
        for axis in (1, 0):
            text = f"{summed}axis={axis}, keepdims=True)"
            says = "normalise each example"
            yield site.edit(NAME, node, text, cost=1.1, says=says, changes_loss=True)


def _is_share(site: Site) -> bool:
    """Whether something is divided by its own sum, as exponentials of the line before are."""
    return any(
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Div)
        and any(
            isinstance(call, ast.Call)
            and ast.unparse(node.left) in (ast.unparse(item) for item in _summed(call))
            for call in ast.walk(node.right)
        )
        for node in site.expressions
    )


def _summed(call: ast.Call) -> list[ast.expr]:
    """What a call of a sum adds up."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "sum":
        return [*call.args[:1], call.func.value]
    return call.args[:1] if ast.unparse(call.func) == "sum" else []


def _has_exponential(node: ast.AST) -> bool:
    return any(
        isinstance(item, (ast.Attribute, ast.Name)) and "exp" in _name(item).lower()
        for item in ast.walk(node)
    )


def _name(node: ast.Attribute | ast.Name) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id

"""A program's plain steps turned into Adam's: each update's step goes through a function."""

import ast
from collections.abc import Sequence

from nndiag.own_program.mirror import Told
from nndiag.own_program.places import Places, Splice

_FUNCTION = """\
adam_memory = {{}}


def adam(key, step, rate={rate}):
    mean, square, count = adam_memory.get(key, (0.0, 0.0, 0))
    mean, square = 0.9 * mean + 0.1 * step, 0.999 * square + 0.001 * step**2
    adam_memory[key] = mean, square, count + 1
    square = square / (1 - 0.999 ** (count + 1))
    return rate * mean / (1 - 0.9 ** (count + 1)) / (square**0.5 + 1e-30)

"""
"""Its steps are as long whatever a program's own are multiplied by."""


def as_adam(places: Places, told: Told, *, rate: str) -> tuple[int, tuple[Splice, ...]] | None:
    """The first line that is changed, and the changes; None where the steps are not plain.

    Args:
        places: The program.
        told: What was watched of it.
        rate: Adam's rate, as it is typed.
    """
    text = places.source.text
    if told["adaptive"] or told["momentum"] or "adam" in text.lower() or "matrix(" in text:
        return None
    splices: dict[int, Splice] = {}
    first: ast.stmt | None = None
    for _, _, lines in told["tensors"]:
        updates = [x for x in map(_update, _statements(places.tree, lines)) if x is not None]
        if len(updates) != 1:
            return None
        statement, target, step, sign = updates[0]
        key = _key(target, places)
        if key is None:
            return None
        splices[statement.lineno] = _through(places, step, key=key, sign=sign)
        first = statement if first is None or statement.lineno < first.lineno else first
    if first is None:
        return None
    around = _outermost(places.tree, first)
    body = _FUNCTION.format(rate=rate).split("\n")
    return first.lineno, (places.before(around, body), *splices.values())


def _statements(tree: ast.Module, lines: Sequence[int]) -> list[ast.stmt]:
    kinds = ast.Assign | ast.AugAssign
    return [x for x in ast.walk(tree) if isinstance(x, kinds) and x.lineno in lines]


def _update(statement: ast.stmt) -> tuple[ast.stmt, ast.expr, ast.expr, str] | None:
    """A statement that takes a step: its target, the step and its sign; None for another."""
    if isinstance(statement, ast.AugAssign):
        signs = {ast.Sub: "", ast.Add: "-"}
        sign = signs.get(type(statement.op))
        return None if sign is None else (statement, statement.target, statement.value, sign)
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.BinOp):
        return None
    target, value = statement.targets[0], statement.value
    known = {ast.unparse(target), ast.unparse(_whole(target))}
    if isinstance(value.op, ast.Sub) and ast.unparse(value.left) in known:
        return statement, target, value.right, ""
    return None


def _whole(target: ast.expr) -> ast.expr:
    """What is updated: `w` of `w[...]` and `w[:]`."""
    if isinstance(target, ast.Subscript):
        index = target.slice
        if isinstance(index, ast.Slice) or (
            isinstance(index, ast.Constant) and index.value is Ellipsis
        ):
            return target.value
    return target


def _key(target: ast.expr, places: Places) -> str | None:
    """What tells a parameter's memory from the others', in the text of the program."""
    target = _whole(target)
    if isinstance(target, ast.Name):
        loops = [x for x in ast.walk(places.tree) if isinstance(x, ast.For)]
        drawn = {x.id for loop in loops for x in ast.walk(loop.target) if isinstance(x, ast.Name)}
        return None if target.id in drawn else repr(target.id)
    if isinstance(target, ast.Attribute):
        return f"({target.attr!r}, id({ast.unparse(target.value)}))"
    if isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
        return f"({ast.unparse(target.value)!r}, {ast.unparse(target.slice)})"
    return None


def _through(places: Places, step: ast.expr, *, key: str, sign: str) -> Splice:
    text = places.text_of(step)
    return places.replaced(step, f"{sign}adam({key}, {f'-({text})' if sign else text})")


def _outermost(tree: ast.Module, inner: ast.stmt) -> ast.stmt:
    """The statement of the module that another one stands in."""
    return next(x for x in tree.body if x.lineno <= inner.lineno <= (x.end_lineno or x.lineno))

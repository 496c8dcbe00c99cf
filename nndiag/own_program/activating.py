"""Where a program computes an activation and its derivative, told by what expressions come to.

An expression of one variable is evaluated at a few numbers: where it comes to a sigmoid there, it
is one, however it is written and whatever it is called.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.own_program.places import Places, Splice, assignments

_LARGEST = 40  # parts of an expression that is looked at
_AT = np.array([-1.7, -0.3, 0.4, 1.3])
_PLAIN = ast.BinOp | ast.UnaryOp | ast.Compare | ast.Constant | ast.operator | ast.unaryop
_PLAIN |= ast.cmpop | ast.expr_context
_FUNCTIONS = ("exp", "tanh", "maximum", "where", "power", "square", "multiply", "clip")


def _sigmoid(v: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-v)))


_FORMS: dict[str, tuple[Callable[[FloatArray], Any], ...]] = {
    "sigmoid": (_sigmoid, lambda v: v * (1 - v), lambda v: _sigmoid(v) * (1 - _sigmoid(v))),
    "tanh": (np.tanh, lambda v: 1 - v**2, lambda v: 1 - np.tanh(v) ** 2),
    "relu": (lambda v: np.maximum(v, 0), lambda v: (v > 0) * 1.0, lambda v: (v > 0) * 1.0),
}
"""Activation → it, and its derivative by what it gives, and by what it takes."""
_WRITTEN = {
    "tanh": ("np.tanh({})", "(1 - ({}) ** 2)", "(1 - np.tanh({}) ** 2)"),
    "relu": ("np.maximum({}, 0)", "(({}) > 0)", "(({}) > 0)"),
}


@dataclass(frozen=True)
class _Found:
    """A place that computes an activation (0) or its derivative (1, 2), of some text."""

    form: int
    start: int
    end: int
    text: str


def exchanged(places: Places, old: str, new: str) -> Iterator[tuple[Splice, ...]]:
    """The ways to write another activation; which one leaves the output alone, a run tells.

    Args:
        places: The program.
        old: The activation of its hidden layers.
        new: "tanh" or "relu".
    """
    inside = _inline(places, old, outside={})
    if inside:
        yield _written(inside, new)
    forward, slopes = _used(places, old)
    for kept in (slopes, slopes[1:]):  # the last layer's comes last, and first on the way back
        if forward[:-1] and kept:
            yield _written([*forward[:-1], *kept], new)


def left_out(places: Places, old: str) -> Iterator[tuple[Splice, ...]]:
    """The ways to leave the activation of the output out, and its derivative.

    Args:
        places: The program.
        old: The activation of its output.
    """
    forward, slopes = _used(places, old)
    for output in reversed(forward):
        plain = Splice(output.start, output.end, output.text)
        for slope in slopes:
            bare = _without(places, slope)
            if bare is not None:
                yield plain, bare


def _without(places: Places, factor: _Found) -> Splice | None:
    """A product without its last factor, or a call of `np.multiply` without one of its two."""
    text, start, end = places.source.text, factor.start, factor.end
    while text[:start].endswith("(") and text[end:].startswith(")"):
        start, end = start - 1, end + 1
    before = text[:start].rstrip()
    if before.endswith("*") and not before.endswith("**"):
        return Splice(len(before[:-1].rstrip()), end, "")
    for call in (x for x in ast.walk(places.tree) if isinstance(x, ast.Call)):
        if ast.unparse(call.func).endswith("multiply") and len(call.args) == 2:
            for one, other in (call.args, reversed(call.args)):
                if (places.offset(one), places.end(one)) == (factor.start, factor.end):
                    return places.replaced(call, places.text_of(other))
    return None


def _used(places: Places, name: str) -> tuple[list[_Found], list[_Found]]:
    """Where an activation is computed, and where its derivative, in the order of the text."""
    functions = _functions(places, name)
    inline = _inline(places, name, outside=functions)
    calls = sorted([*_calls(places, functions), *inline], key=lambda x: x.start)
    return [x for x in calls if x.form == 0], [x for x in calls if x.form > 0]


def _written(found: list[_Found], new: str) -> tuple[Splice, ...]:
    return tuple(Splice(x.start, x.end, _WRITTEN[new][x.form].format(x.text)) for x in found)


def _inline(places: Places, old: str, *, outside: dict[str, int]) -> list[_Found]:
    """The expressions themselves, but for those in some functions."""
    skipped = [
        x for x in ast.walk(places.tree) if isinstance(x, ast.FunctionDef) and x.name in outside
    ]
    found: list[_Found] = []
    for node in ast.walk(places.tree):  # outer ones first
        if not isinstance(node, ast.expr) or not places.is_trained(node):
            continue
        if any(x.lineno <= node.lineno <= (x.end_lineno or 0) for x in skipped):
            continue
        start, end = places.offset(node), places.end(node)
        if any(x.start <= start and end <= x.end for x in found):
            continue
        for span, value in [((start, end), node), *_products(places, node)]:
            form = _form(value, old)
            if form is not None:
                found.append(_Found(form[0], *span, form[1]))
                break
    return found


def _products(places: Places, node: ast.expr) -> Iterator[tuple[tuple[int, int], ast.expr]]:
    """Neighbours in a product that is read from the left: `a * (1 - a)` in `d * a * (1 - a)`."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return
    left = node.left
    if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mult):
        pair = ast.BinOp(left.right, ast.Mult(), node.right)
        first, text = places.offset(left.right), places.source.text
        while text[first - 1] == "(" and text[places.end(left.right)] == ")":
            first -= 1
        yield (first, places.end(node)), pair


def _form(node: ast.expr, name: str) -> tuple[int, str] | None:
    """Which of an activation's forms an expression is, and of which part of it, the largest."""
    whole = _Uncast().visit(copy.deepcopy(node))
    parts = [x for x in ast.walk(whole) if isinstance(x, ast.expr)]
    if len(parts) > _LARGEST:
        return None
    for text in dict.fromkeys(ast.unparse(x) for x in parts[1:] if not isinstance(x, ast.Constant)):
        tree: ast.expr = _Renamed(text).visit(copy.deepcopy(whole))
        if not isinstance(tree, ast.Name) and _is_plain(tree):
            form = _form_of(_value(tree), name)
            if form is not None:
                return form, text
    return None


def _form_of(value: FloatArray | None, name: str) -> int | None:
    if value is None or value.shape != _AT.shape:
        return None
    forms = enumerate(_FORMS[name])
    return next((n for n, f in forms if np.allclose(value, f(_AT), rtol=1e-9, atol=0)), None)


def _value(tree: ast.expr) -> FloatArray | None:
    """What an expression of `_v` comes to; None where it fails."""
    code = compile(ast.fix_missing_locations(ast.Expression(tree)), "", "eval")
    known = dict.fromkeys(("np", "numpy", "math"), np)
    try:
        with np.errstate(all="ignore"):
            return np.asarray(eval(code, {"__builtins__": {}, **known, "_v": _AT}))
    except Exception:
        return None


def _is_plain(node: ast.AST) -> bool:
    """Whether an expression is made of `_v` by plain arithmetic."""
    if isinstance(node, ast.Name):
        return node.id == "_v"
    if isinstance(node, ast.Call):
        function = node.func
        known = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
        if not known or node.keywords or function.attr not in _FUNCTIONS:  # type: ignore[attr-defined]
            return False
        return all(_is_plain(x) for x in node.args)
    return isinstance(node, _PLAIN) and all(_is_plain(x) for x in ast.iter_child_nodes(node))


class _Uncast(ast.NodeTransformer):
    """Leaves `.astype(…)` out."""

    def visit_Call(self, node: ast.Call) -> Any:
        """One call."""
        self.generic_visit(node)
        cast = isinstance(node.func, ast.Attribute) and node.func.attr == "astype"
        return node.func.value if cast else node  # type: ignore[attr-defined]


class _Renamed(ast.NodeTransformer):
    """Puts `_v` in the place of a variable."""

    def __init__(self, text: str) -> None:
        self._text = text

    def visit(self, node: ast.AST) -> Any:
        """One node."""
        if isinstance(node, ast.expr) and ast.unparse(node) == self._text:
            return ast.Name("_v", ast.Load())
        return self.generic_visit(node)


def _functions(places: Places, old: str) -> dict[str, int]:
    """The functions that return one of an activation's forms of their argument.

    One that returns another form where a flag is set has that under its name and `:flag`.
    """
    found = {}
    for name, arguments, value in _single(places.tree):
        form = _form(value, old)
        if form is not None and form[1] in {x.arg for x in arguments.args[-2:]}:
            found[name] = form[0]
    return found


def _single(tree: ast.AST) -> Iterator[tuple[str, ast.arguments, ast.expr]]:
    """The functions of one expression: their names, their arguments, and what they return."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and len(node.body) == 1:
            (only,) = node.body
            if isinstance(only, ast.Return) and only.value is not None:
                yield node.name, node.args, only.value
        if isinstance(node, ast.FunctionDef) and len(node.args.defaults) == 1:
            yield from _flagged(node)
    for target, value in assignments(tree):
        if isinstance(target, ast.Name) and isinstance(value, ast.Lambda):
            yield target.id, value.args, value.body


def _flagged(node: ast.FunctionDef) -> Iterator[tuple[str, ast.arguments, ast.expr]]:
    """What a function returns where its last argument is set, and where it is not."""
    branch, rest = node.body[0], node.body[1:]
    if not isinstance(branch, ast.If):
        return
    for name, body in ((f"{node.name}:flag", branch.body), (node.name, branch.orelse or rest)):
        if len(body) == 1 and isinstance(body[0], ast.Return) and body[0].value is not None:
            yield name, node.args, body[0].value


def _calls(places: Places, functions: dict[str, int]) -> Iterator[_Found]:
    """The calls of some functions with one argument, and a flag."""
    for node in ast.walk(places.tree):
        if isinstance(node, ast.Call) and node.args and places.is_trained(node):
            more = [*node.args[1:], *(x.value for x in node.keywords)]
            name = ast.unparse(node.func).rpartition(".")[2] + ":flag" * len(more)
            if name in functions:
                text = places.text_of(node.args[0])
                yield _Found(functions[name], places.offset(node), places.end(node), text)

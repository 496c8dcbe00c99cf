"""Which bug an edit mends, where what it changes says so by itself."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterator

DERIVATIVES = (
    "missing-activation-derivative",
    "activation-derivative-of-wrong-argument",
    "wrong-activation-derivative",
    "broken-chain-rule",
    "wrong-layer-activation",
)
"""The bugs of a local derivative, which are told from each other by what mends them."""

_RAW, _BIAS = "raw-error-instead-of-delta", "wrong-bias-gradient"
_SUMMED = "summed-instead-of-averaged"
_MISSING, _ARGUMENT, _OTHER, _CHAIN, _OPERAND = DERIVATIVES
_NAMES = (ast.Name, ast.Attribute, ast.Subscript)
_TURNS = frozenset({"T", "transpose"})
_SUMS = frozenset({"sum", "mean", "axis"})
_PRODUCTS = frozenset({"@", "dot", "matmul"})


def bug_by_edit(bug: str, place: ast.expr, text: str, derivatives: Collection[str] = ()) -> str:
    """The name of a bug, given the expression that mends it.

    Args:
        bug: Its name by what is due.
        place: The expression at fault.
        text: What is due in its place.
        derivatives: The variables that hold derivatives of activations.
    """
    before: ast.AST = ast.parse(ast.unparse(place), mode="eval").body
    after: ast.AST = ast.parse(text, mode="eval").body
    if bug == _RAW:
        summed = _by_tokens(ast.unparse(place), text) == _BIAS
        return _BIAS if summed else _CHAIN if _is_other_entry(before, after) else bug
    if bug == _SUMMED and "mean" in _words(before) - _words(after):
        return _BIAS  # the mean of the deltas in the place of their sum
    if bug not in DERIVATIVES:
        return bug
    added = is_summand(ast.unparse(place), after)
    moved = _CHAIN if added else _by_tokens(ast.unparse(place), text)
    if moved is None and has_slope(before) and has_slope(after) and _words(before) == _words(after):
        return _ARGUMENT if bug == _ARGUMENT else _OTHER  # the same values in another form
    way, one, other = _down(before, after)
    if bug == _OTHER and ast.unparse(other) in derivatives:
        return bug
    return moved or _of_derivative(bug, way, one, other)


def _of_derivative(bug: str, way: list[ast.AST], before: ast.AST, after: ast.AST) -> str:
    """The bug of a derivative of which one part changes."""
    calls = [node for node in way if isinstance(node, ast.Call)]
    if calls and before in calls[-1].args and len(calls[-1].args) == 1:
        return bug if ast.unparse(calls[-1].func).startswith("np.") else _ARGUMENT
    operand = bug == _OPERAND  # an operand that is wrong is no derivative, whatever is put there
    if isinstance(before, ast.Subscript) and isinstance(after, ast.Subscript):
        return bug if operand else _CHAIN
    factor = isinstance(after, ast.BinOp) and isinstance(after.op, ast.Mult)
    if factor and ast.unparse(after.left) == ast.unparse(before):  # type: ignore[attr-defined]
        return bug if operand else _MISSING
    leaves = list(_leaves(before, after))
    if bug == _OTHER and not has_slope(way[0] if way else before):
        exchanged = isinstance(before, _NAMES) and isinstance(after, _NAMES)
        return _OPERAND if exchanged else bug
    same = len(leaves) > 1 and len(set(leaves)) == 1  # `a * (1 - a)`, of another `a`
    if same or (bug == _MISSING and any(map(_is_slope, way))):
        return _ARGUMENT
    return _OTHER if bug == _MISSING and has_slope(before) else bug


def _is_other_entry(before: ast.AST, after: ast.AST) -> bool:
    """Whether an edit only takes another entry of the same array."""
    _, one, other = _down(before, after)
    both = isinstance(one, ast.Subscript) and isinstance(other, ast.Subscript)
    return both and ast.dump(one.value) == ast.dump(other.value)  # type: ignore[attr-defined]


def _down(before: ast.AST, after: ast.AST) -> tuple[list[ast.AST], ast.AST, ast.AST]:
    """The way to the only part that an edit changes, and what stands there before and behind."""
    way: list[ast.AST] = []
    while len(pairs := _different(before, after)) == 1 and not isinstance(before, ast.Subscript):
        way.append(before)
        before, after = pairs[0]
    return way, before, after


def _leaves(before: ast.AST, after: ast.AST) -> Iterator[tuple[str, str]]:
    """What stands in another's place, where two expressions have one form."""
    pairs = [] if isinstance(before, _NAMES) else _different(before, after)
    if not pairs:
        yield ast.dump(before), ast.dump(after)
    for pair in pairs:
        yield from _leaves(*pair)


def has_slope(place: ast.AST) -> bool:
    """Whether a derivative stands in an expression, right or wrong: `1 - a`, or a comparison.

    Args:
        place: The expression.
    """
    return any(
        isinstance(node, ast.Compare)
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and _is_one(node.left))
        for node in ast.walk(place)
    )


def _words(place: ast.AST) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", ast.unparse(place)))


def _is_one(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1


def _is_slope(node: ast.AST) -> bool:
    """Whether an expression has the form of a derivative, so that there is one: `1 - a ** 2`."""
    powers = isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Pow))
    return powers or isinstance(node, ast.Compare)


def is_small(place: ast.AST, text: str) -> bool:
    """Whether an edit brings in one word at most: another variable, say.

    Args:
        place: The expression at fault.
        text: What is due in its place.
    """
    one, other = (Counter(re.findall(r"\w+|@", item)) for item in (ast.unparse(place), text))
    return (other - one).total() <= 1


def is_summand(before: str, after: ast.AST) -> bool:
    """Whether something is only added to an expression.

    Args:
        before: The expression.
        after: What is due in its place.
    """
    added = isinstance(after, ast.BinOp) and isinstance(after.op, ast.Add)
    return added and ast.unparse(after.left) == before  # type: ignore[attr-defined]


def _by_tokens(before: str, after: str) -> str | None:
    """The bug of an edit that only turns or exchanges parts, sums, or puts a product in."""
    one, other = (Counter(re.findall(r"\w+|@", text)) for text in (before, after))
    changed = {*(one - other), *(other - one)}
    if not changed - _TURNS and before != after:
        return _CHAIN if _is_ordered(before, after) else None
    if changed & _SUMS and changed <= _SUMS | _TURNS | {"keepdims", "True", "np", "0", "1", "2"}:
        return _BIAS
    return _CHAIN if {*(other - one)} & _PRODUCTS else None


def _is_ordered(before: str, after: str) -> bool:
    """Whether names stand in another order, or are transposed."""
    return re.findall(r"\w+", before) != re.findall(r"\w+", after)


def _different(one: ast.AST, other: ast.AST) -> list[tuple[ast.AST, ast.AST]]:
    """The children in which two nodes of one kind differ; none where they cannot be paired."""
    mine, theirs = list(ast.iter_child_nodes(one)), list(ast.iter_child_nodes(other))
    if type(one) is not type(other) or len(mine) != len(theirs) or not mine:
        return []
    return [(a, b) for a, b in zip(mine, theirs) if ast.dump(a) != ast.dump(b)]

"""Which bug an edit mends, where what it changes says so by itself."""

from __future__ import annotations

import ast
import re
from collections import Counter

DERIVATIVES = (
    "missing-activation-derivative",
    "activation-derivative-of-wrong-argument",
    "wrong-activation-derivative",
    "broken-chain-rule",
    "wrong-layer-activation",
)
"""The bugs of a local derivative, which are told from each other by what mends them."""

_RAW, _BIAS = "raw-error-instead-of-delta", "wrong-bias-gradient"
_TURNS = frozenset({"T", "transpose"})
_SUMS = frozenset({"sum", "mean", "axis"})
_PRODUCTS = frozenset({"@", "dot", "matmul"})


def bug_by_edit(bug: str, place: ast.expr, text: str) -> str:
    """The name of a bug, given the expression that mends it.

    Args:
        bug: Its name by what is due.
        place: The expression at fault.
        text: What is due in its place.
    """
    if bug not in DERIVATIVES:
        summed = bug == _RAW and _by_tokens(ast.unparse(place), text) == _BIAS
        return _BIAS if summed else bug
    before: ast.AST = ast.parse(ast.unparse(place), mode="eval").body
    after: ast.AST = ast.parse(text, mode="eval").body
    added = is_summand(ast.unparse(place), after)
    moved = "broken-chain-rule" if added else _by_tokens(ast.unparse(place), text)
    if moved is not None:
        return moved
    called: ast.AST | None = None
    in_slope = False
    while True:
        pairs = _different(before, after)
        if len(pairs) != 1:
            break
        in_slope = in_slope or _is_slope(before)
        called = before if isinstance(before, ast.Call) else called
        if isinstance(before, ast.Subscript):
            break
        before, after = pairs[0]
    if isinstance(called, ast.Call) and before in called.args and len(called.args) == 1:
        name = ast.unparse(called.func)
        return bug if name.startswith("np.") else "activation-derivative-of-wrong-argument"
    if isinstance(before, ast.Subscript) and isinstance(after, ast.Subscript):
        return bug if bug == "wrong-layer-activation" else "broken-chain-rule"
    factor = isinstance(after, ast.BinOp) and isinstance(after.op, ast.Mult)
    if factor and ast.unparse(after.left) == ast.unparse(before):  # type: ignore[attr-defined]
        return "missing-activation-derivative"
    missing = bug == "missing-activation-derivative"
    return "activation-derivative-of-wrong-argument" if in_slope and missing else bug


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
        return "broken-chain-rule" if _is_ordered(before, after) else None
    if changed & _SUMS and changed <= _SUMS | _TURNS | {"keepdims", "True", "np", "0", "1", "2"}:
        return _BIAS
    return "broken-chain-rule" if {*(other - one)} & _PRODUCTS else None


def _is_ordered(before: str, after: str) -> bool:
    """Whether names stand in another order, or are transposed."""
    return re.findall(r"\w+", before) != re.findall(r"\w+", after)


def _different(one: ast.AST, other: ast.AST) -> list[tuple[ast.AST, ast.AST]]:
    """The children in which two nodes of one kind differ; none where they cannot be paired."""
    mine, theirs = list(ast.iter_child_nodes(one)), list(ast.iter_child_nodes(other))
    if type(one) is not type(other) or len(mine) != len(theirs) or not mine:
        return []
    return [(a, b) for a, b in zip(mine, theirs) if ast.dump(a) != ast.dump(b)]

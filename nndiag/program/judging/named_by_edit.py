"""Which bug an edit mends, where what it changes says so by itself."""

from __future__ import annotations

import ast

_DERIVATIVES = (
    "missing-activation-derivative",
    "wrong-activation-derivative",
    "broken-chain-rule",
    "wrong-layer-activation",
)


def bug_by_edit(bug: str, place: ast.expr, text: str) -> str:
    """The name of a bug, given the expression that mends it.

    Args:
        bug: Its name by what is due.
        place: The expression at fault.
        text: What is due in its place.
    """
    if bug not in _DERIVATIVES:
        return bug
    before: ast.AST = ast.parse(ast.unparse(place), mode="eval").body
    after: ast.AST = ast.parse(text, mode="eval").body
    called: ast.AST | None = None
    while True:
        pairs = _different(before, after)
        if len(pairs) != 1:
            break
        called = before if isinstance(before, ast.Call) else called
        before, after = pairs[0]
    if isinstance(called, ast.Call) and before in called.args and len(called.args) == 1:
        name = ast.unparse(called.func)
        return bug if name.startswith("np.") else "activation-derivative-of-wrong-argument"
    factor = isinstance(after, ast.BinOp) and isinstance(after.op, ast.Mult)
    if factor and ast.unparse(after.left) == ast.unparse(before):  # type: ignore[attr-defined]
        return "missing-activation-derivative"
    return bug


def _different(one: ast.AST, other: ast.AST) -> list[tuple[ast.AST, ast.AST]]:
    """The children in which two nodes of one kind differ; none where they cannot be paired."""
    mine, theirs = list(ast.iter_child_nodes(one)), list(ast.iter_child_nodes(other))
    if type(one) is not type(other) or len(mine) != len(theirs) or not mine:
        return []
    return [(a, b) for a, b in zip(mine, theirs) if ast.dump(a) != ast.dump(b)]

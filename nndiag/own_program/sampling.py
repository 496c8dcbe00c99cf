"""Which examples a step takes: how many, and whether inputs and targets stay side by side."""

import ast
from collections.abc import Iterator

from nndiag.own_program.places import Places, Splice, last_name, value_of

_ORDERS = frozenset({"shuffle", "permutation"})


def batch_places(places: Places, batch: int, *, loop_line: int) -> list[ast.expr]:
    """Where the number of examples of a step stands; none where that is not found.

    It is handed to what the training loop goes through: `range(0, n, 32)`, `batches(x, y, size)`.

    Args:
        places: Finds places in the program.
        batch: The number of examples.
        loop_line: The line of the training loop.
    """
    loops = [x for x in ast.walk(places.tree) if isinstance(x, ast.For)]
    loop = next((x for x in loops if x.lineno == loop_line), None)
    if loop is None or not isinstance(loop.iter, ast.Call):
        return []
    handed = [*loop.iter.args, *(x.value for x in loop.iter.keywords)]
    for item in handed:
        if value_of(item) == batch:
            beside = [x for x in _added(loop) if value_of(x) == batch]
            return [item, *beside]
        name = last_name(item)
        known = places.constants_of({name}) if name is not None else []
        if any(value == batch for _, value in known):
            return [node for node, value in known if value == batch]
    return []


def _added(loop: ast.For) -> Iterator[ast.expr]:
    """What is added to something in a loop: the width of a slice, say."""
    for node in ast.walk(loop):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            yield from (node.left, node.right)


def shuffles_of_one(places: Places) -> Iterator[tuple[int, Splice]]:
    """Statements that shuffle one array by itself, in place or into its own name, left out."""
    for block in _blocks(places.tree):
        for statement in block:
            call = getattr(statement, "value", None)
            if not isinstance(call, ast.Call) or last_name(call.func) not in _ORDERS:
                continue
            if len(call.args) != 1 or call.keywords or not _is_for_itself(statement, call):
                continue
            yield statement.lineno, places.left_out(statement, alone=len(block) == 1)


def _is_for_itself(statement: ast.stmt, call: ast.Call) -> bool:
    """Whether a call shuffles in place, or what it gives replaces what it was given."""
    if isinstance(statement, ast.Expr):
        return last_name(call.func) == "shuffle"
    own = isinstance(statement, ast.Assign) and len(statement.targets) == 1
    return own and ast.unparse(statement.targets[0]) == ast.unparse(call.args[0])  # type: ignore[attr-defined]


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block:
                yield block

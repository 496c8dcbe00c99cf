"""Edits of statements, where no other expression is due: an increment, another order of a loop.

Few of them fit a program. Each is tried by running the iteration with it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.program.location.lines import Lines
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of

_LOOPS = (ast.For, ast.While)


def increments(lines: Lines) -> Iterator[Change]:
    """Assignments in a loop to what is set before the loop: an increment may be due."""
    for loop in [node for node in ast.walk(lines.tree) if isinstance(node, ast.For)]:
        block = lines.block(node_id_of(loop))
        before = {
            ast.unparse(item)
            for statement in block[: block.index(loop)]
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            for item in (target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target])
        }
        for node in ast.walk(loop):
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target, value = ast.unparse(node.targets[0]), ast.unparse(node.value)
                if target in before and not _reads(node.value, target):
                    yield Change(node_id_of(node), f"{target} += {value}")


def _reads(value: ast.expr, target: str) -> bool:
    return any(isinstance(n, ast.expr) and ast.unparse(n) == target for n in ast.walk(value))


def orders(lines: Lines, node_ids: set[int], training: ast.AST) -> Iterator[Change]:
    """Loops around some expressions, inside the training loop, to be gone through backward."""
    seen, above = {node_id_of(training)}, lines.parents.get(node_id_of(training))
    while above is not None and node_id_of(above) not in seen:
        seen.add(node_id_of(above))
        above = lines.parents.get(node_id_of(above))
    for node_id in sorted(node_ids):
        node = lines.parents.get(node_id)
        while node is not None:
            if isinstance(node, ast.For) and node_id_of(node) not in seen:
                seen.add(node_id_of(node))
                yield Change(node_id_of(node.iter), _turned(node.iter))
            node = lines.parents.get(node_id_of(node))


def carried(lines: Lines, training: ast.AST) -> Iterator[Change]:
    """The entry of the round before, where each round of a loop reads one and the same entry.

    A loop that writes `h[t]` and reads `h[-1]` carries nothing on.
    """
    for loop in (node for node in ast.walk(training) if isinstance(node, ast.For)):
        if loop is training or not isinstance(loop.target, ast.Name):
            continue
        items = [node for node in ast.walk(loop) if isinstance(node, ast.Subscript)]
        written = {
            ast.unparse(item.value)
            for item in items
            if isinstance(item.ctx, ast.Store) and ast.unparse(item.slice) == loop.target.id
        }
        for item in items:
            holder = ast.unparse(item.value)
            if isinstance(item.ctx, ast.Load) and holder in written and _is_constant(item.slice):
                yield Change(node_id_of(item), f"{holder}[{loop.target.id} - 1]")


def _is_constant(index: ast.expr) -> bool:
    number = index.operand if isinstance(index, ast.UnaryOp) else index
    return isinstance(number, ast.Constant)


def _turned(item: ast.expr) -> str:
    if isinstance(item, ast.Call) and ast.unparse(item.func) == "reversed":
        return ast.unparse(item.args[0])
    text = ast.unparse(item)
    plain = isinstance(item, ast.Call) and ast.unparse(item.func) != "range"
    return f"reversed(list({text}))" if plain else f"reversed({text})"

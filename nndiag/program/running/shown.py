"""The statements of a program that only show or keep its numbers."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from nndiag.program.roles.understanding import Understanding


def harmless(found: Understanding) -> frozenset[int]:
    """The `if i % 100 == 0:` statements that only show or keep numbers."""
    nodes = found.nodes
    harmless = set()
    for node_id in found.forced:
        statement = nodes[node_id]
        inside = [node for item in getattr(statement, "body", []) for node in ast.walk(item)]
        loop = found.watched.loop.node
        read = _names(ast.walk(loop), ast.Load)
        set_there = _names(inside, ast.Store)
        if not any(isinstance(node, ast.AugAssign) for node in inside) and not set_there & read:
            harmless.add(node_id)
    return frozenset(harmless)


def _names(nodes: Iterable[ast.AST], context: type[ast.expr_context]) -> set[str]:
    """The variables that are read, or set, by some expressions."""
    return {
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, context)
    }

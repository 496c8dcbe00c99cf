"""Which line of the program a fault stands in."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from nndiag.program.text.instrument import node_id_of, parents_of

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Lines:
    """Finds statements of a program by the expressions in them."""

    def __init__(self, tree: ast.Module, nodes: Mapping[int, ast.AST]) -> None:
        self.tree = tree
        self.nodes = nodes
        self.parents = parents_of(tree)

    def statement(self, node_id: int) -> ast.stmt | None:
        """The statement that an expression stands in."""
        node: ast.AST | None = self.nodes.get(node_id)
        while node is not None and not isinstance(node, ast.stmt):
            node = self.parents.get(node_id_of(node))
        return node

    def block(self, node_id: int) -> list[ast.stmt]:
        """The statements among which one stands."""
        parent, node = self.parents[node_id], self.nodes[node_id]
        blocks = (getattr(parent, name, None) for name in ("body", "orelse", "finalbody"))
        return next((b for b in blocks if isinstance(b, list) and node in b), [node])  # type: ignore[list-item]

    def function(self, node_id: int) -> ast.AST | None:
        """The function that a node stands in; None at module level."""
        node = self.parents.get(node_id)
        while node is not None and not isinstance(node, _FUNCTIONS):
            node = self.parents.get(node_id_of(node))
        return node

    def last_assignment(self, name: ast.expr, before: int) -> ast.stmt | None:
        """The last statement before a line, in the same function, that assigns what stands there.

        Args:
            name: A variable, an attribute or an item, where it is read.
            before: The line.
        """
        scope = self.function(node_id_of(name)) or self.tree
        text = ast.unparse(name)
        found = None
        for node in ast.walk(scope):
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.lineno < before:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(ast.unparse(item) == text for item in targets):
                    found = node if found is None or node.lineno >= found.lineno else found
        return found

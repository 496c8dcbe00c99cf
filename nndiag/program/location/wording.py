"""What a value is called where it is at fault: the program's own expressions for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from nndiag.program.graph.nodes import Node, Ref
from nndiag.program.location.evidence import Evidence
from nndiag.program.location.lines import Lines
from nndiag.program.text.instrument import node_id_of

_SIMPLE = (ast.Name, ast.Attribute, ast.Subscript)
_LONGEST = 40


def operand_nodes(node: Node, syntax: ast.AST) -> Iterator[tuple[int, ast.expr]]:
    """The values that an operation was made from, with the expressions that gave them."""
    places: list[ast.expr] = []
    if isinstance(syntax, ast.BinOp):
        places = [syntax.left, syntax.right]
    elif isinstance(syntax, ast.UnaryOp):
        places = [syntax.operand]
    elif isinstance(syntax, ast.Compare):
        places = [syntax.left, *syntax.comparators]
    elif isinstance(syntax, (ast.Attribute, ast.Subscript)):
        places = [syntax.value]
    elif isinstance(syntax, ast.AugAssign):
        places = [syntax.target, syntax.value]
    elif isinstance(syntax, ast.Call):
        own = len(node.arguments) > len(syntax.args) and isinstance(syntax.func, ast.Attribute)
        places = [syntax.func.value, *syntax.args] if own else list(syntax.args)  # type: ignore[attr-defined]
    for item, place in zip(node.arguments, places):
        if isinstance(item, Ref):
            yield item.node, place


class Wording:
    """The expressions that a program has for the values of an iteration."""

    def __init__(self, evidence: Evidence, lines: Lines, nodes: Mapping[int, ast.AST]) -> None:
        self.evidence = evidence
        self.lines = lines
        self.nodes = nodes
        self._texts: dict[int, dict[str, int]] = {}
        for node in evidence.graph:
            syntax = nodes.get(node.node_id)
            if syntax is None:
                continue
            scope = self._scope(node.node_id)
            for index, place in operand_nodes(node, syntax):
                if isinstance(place, _SIMPLE) and len(text := ast.unparse(place)) <= _LONGEST:
                    self._texts.setdefault(scope, {})[text] = index

    def _scope(self, node_id: int) -> int:
        function = self.lines.function(node_id)
        return -1 if function is None else node_id_of(function)

    def texts(self, node_id: int) -> list[tuple[str, int]]:
        """The expressions, with their values, that are used in the function of an expression."""
        return list(self._texts.get(self._scope(node_id), {}).items())

    def operand(self, product: int, node: int) -> ast.expr | None:
        """The expression that gave an operation one of its operands."""
        item = self.evidence.graph[product]
        syntax = self.nodes.get(item.node_id)
        if syntax is None:
            return None
        return next((place for index, place in operand_nodes(item, syntax) if index == node), None)

"""Edits for a backward pass that is multiplied by a single number made from the outputs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from nndiag.program.graph.nodes import Ref
from nndiag.program.location.evidence import Evidence
from nndiag.program.text.edits import Change


def without_single_factors(
    evidence: Evidence, nodes: Mapping[int, ast.AST]
) -> Iterator[tuple[Change, ...]]:
    """Products of the backward pass without a single number made from the parameters.

    Args:
        evidence: What is known of the iteration.
        nodes: The program's syntax tree by node_id.
    """
    graph, acted = evidence.graph, evidence.readings[0].acted
    for index in sorted(evidence.backward):
        node, syntax = graph[index], nodes.get(graph[index].node_id)
        if not isinstance(syntax, ast.BinOp) or not isinstance(syntax.op, ast.Mult):
            continue
        sizes = [
            graph[part.node].size if isinstance(part, Ref) and part.node in acted else 0
            for part in node.arguments[:2]
        ]
        sides = [syntax.left, syntax.right]
        for size, other, kept in zip(sizes, sizes[::-1], sides[::-1]):
            if size == 1 and other != 1:
                yield (Change(node.node_id, ast.unparse(kept)),)

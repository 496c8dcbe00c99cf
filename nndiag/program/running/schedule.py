"""The learning rate in force, where a program changes it from step to step."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import numpy as np

from nndiag.program.graph.nodes import Ref
from nndiag.program.judging.judgement import Judgement
from nndiag.program.roles.reading import Reading
from nndiag.program.text.instrument import node_id_of

_SAME = 1e-6
_FEWEST = 3  # points


def schedule_of(program: Judgement) -> int | None:
    """The expression of one number that goes as the steps' rate does; None where that is steady.

    A rate that is lowered after a whole epoch is steady where the program was looked at; then its
    name tells, if a loop gives it another value.

    Args:
        program: With its parameters compared.
    """
    readings = program.found.readings
    plain = [n for n, item in enumerate(readings) if not item.point.shifted]
    for item in program.comparisons:
        points = [n for n in plain if n in item.rates]
        rates = np.array([item.rates[n] for n in points])
        if item.is_single or len(points) < _FEWEST or np.ptp(rates) <= _SAME * np.abs(rates).max():
            continue
        tables = [_numbers(readings[n], program.found.nodes) for n in points]
        for node_id in tables[0]:
            if all(node_id in table for table in tables):
                ratios = np.array([table[node_id] for table in tables]) / rates
                if np.isfinite(ratios).all() and np.ptp(ratios) <= _SAME * np.abs(ratios).max():
                    return node_id
    return _renewed(program, readings[plain[0]]) if plain else None


def _renewed(program: Judgement, reading: Reading) -> int | None:
    """The rate that the updates name, where some loop gives that name a value."""
    rate, nodes = program.found.rate, program.found.nodes
    loops = [
        node
        for node in ast.walk(program.found.host.source.tree)
        if isinstance(node, (ast.For, ast.While))
    ]
    given = {
        ast.unparse(target)
        for loop in loops
        for node in ast.walk(loop)
        if isinstance(node, (ast.Assign, ast.AugAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    }
    if rate is None or rate.text not in given:
        return None
    return next(
        (node_id for node_id in _numbers(reading, nodes) if _is(nodes.get(node_id), rate.text)),
        None,
    )


def _is(node: ast.AST | None, text: str) -> bool:
    return node is not None and ast.unparse(node) == text


def _numbers(reading: Reading, nodes: Mapping[int, ast.AST]) -> dict[int, float]:
    """The single numbers that values are multiplied by, by their expressions' node_ids."""
    found: dict[int, float] = {}
    for node in reading.graph:
        if node.size == 1 and node.node_id >= 0 and node.is_real:
            found[node.node_id] = float(np.ravel(node.value)[0])
        syntax = nodes.get(node.node_id)
        if not isinstance(syntax, ast.BinOp) or not isinstance(syntax.op, (ast.Mult, ast.Div)):
            continue
        for side, part in zip((syntax.left, syntax.right), node.arguments):
            value = reading.graph[part.node].value if isinstance(part, Ref) else part
            if isinstance(value, (int, float, np.number)) and node_id_of(side) >= 0:
                found.setdefault(node_id_of(side), float(value))
    return found

"""Why nothing can be said about a program: what it computes has no gradient, or no loss."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import numpy as np

from nndiag.errors import Problem
from nndiag.program.execution.host import loop_place
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.status import Status
from nndiag.program.roles.understanding import Understanding


def not_understood(found: Understanding) -> Problem:
    """Why a program without a loss cannot be checked."""
    place = loop_place(found.watched.loop, found.host.source)
    if not found.readings:
        return Problem(
            f"{place}: one iteration cannot be run by itself",
            got=found.failure or None,
            hint="name the statements of one step: functions=…, or `code.functions` in a config",
        )
    jump = _jump(found)
    if jump is not None:
        return Problem(
            f"{place}: the output jumps ({found.host.source.spot(jump)}), as a perceptron's does: "
            "it has no gradient",
            hint="where a smooth loss is meant all the same: loss=…, or `code.loss` in a config",
        )
    return Problem(
        f"{place}: no loss found: the loop computes none, and no difference between an output and "
        "a target to infer it from",
        hint="name it, any expression over the loop's variables: loss=…, or `code.loss` in "
        "a config",
    )


def sampling_line(found: Understanding, comparisons: Sequence[Comparison]) -> int | None:
    """Line where units are sampled, of which all steps are then made; None where a step is right.

    The forward pass compares what the parameters act on with as many other numbers.

    Args:
        found: The program.
        comparisons: Its parameters, compared with the derivative of the loss.
    """
    if any(c.status is Status.RIGHT for c in comparisons) or not found.readings:
        return None
    reading = found.readings[0]
    graph, acted = reading.forward, reading.acted_forward
    for node in graph:
        table = np.asarray(node.value).dtype.kind == "b" and node.size > 1
        drawn = [i for i in node.inputs if i not in acted and graph[i].size == node.size]
        if table and drawn and acted & set(node.inputs) and _is_multiplied(reading, node.index):
            syntax = found.nodes.get(node.node_id)
            return syntax.lineno if isinstance(syntax, (ast.expr, ast.stmt)) else None
    return None


def _is_multiplied(reading: Reading, index: int) -> bool:
    """Whether a table is an operand of a product of arrays."""
    return any(
        reading.forward[user].operation in ("matmul", "dot")
        for user in reading.forward.users()[index]
    )


def _jump(found: Understanding) -> int | None:
    """Line of the first comparison of something that the parameters act on."""
    reading = found.readings[0]
    graph, acted = reading.forward, reading.acted_forward
    tables = {
        node.index
        for node in graph
        if np.asarray(node.value).dtype.kind == "b" and acted & set(node.inputs)
    }
    for index in sorted(graph.compared & acted | tables):
        node = found.nodes.get(graph[index].node_id)
        if isinstance(node, (ast.expr, ast.stmt)):
            return node.lineno
    return None

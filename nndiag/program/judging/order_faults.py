"""Sums that are overwritten: of a gradient in parts only the last is left."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from nndiag.program.graph.adjoints import ancestors
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Explains, ProgramFault
from nndiag.program.roles.multiples import multiple_of
from nndiag.program.roles.parameters import Parameter
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.status import Status
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of


def overwritten_sums(facts: Facts) -> Iterator[ProgramFault]:
    """The gradients of which only the last part is left: the sum of all parts is the derivative."""
    reading = facts.readings[0]
    derivatives = reading.derivatives(facts.loss)
    for item in facts.comparisons:
        parameter = next((p for p in reading.parameters if p.name == item.name), None)
        wanted = derivatives.get(item.name)
        if item.status is not Status.WRONG or parameter is None or wanted is None:
            continue
        node_id = _overwritten(reading, parameter, wanted)
        if node_id is not None:
            says = "each part of the gradient replaces the one before, where it is to be added"
            yield ProgramFault(
                "assignment-instead-of-increment",
                [item.name],
                node_id,
                says,
                list(_edits(facts, node_id)),
                explains=Explains.GRADIENT,
            )


def _edits(facts: Facts, node_id: int) -> Iterator[tuple[Change, ...]]:
    """The assignment of a part turned into an increment."""
    statement = facts.lines.statement(node_id)
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = ast.unparse(statement.targets[0]), ast.unparse(statement.value)
        yield (Change(node_id_of(statement), f"{target} += {value}"),)


def _overwritten(reading: Reading, parameter: Parameter, wanted: np.ndarray) -> int | None:
    """The expression whose values, one for each part, sum up to the derivative."""
    graph, last = reading.graph, parameter.ends[0]
    if last is None or wanted.size < 2:
        return None
    way = ancestors(graph, last)
    parts: dict[int, list[int]] = {}
    for index in reading.acted:
        node = graph[index]
        if node.size == wanted.size and node.node_id >= 0 and node.is_real:
            parts.setdefault(node.node_id, []).append(index)
    target = wanted.reshape(parameter.tensor.shape)
    for node_id, nodes in sorted(parts.items()):
        reached = [index for index in nodes if index in way]
        shapes = {graph[index].shape for index in nodes}
        if len(nodes) < 2 or reached != [max(nodes)] or len(shapes) > 1:
            continue
        whole = np.sum([np.asarray(graph[index].value, float) for index in nodes], axis=0)
        if multiple_of(whole, target, turned=False) is not None:
            return node_id
    return None

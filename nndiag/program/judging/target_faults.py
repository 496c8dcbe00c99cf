"""Errors that are taken from the targets of other examples than the outputs belong to."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

import numpy as np

from nndiag.program.graph.adjoints import ancestors
from nndiag.program.graph.nodes import Graph, Node, Ref, evaluated
from nndiag.program.graph.operations import VIEWS
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Explains, ProgramFault
from nndiag.program.roles.losses import Residual, residuals_in
from nndiag.program.roles.reading import Reading
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of

_SHOWN = 3

Rows = tuple[int, int, tuple[int, ...]]
"""A leaf, an axis of it, and the places along that axis, in order."""


def target_faults(facts: Facts) -> Iterator[ProgramFault]:
    """The errors with the rows of other examples, where the right rows are at hand, too."""
    reading = facts.readings[0]
    residuals = residuals_in(reading.graph, reading.acted, reading.literal)
    names = [item.name for item in reading.parameters if item.moves]
    for residual in residuals:
        if residual.node not in reading.leading or not names:
            continue
        mixed = _mixed(reading, residual) or _reordered(reading, residual, residuals)
        if mixed is None:
            continue
        used, due, node = mixed
        says = f"the targets are those of rows {_listed(used)}, the outputs those of {_listed(due)}"
        node_id = reading.graph[residual.node].node_id
        edits = list(_edits(facts, residual, node))
        yield ProgramFault(
            "wrong-loss-gradient", names, node_id, says, edits, explains=Explains.GRADIENT
        )
        return


def _mixed(
    reading: Reading, residual: Residual
) -> tuple[tuple[int, ...], tuple[int, ...], int] | None:
    """The rows of targets and of inputs where they differ, and the node of the right targets."""
    graph = reading.graph
    target = next((i for i in graph[residual.node].inputs if i != residual.output), None)
    if target is None or target in reading.acted:
        return None
    taken = {(axis, len(rows)): (leaf, rows) for leaf, axis, rows in _rows(graph, target)}
    fed = [
        (taken[axis, len(rows)], (leaf, axis, rows))
        for index in sorted(ancestors(graph, residual.output) - reading.acted)
        for leaf, axis, rows in _rows(graph, index)
        if (axis, len(rows)) in taken and len(rows) > 1
    ]
    if any(own[1] == rows for own, (_, _, rows) in fed):
        return None
    for own, (leaf, axis, rows) in fed:
        if own[0] == leaf or graph[leaf].shape[axis] != graph[own[0]].shape[axis]:
            continue
        for node in graph:
            if (own[0], axis, rows) in _rows(graph, node.index):
                return own[1], rows, node.index
    return None


def _reordered(
    reading: Reading, residual: Residual, others: Sequence[Residual]
) -> tuple[tuple[int, ...], tuple[int, ...], int] | None:
    """The same for targets that another error of the same outputs takes in their own order."""
    graph = reading.graph
    target = next((i for i in graph[residual.node].inputs if i != residual.output), None)
    whole = {i for x in others if x.output == residual.output for i in graph[x.node].inputs}
    for leaf, axis, rows in [] if target is None else _rows(graph, target):
        if leaf in whole and len(rows) == graph[leaf].shape[axis]:
            return rows, tuple(range(len(rows))), leaf
    return None


def _rows(graph: Graph, index: int) -> list[Rows]:
    """Which rows, or columns, of a variable a value consists of."""
    path: list[Node] = []
    node = graph[index]
    while node.function is not None and node.arguments and isinstance(node.arguments[0], Ref):
        if node.operation not in VIEWS:
            return []
        path.append(node)
        node = graph[node.arguments[0].node]
    if not path or node.function is not None or np.ndim(node.value) == 0:
        return []
    if np.ndim(node.value) == 1 and not node.is_real:  # numbers of rows, not rows
        return []
    found = []
    for axis in range(min(2, np.ndim(node.value))):
        count = node.shape[axis]
        if count == 1:
            continue  # nothing to be taken
        shape = [1] * np.ndim(node.value)
        shape[axis] = count
        places = np.broadcast_to(np.arange(count, dtype=float).reshape(shape), node.shape)
        rows = _along(_followed(graph, node.index, path, places))
        if rows is not None and rows != tuple(range(count)):
            found.append((node.index, axis, rows))
    return found


def _followed(graph: Graph, leaf: int, path: list[Node], places: np.ndarray) -> np.ndarray:
    values: dict[int, np.ndarray] = {leaf: places}
    for node in reversed(path):
        values[node.index] = evaluated(node, lambda item: values.get(item, graph[item].value))
    return np.asarray(values[path[0].index])


def _along(places: np.ndarray) -> tuple[int, ...] | None:
    """The places along the one axis along which they differ; None where there is no such axis."""
    if places.ndim == 0:
        return (int(places),)
    for axis in range(places.ndim):
        first = np.take(places, [0], axis=1 - axis) if places.ndim == 2 else places
        if places.ndim <= 2 and np.array_equal(np.broadcast_to(first, places.shape), places):
            return tuple(int(place) for place in first.ravel())
    return None


def _listed(rows: tuple[int, ...]) -> str:
    text = ", ".join(map(str, rows[:_SHOWN]))
    return f"{text}, …" if len(rows) > _SHOWN else text


def _edits(facts: Facts, residual: Residual, node: int) -> Iterator[tuple[Change, ...]]:
    """The targets of the right rows, by the name that they have."""
    reading, wording, lines = facts.readings[0], facts.wording, facts.lines
    target = next(i for i in reading.graph[residual.node].inputs if i != residual.output)
    place = wording.operand(residual.node, target)
    if place is None:
        return
    node_id = reading.graph[residual.node].node_id
    names = [text for text, known in wording.texts(node_id) if known == node]
    function, made = lines.function(node_id), lines.statement(reading.graph[node].node_id)
    if isinstance(made, ast.Assign) and lines.function(node_id_of(made)) is function:
        names += [ast.unparse(item) for item in made.targets]
    if isinstance(function, ast.FunctionDef):  # it is handed over, and not used
        used = {item.id for item in ast.walk(function) if isinstance(item, ast.Name)}
        names += [item.arg for item in function.args.args if item.arg not in used]
    yield from ((Change(node_id_of(place), name),) for name in dict.fromkeys(names))

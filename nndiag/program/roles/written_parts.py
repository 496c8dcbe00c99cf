"""The parts of a parameter that different statements write: `w[0]` its bias, `w[1:]` its weights.

Each has a gradient of its own, that may be wrong by itself.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from nndiag.program.graph.nodes import Ref, evaluated
from nndiag.program.loop.tensors import Tensor
from nndiag.program.roles.parameters import Parameter
from nndiag.program.roles.reading import Reading


def with_parts(
    readings: Sequence[Reading], names: Collection[str], targets: Mapping[int, str]
) -> list[Reading] | None:
    """The readings with some parameters in parts; None where all are written as a whole.

    Args:
        readings: The iteration at several points.
        names: The parameters.
        targets: What the statements assign to, by the node ids of all that stands in them.
    """
    tables = [
        {
            item.name: parts
            for item in reading.parameters
            if item.name in names and len(parts := _parts(reading, item, targets)) > 1
        }
        for reading in readings
    ]
    split = {
        name
        for name in tables[0]
        if all(_named(table.get(name)) == _named(tables[0][name]) for table in tables)
    }
    if not split:
        return None
    return [
        replace(
            reading,
            parameters=[
                part
                for item in reading.parameters
                for part in (table[item.name] if item.name in split else [item])
            ],
        )
        for reading, table in zip(readings, tables)
    ]


def _named(parts: Sequence[Parameter] | None) -> list[tuple[str, tuple[int, ...]]]:
    return [(part.name, part.tensor.shape) for part in parts or ()]


def _parts(reading: Reading, item: Parameter, targets: Mapping[int, str]) -> list[Parameter]:
    """A parameter in the parts that statements write; itself where they do not make it up."""
    if item.is_held or None in item.ends or item.tensor.copies > 1:
        return [item]
    writes = list(_written(reading, item) if len(item.ends) == 1 else _numbers(reading, item))
    groups: dict[str, list[tuple[int, np.ndarray]]] = {}
    for node, value, entries in writes:
        groups.setdefault(targets.get(node, ""), []).append((value, entries))
    every = np.concatenate([entries for _, _, entries in writes]) if writes else np.empty(0)
    whole = sorted(every) == list(range(item.tensor.size))
    if not whole or not all(text.endswith("]") for text in groups):
        return [item]
    return [_part(reading, item, text, members) for text, members in sorted(groups.items())]


def _written(reading: Reading, item: Parameter) -> Iterator[tuple[int, int, np.ndarray]]:
    """What was written last into each entry of an array: by whom, the value, and the entries."""
    graph, (end,) = reading.graph, item.ends
    assert end is not None
    places, known = np.arange(item.tensor.size).reshape(item.tensor.shape), set[int]()
    node = graph[end]
    while node.operation == "with_item":
        before, index, value = node.arguments[:3]
        if not isinstance(before, Ref) or not isinstance(value, Ref):
            return
        taken = np.ravel(evaluated(replace(node, arguments=(places, index, -1)), lambda _: None))
        entries = np.flatnonzero(taken == -1)
        if known.isdisjoint(entries) and entries.size == graph[value.node].size:
            yield node.node_id, value.node, entries
        known.update(entries.tolist())
        node = graph[before.node]


def _numbers(reading: Reading, item: Parameter) -> Iterator[tuple[int, int, np.ndarray]]:
    """What each number of a list was made by."""
    for place, end in enumerate(item.ends):
        assert end is not None
        yield reading.graph[end].node_id, end, np.array([place])


def _part(
    reading: Reading, item: Parameter, text: str, members: Sequence[tuple[int, np.ndarray]]
) -> Parameter:
    entries = np.concatenate([entries for _, entries in members])
    values = tuple(value for value, _ in members)
    shape = reading.graph[values[0]].shape if len(values) == 1 else (len(entries),)
    tensor = Tensor(text, item.tensor.leaves, shape)
    step, places = item.step[entries], tuple(entries.tolist())
    return Parameter(tensor, item.heads, values, step, entries=places)


def targets_of(tree: ast.AST) -> dict[int, str]:
    """What the statements assign to, by the node ids of all that stands in them."""
    found: dict[int, str] = {}
    for node in ast.walk(tree):
        target = None
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
        elif isinstance(node, ast.AugAssign):
            target = node.target
        if target is not None:
            inside = {getattr(item, "node_id", -1) for item in ast.walk(node)}
            found |= dict.fromkeys(inside, ast.unparse(target))
    return found

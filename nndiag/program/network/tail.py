"""What an iteration makes of the last pre-activations, computed again from moderate ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nndiag.program.graph.adjoints import descendants
from nndiag.program.graph.nodes import Graph, evaluated
from nndiag.program.network.activations import activation_between
from nndiag.program.network.layers import Forward, moderate
from nndiag.program.network.tables import Table, Value, families, tables

Array = Any

_TRIES = 3


@dataclass(frozen=True, eq=False)
class Tail:
    """What follows from several last pre-activations.

    Attributes:
        before: These, shape (examples, units) each.
        losses: The loss of each.
        slopes: The derivative of the loss by them, shape (examples, units); None where unknown.
        outputs: What may be the output.
    """

    before: list[Array]
    losses: list[float]
    slopes: list[Array] | None
    outputs: list[Candidate]


@dataclass(frozen=True, eq=False)
class Candidate:
    """What may be the network's output.

    Attributes:
        activation: What leads from the last pre-activations to it.
        slope: Of a leaky rectifier below zero.
        table: Where it is.
        values: For each of the pre-activations, shape (examples, units).
        slopes: The derivative of the loss by it, likewise; None where unknown.
    """

    activation: str
    slope: float | None
    table: Table
    values: list[Array]
    slopes: list[Array] | None


def tail_of(forward: Forward, sums: Table) -> Tail | None:
    """What follows from the last pre-activations; None where it cannot be computed again.

    Args:
        forward: The iteration.
        sums: Where they are.
    """
    reading, loss = forward.reading, forward.loss
    around = descendants(forward.graph, sums.nodes) & forward.nodes
    tests = [moderate(sums.shape, seed=seed) for seed in range(_TRIES)]
    graphs = [overridden(forward.graph, sums.written(forward.graph, x), around) for x in tests]
    whole = [graph for graph in graphs if graph is not None]
    if len(whole) < _TRIES:
        return None
    losses, adjoints = [], []
    for graph in whole:
        value = loss.value(graph, reading.keyed_forward)
        if value is None:
            return None
        losses.append(value)
        adjoints.append(loss.adjoints(graph, reading.keyed_forward, around))

    def slopes(table: Table) -> list[Array] | None:
        found = []
        for one in adjoints:
            if one is None or any(node in one.unknown for node in table.nodes):
                return None
            known = {
                node: one.values.get(node, np.zeros(forward.graph[node].shape))
                for node in table.nodes
            }
            found.append(table.read(known.__getitem__))
        return None if any(item is None for item in found) else found

    outputs = [Candidate("linear", None, sums, tests, slopes(sums))]
    seen: set[tuple[str, float | None]] = {("linear", None)}
    for table in _likely(forward, sorted(around - set(sums.nodes)), sums):
        values = [table.read(_values_of(graph)) for graph in whole]
        if any(item is None for item in values):
            continue
        found = activation_between(tests, values)
        if found is not None and found not in seen:
            seen.add(found)
            outputs.append(Candidate(*found, table, values, slopes(table)))
    return Tail(tests, losses, slopes(sums), outputs)


def _likely(forward: Forward, nodes: Iterable[int], sums: Table) -> Iterable[Table]:
    """The nodes that hold as many numbers as the last pre-activations do."""
    count, units = sums.shape
    for family in families(forward.graph, nodes, count * units):
        yield from tables(family, sums.shape)


def _values_of(graph: Graph) -> Value:
    return lambda index: graph[index].value


def overridden(graph: Graph, changed: Mapping[int, Array], wanted: set[int]) -> Graph | None:
    """The iteration as it would be, had some values been others; None where it would fail.

    Args:
        graph: The iteration.
        changed: Node → its other value.
        wanted: The nodes that are computed again; all others stay as they are.
    """
    nodes = list(graph.nodes)
    try:
        with np.errstate(all="ignore"):
            for index in sorted(wanted | set(changed)):
                node = nodes[index]
                if index in changed:
                    nodes[index] = replace(node, value=changed[index])
                elif any(nodes[item] is not graph[item] for item in node.inputs):
                    value = evaluated(node, lambda i: nodes[i].value)
                    nodes[index] = replace(node, value=value)
    except Exception:  # any function of the program may refuse other values
        return None
    return Graph(nodes, graph.shown, graph.kept, graph.compared, graph.behind)

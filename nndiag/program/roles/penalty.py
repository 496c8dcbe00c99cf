"""The penalty of a loss: the part of it that is made of parameters and single numbers alone."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from nndiag.program.graph.adjoints import Adjoints, adjoints_from
from nndiag.program.graph.nodes import Graph
from nndiag.program.graph.operations import VIEWS


def penalty_adjoints(
    graph: Graph, adjoints: Adjoints, *, heads: Collection[int], acted: set[int]
) -> Adjoints | None:
    """The derivatives of a penalty; None where the loss has none.

    Where the data are single numbers, too, a penalty cannot be told from the rest.

    Args:
        graph: The iteration.
        adjoints: The derivatives of the whole loss.
        heads: The nodes of the parameters.
        acted: The nodes that the parameters act on.
    """
    alone, taken = set[int](), set(heads)
    for node in graph:
        if node.function is None or node.index not in acted:
            continue
        if node.operation in VIEWS and taken.issuperset(node.inputs):
            taken.add(node.index)  # a part of a vector of parameters is one itself
        if all(_is_plain(graph, item, heads, acted) or item in alone for item in node.inputs):
            alone.add(node.index)
    users = graph.users()
    seeds = {
        node: np.asarray(adjoints[node])
        for node in alone
        if node in adjoints
        and node not in taken
        and graph[node].size == 1
        and not any(user in alone and user in adjoints for user in users[node])
    }
    if not seeds or max(adjoints.values) in seeds:
        return None
    return adjoints_from(graph, seeds, within=acted)


def _is_plain(graph: Graph, item: int, heads: Collection[int], acted: set[int]) -> bool:
    """Whether an input is a parameter or a single number."""
    return item in heads or (item not in acted and graph[item].size == 1)

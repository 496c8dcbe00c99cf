"""What the rest of an iteration would give, had some of its values been others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nndiag.program.graph.adjoints import ancestors
from nndiag.program.graph.nodes import Graph, evaluated


def replayed(
    graph: Graph, changed: Mapping[int, np.ndarray], wanted: Sequence[int]
) -> list[np.ndarray] | None:
    """The values that some nodes would have with other values of nodes before them.

    Args:
        graph: The iteration.
        changed: Node → its other value.
        wanted: The nodes; None is given where one of them cannot be computed.
    """
    values = dict(changed)
    needed: set[int] = set().union(*(ancestors(graph, node) for node in wanted))
    try:
        with np.errstate(all="ignore"):
            for index in sorted(node for node in needed if node > min(changed)):
                node = graph[index]
                if index not in values and any(item in values for item in node.inputs):
                    values[index] = evaluated(node, lambda i: values.get(i, graph[i].value))
    except Exception:  # any function of the program may refuse other values
        return None
    return [np.asarray(values.get(node, graph[node].value), float) for node in wanted]

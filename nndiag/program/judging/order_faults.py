"""Values that are of another moment than is due: updated weights, and sums that are overwritten."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nndiag.program.execution.views import owner_of
from nndiag.program.graph.adjoints import ancestors, descendants
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.multiples import multiple_of
from nndiag.program.roles.parameters import Parameter
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.status import Status
from nndiag.program.roles.understanding import Understanding
from nndiag.program.roles.update_fault import UpdateFault
from nndiag.program.roles.ways import update_node_id


def updated_weights(found: Understanding) -> Iterator[UpdateFault]:
    """The parameters whose steps are made from another one that this step has changed already.

    Args:
        found: The program; its iteration is one step.
    """
    reading = found.readings[0]
    if not found.is_one_step:
        return
    for early in reading.parameters:
        ends = [end for end in early.ends if end is not None and end not in early.heads]
        if not ends:
            continue
        after = descendants(reading.graph, ends) - set(ends)
        for late in reading.parameters:
            last = late.ends[0]
            own = set(late.heads) | {end for end in late.ends if end is not None}
            if late is early or last is None or own & set(ends) or last not in after:
                continue
            if _share_memory(reading, early, late):
                continue  # what one writes the other is read anew from, changed or not
            says = f"{early.name} is updated before it is used for {late.name}"
            node_id = update_node_id(reading, early.name)
            yield UpdateFault(late.name, "uses-updated-weights", says, node_id)


def _share_memory(reading: Reading, one: Parameter, other: Parameter) -> bool:
    """Whether two parameters are views of one array."""
    snapshot = reading.point.snapshot
    values = [snapshot.original(item.tensor.leaves[0]) for item in (one, other)]
    owners = [owner_of(value) for value in values if isinstance(value, np.ndarray)]
    return len(owners) == 2 and owners[0] is owners[1]


def overwritten_sums(
    found: Understanding, comparisons: Sequence[Comparison]
) -> Iterator[UpdateFault]:
    """The gradients of which only the last part is left: the sum of all parts is the derivative.

    Args:
        found: The program.
        comparisons: Its parameters, compared with the derivative of the loss.
    """
    assert found.loss is not None
    reading = found.readings[0]
    derivatives = reading.derivatives(found.loss)
    for item in comparisons:
        parameter = next((p for p in reading.parameters if p.name == item.name), None)
        wanted = derivatives.get(item.name)
        if item.status is not Status.WRONG or parameter is None or wanted is None:
            continue
        node_id = _overwritten(reading, parameter, wanted)
        if node_id is not None:
            says = "each part of the gradient replaces the one before, where it is to be added"
            yield UpdateFault(item.name, "assignment-instead-of-increment", says, node_id)


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
        if len(nodes) < 2 or len(reached) >= len(nodes) or not reached or len(shapes) > 1:
            continue
        whole = np.sum([np.asarray(graph[index].value, float) for index in nodes], axis=0)
        if multiple_of(whole, target, turned=False) is not None:
            return node_id
    return None

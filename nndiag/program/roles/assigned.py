"""Which variables of an iteration are parameters."""

from __future__ import annotations

from collections.abc import Sequence

from nndiag.program.execution.snapshot import Leaf
from nndiag.program.graph.adjoints import ancestors, descendants
from nndiag.program.graph.nodes import Graph
from nndiag.program.graph.operations import VIEWS
from nndiag.program.roles.losses import residuals_in
from nndiag.program.roles.recording import Iteration

_SUMS = frozenset({"add", "sub", "subtract"})
_FACTORS = frozenset({"mul", "multiply", "truediv", "divide", "neg", "negative"})
_UPDATES = _SUMS | {"iadd", "isub", "with_item", "scatter"}
_MIXING = frozenset(
    {"matmul", "dot", "einsum", "tensordot", "inner", "outer", "sum", "mean", "tanh", "exp"}
)
_MOST_FACTORS = 3  # operations between a velocity and the weights that it moves


def parameter_leaves(iteration: Iteration, literal: frozenset[int]) -> list[Leaf]:
    """The variables that are parameters.

    Args:
        iteration: One iteration.
        literal: Serials of differences with a literal number.
    """
    graph = iteration.graph
    assigned = assigned_leaves(iteration)
    used = {item for node in graph for item in node.inputs}
    ends = {
        end
        for leaf in assigned
        if any(head in used for head in iteration.heads[leaf])  # a cache's old value is not
        for end in iteration.ends[leaf]
        if end is not None
    }
    heads = {head for leaf in assigned for head in iteration.heads[leaf]}
    acted = descendants(graph, heads)
    outputs = {item.node for item in residuals_in(graph, acted, literal)} - ends
    outputs |= _looked_at(graph, acted, ends)
    outputs = {index for index in outputs if index >= iteration.start}
    before: set[int] = set(outputs)  # what some output is made from, on ways that pass no end
    for index in range(len(graph) - 1, -1, -1):
        if index in before:
            before.update(item for item in graph[index].inputs if item not in ends)
    found = [leaf for leaf in assigned if any(head in before for head in iteration.heads[leaf])]
    return [leaf for leaf in found if not _is_state(iteration, leaf)]


def _is_state(iteration: Iteration, leaf: Leaf) -> bool:
    """Whether a variable's new value is made of its old one through layers only, as a state is.

    A step adds to a parameter; the state of a recurrent network is multiplied and squashed.
    """
    ends = {end for end in iteration.ends[leaf] if end is not None}
    if any(_last_operation(iteration.graph, end) in _UPDATES for end in ends):
        return False
    kept, whole = set(iteration.heads[leaf]), set(iteration.heads[leaf])
    for node in iteration.graph:
        if any(item in whole for item in node.inputs):
            whole.add(node.index)
        if node.operation not in _MIXING and any(item in kept for item in node.inputs):
            kept.add(node.index)
    return bool(ends & whole) and not ends & kept


def _last_operation(graph: Graph, end: int) -> str:
    """What made a value, but for what only moves it about."""
    while graph[end].operation in VIEWS and graph[end].inputs:
        end = graph[end].inputs[0]
    return graph[end].operation


def displacements(iteration: Iteration, leaves: Sequence[Leaf]) -> frozenset[Leaf]:
    """The variables that only say how far another is moved before the loss is computed.

    So does the velocity of Nesterov's momentum: what the loss is made from is w − μ v, and the next
    w is made from the next v.

    Args:
        iteration: One iteration.
        leaves: What may be parameters.
    """
    users = iteration.graph.users()
    return frozenset(
        leaf
        for leaf in leaves
        if any(_displaces(iteration, leaf, other, users) for other in leaves if other != leaf)
    )


def _displaces(iteration: Iteration, leaf: Leaf, other: Leaf, users: list[list[int]]) -> bool:
    graph, places = iteration.graph, set(iteration.heads[other])
    ends = {end for end in iteration.ends[leaf] if end is not None}
    moved: set[int] = set()  # the other's values with this one added
    level = set(iteration.heads[leaf])
    for _ in range(_MOST_FACTORS):
        level = {user for item in level for user in users[item]}
        moved |= {item for item in level if places & set(graph[item].inputs)} - ends
        level = {item for item in level - moved if graph[item].operation in _FACTORS}
    if not moved or any(graph[item].operation not in _SUMS for item in moved):
        return False
    following = [end for end in iteration.ends[other] if end is not None]
    return not moved & set(following) and any(ends & ancestors(graph, end) for end in following)


def assigned_leaves(iteration: Iteration) -> list[Leaf]:
    """The variables that hold another node at the end than at the head."""
    found = []
    for leaf, heads in iteration.heads.items():
        ends = iteration.ends.get(leaf, ())
        if heads and iteration.graph[heads[0]].is_real and ends:
            changed = any(end != head for head, end in zip(heads, ends)) or len(heads) != len(ends)
            if changed:
                found.append(leaf)
    return found


def _looked_at(graph: Graph, acted: set[int], ends: set[int]) -> set[int]:
    """The single numbers that lead to no assignment, or are shown."""
    leading: set[int] = set()
    for end in ends:
        if end not in leading:
            leading |= ancestors(graph, end)
    return {
        node.index
        for node in graph
        if node.index in acted
        and node.function is not None
        and node.size == 1
        and node.is_real
        and (node.index not in leading or node.index in graph.shown)
        and node.index not in ends
    }


def tells_behind(iteration: Iteration) -> bool:
    """Whether what stands behind the loop comes to a single number that may be a loss.

    Args:
        iteration: One iteration, with what stands behind the loop.
    """
    graph = iteration.graph
    acted = descendants(graph, {head for heads in iteration.heads.values() for head in heads})
    numbers = (graph[index] for index in acted if graph.is_behind(index))
    return any(x.size == 1 and x.is_real and x.function is not None for x in numbers)

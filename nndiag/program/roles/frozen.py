"""Parameters that no iteration changes: the loss is made from them as it is from the others.

A weight that is never updated stands in the graph like an input: a leaf that meets data or outputs.
It is told from data by its company: it meets what comes from an input, as the other parameters do,
and has no row for each example. Names only decide between a weight and the data where neither is
assigned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from nndiag.program.execution.places import spelled
from nndiag.program.execution.snapshot import Leaf, Snapshot
from nndiag.program.execution.views import owner_of
from nndiag.program.graph.adjoints import ancestors
from nndiag.program.graph.derivatives import pulled_back
from nndiag.program.graph.nodes import Graph
from nndiag.program.loop.tensors import Tensor, tensors_of
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.reading import Reading

_COMPUTED = frozenset(
    [
        "mul",
        "multiply",
        "matmul",
        "dot",
        "outer",
        "einsum",
        "tensordot",
        "inner",
        "sum",
        "truediv",
        "divide",
        "add",
        "sub",
        "subtract",
    ]
)


_MOVES = frozenset({"T", "transpose", "reshape", "ravel", "getitem", "gather", "array"})
_PRODUCTS = frozenset({"matmul", "dot", "mul", "einsum", "sum"})
_BIAS = re.compile(r"(^|[^A-Za-z])b(ias(es)?)?[a-z]{0,2}[\d_]*\W*$", re.IGNORECASE)


def frozen_tensors(reading: Reading, loss: Loss, snapshot: Snapshot) -> tuple[Tensor, ...]:
    """The variables that are parameters but for their updates.

    Args:
        reading: One iteration.
        loss: Its loss.
        snapshot: The variables at its head.
    """
    leaves = list(_frozen_leaves(reading, loss, snapshot))
    return tensors_of(snapshot, leaves) if leaves else ()


def _frozen_leaves(reading: Reading, loss: Loss, snapshot: Snapshot) -> Iterator[Leaf]:
    graph, iteration = reading.forward, reading.undone
    made_from: set[int] = set()
    for term in loss.terms:
        for key in term:
            if key in reading.keyed_forward:
                made_from |= ancestors(graph, reading.keyed_forward[key])
    own = {leaf for item in reading.parameters for leaf in item.tensor.leaves}
    memory = {
        id(owner_of(x)) for leaf in own if isinstance(x := snapshot.original(leaf), np.ndarray)
    }
    alike = {_pattern(spelled(leaf.root, leaf.steps)) for leaf in own}
    examples = _examples(reading, made_from)
    common = {  # a name that the data have, too, tells nothing
        _pattern(leaf.root)
        for leaf, heads in iteration.heads.items()
        if not leaf.steps
        and _is_data(np.shape(snapshot.original(leaf)), examples)
        and any(_meets_parameter(reading, head) for head in heads)
    }
    users = graph.users()
    targets = {item for residual in reading.residuals for item in graph[residual.node].inputs}
    for leaf, heads in iteration.heads.items():
        value = snapshot.original(leaf)
        if (
            leaf in own
            or not heads
            or heads[0] not in made_from
            or iteration.ends.get(leaf) != heads
        ):
            continue
        if not graph[heads[0]].is_real and not _is_integer_weight(value):
            continue
        if isinstance(value, np.ndarray) and id(owner_of(value)) in memory:
            continue
        if heads[0] in targets or all(
            graph[user].operation == "getitem" for user in users[heads[0]]
        ):
            continue
        name = _pattern(spelled(leaf.root, leaf.steps))
        is_like = name in alike - common
        is_bias_like = is_like and _is_added(reading, heads[0])
        if _is_factor(reading, heads[0], made_from) and not is_bias_like:
            continue
        if _is_data(np.shape(value), examples) and _meets_parameter(reading, heads[0]):
            continue
        is_bias = _BIAS.search(spelled(leaf.root, leaf.steps)) and _is_added(reading, heads[0])
        if is_like or is_bias or _has_gradient(reading, loss, heads[0]):
            yield leaf


def _is_data(shape: tuple[int, ...], examples: int) -> bool:
    """Whether an array has a row, or a column, for each example."""
    return len(shape) > 1 and examples > 1 and examples in shape


def _is_factor(reading: Reading, head: int, made_from: set[int]) -> bool:
    """Whether a single number only meets others, as the strength of a penalty does."""
    graph = reading.forward
    singles = all(item.tensor.size == 1 for item in reading.parameters)
    return not singles and all(
        graph[item].size == 1
        for user in (head, *(made_from & set(graph.users()[head])))
        for item in (user, *graph[user].inputs)
    )


def _is_added(reading: Reading, head: int) -> bool:
    """Whether a leaf is only added to products of parameters with data, as a bias is."""
    graph = reading.forward
    users = [graph[user] for user in reading.undone.graph.users()[head]]
    return bool(users) and all(
        user.operation == "add"
        and any(
            graph[item].operation in _PRODUCTS and item in reading.acted_forward
            for item in user.inputs
        )
        for user in users
    )


def _is_integer_weight(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "i" and value.ndim == 2


def _pattern(name: str) -> str:
    """A name without its numbers: `W1` and `W2` are alike, `net.W[0]` and `net.W[1]`."""
    return re.sub(r"\d+|(?<=_)(in|out|hidden|output|input|ih|ho|h|o|i)\b", "#", name)


def _examples(reading: Reading, made_from: set[int]) -> int:
    """How many examples an iteration sees, by the outputs that the loss is made from."""
    sizes = [
        max(reading.forward[item.node].shape, default=1)
        for item in reading.residuals
        if item.output in made_from
    ]
    return max(sizes, default=1)


def _has_gradient(reading: Reading, loss: Loss, head: int) -> bool:
    """Whether the backward pass computes the gradient of a leaf, which moves nothing.

    A gradient of the data, which meet a parameter in a product, is only a by-product.
    """
    if reading.forward[head].size < 2 or _meets_parameter(reading, head):
        return False
    derivative = _derivative_by(reading, loss, head)
    if derivative is None or not np.any(derivative):
        return False
    others = [part for part in reading.derivatives(loss).values() if part is not None]
    if any(factor_between(part, derivative) is not None for part in others):
        return False  # what a parameter is added to has the same
    return any(
        item.shape == derivative.shape
        and item.index in reading.acted
        and item.operation in _COMPUTED
        and factor_between(np.ravel(item.value), np.ravel(derivative)) is not None
        for item in reading.graph
    )


def _origin(graph: Graph, node: int) -> int:
    """What a value was cut out of, turned or copied from."""
    while len(graph[node].inputs) == 1 and graph[node].operation in _MOVES:
        node = graph[node].inputs[0]
    return node


def _derivative_by(reading: Reading, loss: Loss, head: int) -> np.ndarray | None:
    """The derivative of the loss by a leaf that is no parameter; None where it is not known."""
    adjoints, graph = reading.adjoints(loss), reading.forward
    if adjoints is None:
        return None
    whole = np.zeros(graph[head].shape)
    for user in graph.users()[head]:
        by_user = adjoints.get(user)
        parts = None if by_user is None else pulled_back(graph, graph[user], by_user)
        if parts is not None and head in parts:
            whole = whole + np.reshape(parts[head], whole.shape)
    return whole


def _meets_parameter(reading: Reading, head: int) -> bool:
    """Whether a leaf is multiplied with a parameter itself, as data are."""
    graph = reading.forward
    heads = {node for item in reading.parameters for node in reading.undone.head_of(item.tensor)}
    users = graph.users()
    near = {head, *(user for user in users[head] if graph[user].operation in ("T", "transpose"))}
    return any(
        graph[user].operation in ("matmul", "dot", "einsum", "mul", "outer")
        and any(_origin(graph, item) in heads for item in graph[user].inputs if item not in near)
        for node in near
        for user in users[node]
    )

"""Parameters that no iteration changes: the loss is made from them as it is from the others.

A weight that is never updated stands in the graph like an input: a leaf that meets data or outputs.
It is told from data by its company: it meets what comes from an input, as the other parameters do,
and has no row for each example. Names only decide between a weight and the data where neither is
assigned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from nndiag.program.execution.places import Step, spelled
from nndiag.program.execution.snapshot import Leaf, Snapshot
from nndiag.program.execution.views import owner_of
from nndiag.program.graph.adjoints import Adjoints, ancestors
from nndiag.program.graph.nodes import Graph
from nndiag.program.graph.operations import VIEWS
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


_EQUAL = 1e-9
_PRODUCTS = frozenset({"matmul", "dot", "mul", "einsum", "sum"})
_BIAS = re.compile(r"(^|[^A-Za-z])b(ias(es)?)?[a-z]{0,2}[\d_]*\W*$", re.IGNORECASE)


def frozen_tensors(reading: Reading, loss: Loss, snapshot: Snapshot) -> tuple[Tensor, ...]:
    """The variables that are parameters but for their updates.

    Args:
        reading: One iteration.
        loss: Its loss.
        snapshot: The variables at its head.
    """
    found = list(_frozen_leaves(reading, loss, snapshot))
    heads = {reading.undone.heads[leaf][0] for leaf in found}
    leaves = [leaf for leaf in found if not _is_input(reading, loss, leaf, heads)]
    return tensors_of(snapshot, leaves) if leaves else ()


def _frozen_leaves(reading: Reading, loss: Loss, snapshot: Snapshot) -> Iterator[Leaf]:
    graph, iteration = reading.forward, reading.undone
    made_from = _made_from(reading, loss)
    own = {leaf for item in reading.parameters for leaf in item.tensor.leaves}
    memory = {
        id(owner_of(x)) for leaf in own if isinstance(x := snapshot.original(leaf), np.ndarray)
    }
    alike = {_pattern(spelled(leaf.root, leaf.steps)) for leaf in own}
    singles = all(item.tensor.size == 1 for item in reading.parameters)
    attributes = {_attribute(snapshot, leaf) for leaf in own} - {None}
    examples = _examples(reading, made_from)
    common = {  # a name that the data have, too, tells nothing
        _pattern(leaf.root)
        for leaf, heads in iteration.heads.items()
        if not leaf.steps
        and _is_data(np.shape(snapshot.original(leaf)), examples)
        and any(_meets(reading, head, _heads(reading)) for head in heads)
    }
    users, everything = graph.users(), set(range(len(graph)))
    adjoints = loss.adjoints(graph, reading.keyed_forward, everything)
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
        is_added = _is_added(reading, heads[0])
        is_one = len(heads) == 1 and graph[heads[0]].size == 1 and not is_added and not singles
        is_like = name in alike - common or _attribute(snapshot, leaf) in attributes
        is_like = is_like and not is_one  # the rate of a dropout, say
        if is_one and _only_meets_numbers(reading, heads[0], made_from):
            continue
        is_row = isinstance(value, list) or _is_data(np.shape(value), examples)
        if is_row and any(_meets(reading, head, _heads(reading)) for head in heads):
            continue
        is_bias = is_added and _BIAS.search(spelled(leaf.root, leaf.steps))
        if is_like or is_bias or _has_gradient(reading, adjoints, heads[0]):
            yield leaf


def _attribute(snapshot: Snapshot, leaf: Leaf) -> tuple[type, tuple[Step, ...]] | None:
    """Which attribute of which class a leaf stands under; None where it is no object's."""
    places = [place for place, (kind, _) in enumerate(leaf.steps) if kind == "attr"]
    if not places:
        return None
    holder = snapshot.original(Leaf(leaf.root, leaf.steps[: places[-1]]))
    return type(holder), leaf.steps[places[-1] : places[-1] + 1]


def _made_from(reading: Reading, loss: Loss) -> set[int]:
    """The nodes that the loss is made from."""
    keyed = reading.keyed_forward
    nodes = {keyed[key] for term in loss.terms for key in term if key in keyed}
    return set().union(*(ancestors(reading.forward, node) for node in nodes))


def _is_input(reading: Reading, loss: Loss, leaf: Leaf, others: set[int]) -> bool:
    """Whether a leaf has a row for each example, and is multiplied with a weight that stands still.

    Its gradient is only a by-product then.
    """
    graph, head = reading.forward, reading.undone.heads[leaf][0]
    examples = _examples(reading, _made_from(reading, loss))
    return _is_data(graph[head].shape, examples) and _meets(reading, head, others - {head})


def _is_data(shape: tuple[int, ...], examples: int) -> bool:
    """Whether an array has a row, or a column, for each example."""
    return len(shape) > 1 and examples > 1 and examples in shape


def _only_meets_numbers(reading: Reading, head: int, made_from: set[int]) -> bool:
    """Whether a single number only meets others, as the strength of a penalty does."""
    graph = reading.forward
    return all(
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
            graph[item].operation in _PRODUCTS | {"add"} and item in reading.acted_forward
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


def _has_gradient(reading: Reading, adjoints: Adjoints | None, head: int) -> bool:
    """Whether the backward pass computes the gradient of a leaf, which moves nothing.

    A gradient of the data, which meet a parameter in a product, is only a by-product. Of a single
    number the gradient itself is wanted: any other is a multiple of it.
    """
    derivative = None if adjoints is None else adjoints.get(head)
    if (
        adjoints is None
        or derivative is None
        or not np.any(derivative)
        or _meets(reading, head, _heads(reading))
    ):
        return False
    if derivative.size == 1 and not _is_added(reading, head):
        return False
    others = [part for item in _heads(reading) if (part := adjoints.get(item)) is not None]
    if any(_is_the_same(part, derivative) for part in others if part.size > 1):
        return False  # what a parameter is added to has the same
    residuals = {reading.forward[item.node].node_id for item in reading.residuals}
    made = {reading.forward[node].node_id for node in adjoints.values} - residuals
    return any(
        (item.shape == derivative.shape or item.size == derivative.size == 1)
        and item.index in reading.acted
        and item.operation in _COMPUTED
        and item.node_id not in made
        and _is_multiple(item.value, derivative)
        for item in reading.graph
    )


def _is_the_same(one: np.ndarray, other: np.ndarray) -> bool:
    factor = factor_between(one, other)
    return factor is not None and abs(factor - 1) <= _EQUAL


def _is_multiple(value: Any, derivative: np.ndarray) -> bool:
    factor = factor_between(value, derivative)
    return factor is not None and (derivative.size > 1 or abs(abs(factor) - 1) <= _EQUAL)


def _origin(graph: Graph, node: int) -> int:
    """What a value was cut out of, turned or copied from."""
    while len(graph[node].inputs) == 1 and graph[node].operation in VIEWS:
        node = graph[node].inputs[0]
    return node


def _heads(reading: Reading) -> set[int]:
    """The nodes that the parameters are at the head of an iteration."""
    return {node for item in reading.parameters for node in reading.undone.head_of(item.tensor)}


def _meets(reading: Reading, head: int, others: set[int]) -> bool:
    """Whether a leaf is multiplied with one of some others itself, as data are with parameters."""
    graph, users = reading.forward, reading.forward.users()
    near = {head, *(user for user in users[head] if graph[user].operation in ("T", "transpose"))}
    return any(
        graph[user].operation in ("matmul", "dot", "einsum", "mul", "outer")
        and any(_origin(graph, item) in others for item in graph[user].inputs if item not in near)
        for node in near
        for user in users[node]
    )

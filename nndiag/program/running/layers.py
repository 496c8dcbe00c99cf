"""The layers of a program's network, told from the values of one iteration.

A layer is the first product of a parameter with something, the sum of that and another parameter,
and the activation that leads from there to the next product or to the output. Each link is computed
again at three points; a chain with a link that does not hold is no network.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Callable

import numpy as np

from nndiag.program.loop.tensors import Tensor
from nndiag.program.running.events import Events, is_elementwise, operand_events

Array = Any
"""A numpy array; a number of a point is an array without axes."""

_SAME = 1e-7
_FEWEST = 3  # numbers below zero that tell the slope of a leaky rectifier


@dataclass(frozen=True, eq=False)
class Link:
    """One layer of a chain.

    Attributes:
        weights: Name of the parameter that is multiplied.
        biases: Name of the parameter that is added; None where none is.
        units: Number of units.
        columns: Number of inputs.
        rows: Whether examples are rows; columns otherwise.
        turned: Whether the weights, as (units, inputs), are the program's array turned.
        activation: Name of the activation; "linear" where there is none.
        slope: Of a leaky rectifier below zero.
        line: Line of the product.
        before: Values that are multiplied, per point as (examples, inputs).
        after: Pre-activations, per point as (examples, units).
    """

    weights: str
    biases: str | None
    units: int
    columns: int
    rows: bool
    turned: bool
    line: int
    before: list[Array]
    after: list[Array]
    activation: str = "linear"
    slope: float | None = None


def chain_of(
    nodes: Mapping[int, ast.AST],
    parameters: Iterable[Tensor],
    events: Events,
    *,
    needed: frozenset[str],
) -> list[Link]:
    """The layers from the input side, without the last activation; empty where there is no chain.

    Args:
        nodes: The program's syntax tree by node_id.
        parameters: What may be its parameters.
        events: One iteration.
        needed: The parameters that must have a place in it.
    """
    tensors = {tensor.name: tensor for tensor in parameters if len(tensor.leaves) == 1}
    links: list[Link] = []
    used: set[str] = set()
    for event, node_id in enumerate(events.node_ids):
        node = nodes.get(node_id)
        pair = None if node is None else operand_events(events, event, node)
        if node is None or pair is None:
            continue
        link = _product(events, event, pair, tensors, used=used, node=node)
        if link is None:
            continue
        link = _with_biases(events, event, link, tensors, used=used)
        used.update(name for name in (link.weights, link.biases) if name is not None)
        links.append(link)
    return _joined(links) if links and needed <= used else []


def _product(
    events: Events,
    event: int,
    pair: tuple[int, int],
    tensors: dict[str, Tensor],
    *,
    used: set[str],
    node: ast.AST,
) -> Link | None:
    """The product of a parameter that was not used before with something that is none."""
    line, elementwise = getattr(node, "lineno", 0), is_elementwise(node)
    for place, other in ((1, 0), (0, 1)):
        for name, tensor in tensors.items():
            if name in used:
                continue
            turned = _stored_as(events, pair[place], tensor)
            if turned is None:
                continue
            rows = place == 1 or elementwise
            laid = _laid_out(events, event, pair[other], pair[place], right=rows)
            if laid is None:
                continue
            units, columns, before, after = laid
            is_turned = turned != rows if len(tensor.shape) == 2 else False
            return Link(name, None, units, columns, rows, is_turned, line, before, after)
    return None


def _stored_as(events: Events, operand: int, tensor: Tensor) -> bool | None:
    """Whether a factor is a parameter turned; None where it is another value."""
    for turned in (False, True):
        if turned and len(tensor.shape) != 2:
            continue
        holds = True
        for values, theta in zip(events.values, events.thetas):
            array = theta[tensor.name].reshape(tensor.shape)
            value = values[operand]
            array = array.T if turned else array
            if value.size != array.size or (value.shape != array.shape and value.size > 1):
                holds = False
                break
            holds = holds and np.array_equal(value.ravel(), array.ravel())
        if holds:
            return turned
    return None


def _laid_out(
    events: Events, event: int, data: int, weights: int, *, right: bool
) -> tuple[int, int, list[Array], list[Array]] | None:
    """Units, inputs, what is multiplied and what comes of it, with examples as rows."""
    found: list[tuple[int, int, Array, Array]] = []
    for values in events.values:
        layout = _rows_of(values[data], values[weights], values[event], right=right)
        if layout is None:
            return None
        found.append(layout)
    return found[0][0], found[0][1], [item[2] for item in found], [item[3] for item in found]


def _rows_of(
    data: Array, weights: Array, product: Array, *, right: bool
) -> tuple[int, int, Array, Array] | None:
    """One way to read a product as (examples, inputs) @ (inputs, units) that holds, or None."""
    for inputs, matrix in _readings(data, weights, right=right):
        if inputs.shape[1] != matrix.shape[0] or product.size != len(inputs) * matrix.shape[1]:
            continue
        with np.errstate(all="ignore"):
            expected = inputs @ matrix
        shape = (len(inputs), matrix.shape[1])
        found = product.reshape(shape) if right or product.ndim < 2 else product.T
        if found.shape == shape and _same(found, expected):
            return matrix.shape[1], matrix.shape[0], inputs, found
    return None


def _readings(data: Array, weights: Array, *, right: bool) -> list[tuple[Array, Array]]:
    """The ways to read two factors as (examples, inputs) and (inputs, units)."""
    if weights.ndim == 2:
        matrix = weights if right else weights.T
        flat = [data.reshape(1, -1), data.reshape(-1, 1)]
        if data.ndim == 2:
            return [(data if right else data.T, matrix)]
        return [(item, matrix) for item in flat]
    columns = [weights.reshape(-1, 1), weights.reshape(1, -1)]
    if data.ndim == 2:
        return [(data if right else data.T, item) for item in columns]
    flat = [data.reshape(-1, 1), data.reshape(1, -1)]
    return [(item, matrix) for matrix in columns for item in flat]


def _with_biases(
    events: Events, product: int, link: Link, tensors: dict[str, Tensor], *, used: set[str]
) -> Link:
    """The layer with the parameter that is added to its product."""
    for name, tensor in tensors.items():
        if name in used or name == link.weights or tensor.size != link.units:
            continue
        expected = [
            after + theta[name].reshape(1, -1) for after, theta in zip(link.after, events.thetas)
        ]
        for event in range(product + 1, len(events.node_ids)):
            found = [_as_rows(values[event], link) for values in events.values]
            if all(
                item is not None and _same(item, wanted) for item, wanted in zip(found, expected)
            ):
                return replace(link, biases=name, after=expected)
    return link


def _as_rows(value: Array, link: Link) -> Array | None:
    """A value of a layer with examples as rows; None where it has another size."""
    count = len(link.after[0])
    if value.size != count * link.units:
        return None
    if value.ndim == 2 and not link.rows:
        return value.T if value.shape == (link.units, count) else None
    if value.ndim == 2 and value.shape not in {(count, link.units), (link.units, count)}:
        return None
    return value.reshape(count, link.units)


def _joined(links: list[Link]) -> list[Link]:
    """The layers with their activations; empty where what one gives is not what the next takes."""
    first, *others = links[0].before
    if not all(np.array_equal(first, other) for other in others):
        return []  # what enters the first product is no data: the parameters act on it
    joined = []
    for link, following in zip(links, links[1:]):
        found = activation_between(link.after, following.before)
        if found is None:
            return []
        joined.append(replace(link, activation=found[0], slope=found[1]))
    return [*joined, links[-1]]


def activation_between(before: list[Array], after: list[Array]) -> tuple[str, float | None] | None:
    """The activation that leads from one value to another at all points; None where none does."""
    if any(np.shape(one) != np.shape(other) for one, other in zip(before, after)):
        return None
    for name, function in FUNCTIONS.items():
        with np.errstate(all="ignore"):
            if all(_same(b, function(a)) for a, b in zip(before, after)):
                return name, None
    slope = _leak(before, after)
    return None if slope is None else ("leaky_relu", slope)


def _leak(before: list[Array], after: list[Array]) -> float | None:
    """The slope below zero of a leaky rectifier; None where it is none."""
    whole = np.concatenate([np.ravel(item) for item in before])
    given = np.concatenate([np.ravel(item) for item in after])
    below = whole < 0
    if np.count_nonzero(below) < _FEWEST or not _same(given[~below], whole[~below]):
        return None
    slopes = given[below] / whole[below]
    slope = float(np.median(slopes))
    return slope if 0 < slope < 1 and np.allclose(slopes, slope, rtol=1e-6) else None


def _sigmoid(values: Array) -> Array:
    return 1 / (1 + np.exp(-values))


def _softmax(values: Array) -> Array:
    """Over the units, values (examples, units)."""
    shares = np.exp(values - values.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def _softplus(values: Array) -> Array:
    return np.logaddexp(0.0, values)


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda values: values,
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda values: np.maximum(values, 0.0),
    "softmax": _softmax,
    "softplus": _softplus,
}
"""The activations that are recognised, by their names; values have a row for each example."""


def _same(one: Array, other: Array) -> bool:
    size = np.max(np.abs(other), initial=0.0)
    return bool(np.max(np.abs(one - other), initial=0.0) <= _SAME * size + 1e-300)

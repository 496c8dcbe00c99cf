"""The layers of a program's network: which parameter is multiplied, which added, what follows.

A layer is a parameter's first product, the sum of that and another parameter, and the activation
that leads from there to what the next parameter is multiplied with.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Optional

import numpy as np

from nndiag.program.graph.adjoints import ancestors, descendants
from nndiag.program.graph.nodes import Graph
from nndiag.program.loop.tensors import Tensor
from nndiag.program.network.activations import activation_between
from nndiag.program.network.parts import parted
from nndiag.program.network.products import Product, products_of
from nndiag.program.network.tables import Table, region, table_of
from nndiag.program.network.uses import PRODUCTS, Use, uses_of
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.replay import replayed

Array = Any

_BRANCHED = frozenset({"relu", "leaky_relu"})
"""Activations that a program may write as a branch."""
_ENOUGH = 24  # numbers, half of which lie below zero, or nearly
_FEWEST = 3  # numbers on each side of a branch that tell it


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer.

    Attributes:
        weights: The parameter that is multiplied.
        biases: The parameter that is added; None where none is.
        product: How it is multiplied.
        sums: Where the pre-activations are.
        activation: Name of the activation; "linear" where there is none.
        slope: Of a leaky rectifier below zero.
        ones: Which of its inputs is the constant 1 beside what the layer before gives; None where
            none is. The weights of that are biases.
    """

    weights: Tensor
    biases: Tensor | None
    product: Product
    sums: Table
    activation: str = "linear"
    slope: float | None = None
    ones: int | None = None

    @property
    def units(self) -> int:
        """Number of units."""
        return self.sums.shape[1]

    @property
    def columns(self) -> int:
        """Number of inputs, without one that is constant."""
        return len(self.product.places) - (self.ones is not None)

    @property
    def is_turned(self) -> bool:
        """Whether the weights, as (units, inputs), are the program's array turned."""
        inputs, units = self.product.places.shape
        if inputs != units and self.weights.shape in {(inputs, units), (units, inputs)}:
            return self.weights.shape == (inputs, units)  # of one unit the numbers do not tell
        return not np.array_equal(self.product.places.T.ravel(), np.arange(self.weights.size))


def squares(layer: Layer, inputs: Array, numbers: Array) -> float:
    """The sum of the squares of a layer's weights, without those of a constant input.

    Args:
        layer: The layer.
        inputs: What it takes, shape (examples, inputs).
        numbers: All numbers of its weights.
    """
    constant = (inputs == 1).all(axis=0)
    weights = numbers[layer.product.places[~constant]]
    return float(np.sum(weights**2))


class Forward:
    """The part of an iteration that its loss is made from.

    Args:
        reading: The iteration.
        loss: Its loss.
        tensors: Its parameters.
        syntax: The program's syntax tree by node_id.
    """

    def __init__(
        self,
        reading: Reading,
        loss: Loss,
        tensors: Sequence[Tensor],
        syntax: Mapping[int, ast.AST],
    ) -> None:
        self.reading, self.loss, self.syntax = reading, loss, syntax
        self.graph: Graph = reading.forward
        self.nodes = made_from(reading, loss)
        heads = {item.name: reading.undone.head_of(item) for item in tensors}
        uses = uses_of(self.graph, heads, self.nodes)
        self.tensors, self.uses = parted(
            tensors, uses, single={n for n, x in heads.items() if len(x) == 1}
        )

    def value(self, index: int) -> Any:
        """The value of a node."""
        return self.graph[index].value

    def line(self, index: int) -> int:
        """The line of a node; 0 where it has none."""
        return int(getattr(self.syntax.get(self.graph[index].node_id), "lineno", 0))

    def numbers(self, tensor: Tensor) -> Array:
        """The numbers of a parameter, flat."""
        theta = self.reading.point.theta
        whole = getattr(tensor, "whole", None)
        if whole is None:
            return theta[tensor.name]
        start = int(getattr(tensor, "start", 0))
        return theta[whole.name][start : start + tensor.size]

    def around(self, starts: Sequence[int]) -> list[int]:
        """What is made from some products before anything is multiplied with a parameter again."""
        stops = {use.node for use in self.uses if self._multiplies(use)} - set(starts)
        return region(self.graph, starts, within=self.nodes, stops=stops)

    def products(self, tensor: Tensor) -> list[Use]:
        """Where a parameter is multiplied with what is not made from it."""
        own = [use for use in self.uses if use.tensor == tensor.name and self._multiplies(use)]
        made = descendants(self.graph, {use.operand for use in own})
        found = []
        for use in own:
            others = set(self.graph[use.node].inputs) - {use.operand}
            if made & others:
                return []
            if others or self.graph[use.operand].size == 1:
                found.append(use)
        return found

    def _multiplies(self, use: Use) -> bool:
        return self.graph[use.node].operation in PRODUCTS


def made_from(reading: Reading, loss: Loss) -> set[int]:
    """The nodes that a loss is made from, itself included."""
    found: set[int] = set()
    for one in (loss, *loss.others):
        for key in (key for term in one.terms for key in term):
            if key in reading.keyed_forward:
                found |= ancestors(reading.forward, reading.keyed_forward[key])
        if found:
            return found
    return found


def layers_in(forward: Forward, needed: frozenset[str]) -> list[Layer]:
    """The layers from the input side, without the last activation; empty where they are no chain.

    Args:
        forward: The iteration.
        needed: The parameters that must have a place in it.
    """
    found: list[Layer] = []
    used: set[str] = set()
    uses = {tensor.name: forward.products(tensor) for tensor in forward.tensors}
    order = sorted(
        (tensor for tensor in forward.tensors if uses[tensor.name]),
        key=lambda tensor: uses[tensor.name][0].node,
    )
    for tensor in order:
        if tensor.name in used:
            continue
        layer = _layer(forward, tensor, uses[tensor.name], used=used)
        if layer is None:
            continue
        used.update(item.name for item in (layer.weights, layer.biases) if item is not None)
        found.append(layer)
    if (
        not found
        or not needed <= used
        or forward.reading.acted_forward & set(found[0].product.sources)
    ):
        return []
    return _joined(forward, found)


def _layer(
    forward: Forward, tensor: Tensor, uses: Sequence[Use], *, used: set[str]
) -> Layer | None:
    """The layer of a parameter, with what is added to its product."""
    graph = forward.graph
    around = forward.around([use.node for use in uses])
    reached = set(around)
    added: dict[str, int] = {}  # parameter → where it first meets what comes of the product
    for use in forward.uses:
        if use.node in reached and use.tensor not in used:
            added.setdefault(use.tensor, use.node)
    biases = [x for x in forward.tensors if x.name in added and x.name != tensor.name]
    for product in products_of(graph, uses, tensor.size):
        with np.errstate(all="ignore"):
            inputs = product.inputs(forward.value)
            places = product.places
            if inputs.ndim != 2 or inputs.shape[1] != len(places):
                continue
            wanted = inputs @ forward.numbers(tensor)[places]
        for bias in (x for x in biases if x.size == wanted.shape[1]):
            behind = [index for index in around if index >= added[bias.name]]
            sums = table_of(graph, behind, wanted + forward.numbers(bias))
            if sums is not None:
                return Layer(tensor, bias, product, sums)
        sums = table_of(graph, around, wanted)
        if sums is not None:
            return Layer(tensor, None, product, sums)
    return None


def _joined(forward: Forward, layers: Sequence[Layer]) -> list[Layer]:
    """The layers with their activations; empty where what one gives is not what the next takes."""
    joined = [layers[0]]
    for following in layers[1:]:
        found = _activation(forward, joined[-1], following.product)
        if found is None:
            return []
        name, slope, ones = found
        joined[-1] = replace(joined[-1], activation=name, slope=slope)
        joined.append(replace(following, ones=ones))
    return joined


_Link = tuple[str, Optional[float], Optional[int]]
"""An activation, its slope, and which input of the next layer is the constant 1."""


def _activation(forward: Forward, layer: Layer, product: Product) -> _Link | None:
    """What leads from a layer to the next product, by other pre-activations; None if unknown."""
    draws = -(-_ENOUGH // int(np.prod(layer.sums.shape)))  # a few numbers tell no slope
    others = [moderate(layer.sums.shape, seed=seed) for seed in range(1, 1 + draws)]
    given = [_given(forward, layer, product, other) for other in others]
    known = [after for after in given if after is not None]
    if len(known) == len(others):
        found = _link(np.concatenate(others), np.concatenate(known))
        passes = found is not None and found[0] == "linear"
        if found is not None and not (passes and _is_branched(forward, layer, product)):
            return found
    return _branched(forward, layer, product)


def _given(forward: Forward, layer: Layer, product: Product, other: Array) -> Array | None:
    """What the next product would take for other pre-activations; None where that is not known."""
    sources = product.sources
    values = replayed(forward.graph, layer.sums.written(forward.graph, other), sources)
    if values is None:
        return None
    table: Mapping[int, Array] = dict(zip(sources, values))
    return product.inputs(lambda index: table.get(index, forward.value(index)))


def _link(before: Array, after: Array) -> _Link | None:
    """What leads from pre-activations to the next layer's inputs, a constant 1 left out."""
    found = activation_between([before], [after])
    if found is not None:
        return (*found, None)
    if after.shape[1] != before.shape[1] + 1:
        return None
    for place in (0, before.shape[1]):
        if (after[:, place] == 1).all():
            found = activation_between([before], [np.delete(after, place, axis=1)])
            if found is not None:
                return (*found, place)
    return None


def _is_branched(forward: Forward, layer: Layer, product: Product) -> bool:
    """Whether what follows from a layer's own values is not that they pass unchanged."""
    before = layer.sums.read(forward.value)
    return before is None or _link(before, product.inputs(forward.value)) is None


def _branched(forward: Forward, layer: Layer, product: Product) -> _Link | None:
    """A rectifier that is written as a branch, by the values as they are."""
    before, after = layer.sums.read(forward.value), product.inputs(forward.value)
    if before is None or min(np.sum(before > 0), np.sum(before < 0)) < _FEWEST:
        return None
    found = _link(before, after)
    return found if found is not None and found[0] in _BRANCHED else None


def moderate(shape: tuple[int, int], *, seed: int) -> Array:
    """Pre-activations at which no unit is dead or saturated, shape (examples, units)."""
    return np.random.default_rng(seed).normal(size=shape)

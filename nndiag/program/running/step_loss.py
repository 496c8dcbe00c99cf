"""The loss of each step of a run, computed from the step's output and its targets.

For programs that compute no loss in each iteration, or one with something added to it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nndiag.program.graph.nodes import Graph, Ref
from nndiag.program.graph.operations import Method
from nndiag.program.loop.step_evaluator import Recording
from nndiag.program.network.activations import FUNCTIONS
from nndiag.program.network.layers import Forward
from nndiag.program.network.losses import BY_SUMS, TOTALS
from nndiag.program.network.products import Product
from nndiag.program.network.tables import Table
from nndiag.program.roles.losses import Key
from nndiag.program.running.examples import Rows
from nndiag.program.running.seen import Seen
from nndiag.program.text.instrument import node_id_of

Array = Any


@dataclass(frozen=True, eq=False)
class _Picked:
    """The values of expressions that are those of some nodes.

    Attributes:
        table: How they are read together.
        places: Node → its expression's node_id, and which one of its values.
    """

    table: Table
    places: dict[int, tuple[int, int]]

    def read(self, recording: Recording) -> Array | None:
        """The numbers, shape (examples, units); None where they were not computed."""
        values: dict[int, Any] = {}
        for node, (node_id, place) in self.places.items():
            found = recording.values.get(node_id) or []
            if place >= len(found):
                return None
            values[node] = found[place]
        size = sum(np.size(value) for value in values.values())
        shape = size // self.table.shape[1], self.table.shape[1]  # a last batch may be smaller
        return replace(self.table, shape=shape).read(lambda node: values[node])


class StepLoss:
    """Reads the loss of a step from what some expressions came to.

    Args:
        seen: The network of the program.
    """

    def __init__(self, seen: Seen) -> None:
        network, output = seen.network, seen.output
        self._kind = self._total = self._factor = None
        self._outputs: _Picked | None = None
        self._inputs: tuple[int, list[int], Product] | None = None
        self._data, self._batch = seen.data, seen.batch
        self._rows: Rows | None = None
        if network is None or output is None or output.kind is None:
            return
        self._kind, self._total, self._factor = output.kind, TOTALS[output.kind], output.factor
        sums, self._function = network.layers[-1].sums, None
        exact = BY_SUMS.get((output.kind, output.activation))
        if exact is not None and not network.forward.loss.own:
            self._outputs = _picked(network.forward, sums)
            self._total = self._total if self._outputs is None else exact
        if self._outputs is None and output.table is not sums:
            self._outputs = _picked(network.forward, output.table)
        if self._outputs is None and output.activation in FUNCTIONS:
            self._function = FUNCTIONS[output.activation]
            self._outputs = _picked(network.forward, sums)
        if seen.data is not None and not seen.is_steady:
            product = network.layers[0].product
            self._inputs = _operand(network.forward, product)
            self._rows = Rows(seen.data[0])

    @property
    def is_known(self) -> bool:
        """Whether the loss can be read."""
        known = self._outputs is not None and self._data is not None
        return known and (self._rows is None or self._inputs is not None)

    @property
    def node_ids(self) -> frozenset[int]:
        """The expressions that it is read from."""
        places = {} if self._outputs is None else self._outputs.places
        inputs = set() if self._inputs is None else {self._inputs[0]}
        return frozenset({node_id for node_id, _ in places.values()} | inputs)

    def scaled(self, factor: float) -> None:
        """Take the loss for a multiple of what it is."""
        if self._factor is not None:
            self._factor *= factor

    def of_the_mean(self) -> float | None:
        """The loss of a step whose outputs are the targets' means; None where it is not known."""
        if self._data is None or self._kind is None or self._factor is None:
            return None
        targets = np.asarray(self._data[1], dtype=np.float64)
        means = np.broadcast_to(targets.mean(axis=0), targets.shape)
        share = min((self._batch or len(targets)) / len(targets), 1.0)
        return float(self._factor * TOTALS[self._kind](means, targets) * share)

    def __call__(self, recording: Recording) -> float | None:
        """The loss of a step; None where it was not computed."""
        outputs = None if self._outputs is None else self._outputs.read(recording)
        targets = self._targets(recording)
        if outputs is None or targets is None or outputs.shape != targets.shape:
            return None
        assert self._total is not None
        assert self._factor is not None
        outputs = outputs if self._function is None else self._function(outputs)
        return self._factor * self._total(outputs, targets)

    def _targets(self, recording: Recording) -> Array | None:
        """The targets of a step: all, or those of the examples that the first layer takes."""
        if self._data is None or self._rows is None:
            return None if self._data is None else self._data[1]
        if self._inputs is None:
            return None
        node_id, counts, product = self._inputs
        values = recording.values.get(node_id) or []
        if max(counts) >= len(values):
            return None
        rows = [product.laid_out(values[count]) for count in counts]
        places = self._rows.places(np.concatenate(rows))
        return None if places is None else self._data[1][places]


def _picked(forward: Forward, table: Table) -> _Picked | None:
    """The expressions that compute the nodes of a table; None where some are none."""
    keys = {node: key for key, node in forward.reading.keyed_forward.items()}
    places = {}
    for node in table.nodes:
        key = keys.get(node)
        if (
            key is None
            or key[1] is not None
            or not isinstance(forward.syntax.get(key[0]), ast.expr)
        ):
            return None
        places[node] = key[0], _first(forward, key) if len(table.nodes) == 1 else key[2]
    return _Picked(table, places)


def _first(forward: Forward, key: Key) -> int:
    """The first value of an expression that is the same: a step's own, not one told behind it."""
    keyed, graph = forward.reading.keyed_forward, forward.graph
    wanted = graph[keyed[key]].value
    for count in range(key[2]):
        other = keyed.get((key[0], key[1], count))
        if other is not None and np.array_equal(graph[other].value, wanted):
            return count
    return key[2]


def _operand(forward: Forward, product: Product) -> tuple[int, list[int], Product] | None:
    """The expression of what the first layer takes, and which of its values that are."""
    graph: Graph = forward.graph
    node = graph[product.nodes[0]]
    syntax = forward.syntax.get(node.node_id)
    keys = {index: key for key, index in forward.reading.keyed_forward.items()}
    places = [n for n, x in enumerate(node.arguments) if _is(x, product.operands[0])]
    if not places or product.picked is not None or any(x not in keys for x in product.nodes):
        return None
    sides: Sequence[ast.expr] = ()
    if isinstance(syntax, ast.BinOp):
        sides = (syntax.left, syntax.right)
    elif isinstance(syntax, ast.Call):
        sides = syntax.args
        if isinstance(node.function, Method) and isinstance(syntax.func, ast.Attribute):
            sides = [syntax.func.value, *syntax.args]
    if places[0] >= len(sides):
        return None
    return node_id_of(sides[places[0]]), [keys[x][2] for x in product.nodes], product


def _is(one: Any, other: Any) -> bool:
    return one == other if isinstance(one, Ref) else one is other

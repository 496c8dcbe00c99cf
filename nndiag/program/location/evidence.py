"""The values of an iteration at several points side by side, with what they ought to be.

A single number is a multiple of any other; only over several points and examples does it tell. So
each expression's values at all points stand behind one another, and so do the derivatives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from nndiag.program.graph.adjoints import descendants
from nndiag.program.graph.derivatives import pulled_back
from nndiag.program.graph.nodes import Graph, Node
from nndiag.program.roles.losses import Key, Loss, residuals_in
from nndiag.program.roles.multiples import factor_between, laid_out
from nndiag.program.roles.reading import Reading

_SAME = 1e-6
_EQUAL = 1e-9


class Evidence:
    """The readings of a program at several points, compared with the derivatives of its loss."""

    def __init__(self, readings: Sequence[Reading], loss: Loss) -> None:
        self.readings = [reading for reading in readings if _is_finite(reading, loss)]
        self.loss = loss

    @property
    def graph(self) -> Graph:
        """The graph that is gone through: that of the first point."""
        return self.readings[0].graph

    @cached_property
    def _shared(self) -> set[Key]:
        """The keys that all points have."""
        keys = set(self.readings[0].keyed)
        for reading in self.readings[1:]:
            keys &= set(reading.keyed)
        return keys

    def nodes_of(self, node: int) -> list[int]:
        """A node of the first point at all points; only there where others lack it."""
        reading = self.readings[0]
        key = reading.keys.get(node)
        if key is not None and key in self._shared:
            found = [item.keyed[key] for item in self.readings]
        else:
            found = self._leaf_at_all(node)
        shape = self.graph[node].shape
        same = [item.graph[index].shape == shape for item, index in zip(self.readings, found)]
        return found if len(found) == len(self.readings) and all(same) else [node]

    def _leaf_at_all(self, node: int) -> list[int]:
        """A variable's node, or another one without a key, at all points."""
        first = self.readings[0].iteration
        for leaf, heads in first.heads.items():
            if node in heads:
                place = heads.index(node)
                return [
                    item.iteration.heads[leaf][place]
                    for item in self.readings
                    if leaf in item.iteration.heads
                    and len(item.iteration.heads[leaf]) == len(heads)
                ]
        return [node]

    def value(self, node: int) -> np.ndarray:
        """The values of a node at all points, stacked along a new first axis."""
        found = self.nodes_of(node)
        return np.stack(
            [np.asarray(item.graph[i].value, float) for item, i in zip(self.readings, found)]
        )

    @cached_property
    def adjoints(self) -> list[dict[int, np.ndarray]]:
        """Per point: node → derivative of the loss by it; also for values computed twice."""
        return [_adjoints_by_value(reading, self.loss) for reading in self.readings]

    def adjoint(self, node: int) -> np.ndarray | None:
        """The derivatives of the loss by a node at all points, stacked; None where unknown.

        Of a parameter only what reaches the loss by way of the data: a penalty is another term.
        """
        found = self.nodes_of(node)
        parts = [table.get(index) for table, index in zip(self.adjoints, found)]
        if self.graph[node].function is None:
            parts = [
                _without_penalty(reading, table, index) if part is not None else None
                for reading, table, index, part in zip(self.readings, self.adjoints, found, parts)
            ]
        known = [part for part in parts if part is not None]
        if len(known) < len(found) or not known:
            return None
        return np.stack([np.asarray(part, float) for part in known])

    @cached_property
    def forward(self) -> list[int]:
        """The nodes that have a derivative, from the loss's side."""
        return sorted(self.adjoints[0], reverse=True)

    @cached_property
    def backward(self) -> set[int]:
        """The nodes that lead to updates and that no loss is made from: the backward pass."""
        reading = self.readings[0]
        return (reading.leading & reading.acted) - set(self.adjoints[0])

    @cached_property
    def errors(self) -> set[int]:
        """The residuals, and the targets: data that join what was made of other data already.

        An input is multiplied with parameters alone; a target meets an output. Inputs may be plain
        numbers, out of tuples, which are no values of the iteration.
        """
        return self._errors(plain=False) or self._errors(plain=True)

    def _errors(self, *, plain: bool) -> set[int]:
        graph, reading = self.graph, self.readings[0]
        heads = [node for item in reading.parameters for node in item.heads]
        touched = descendants(graph, heads, real=False)
        with_data: set[int] = set()
        found = {item.node for item in residuals_in(graph, reading.acted, reading.literal)}
        for index in sorted(self.adjoints[0]):
            acted = [item for item in graph[index].inputs if item in reading.acted]
            data = [item for item in graph[index].inputs if item not in touched]
            if any(item in with_data for item in acted):
                with_data.add(index)
                found.update(data)
            elif data or (plain and any(isinstance(x, float) for x in graph[index].arguments)):
                with_data.add(index)
        return found

    @cached_property
    def carrying(self) -> set[int]:
        """The nodes that are made from an error: the backward pass but for local derivatives."""
        return descendants(self.graph, self.errors)

    @cached_property
    def _felt(self) -> set[int]:
        """The nodes that lead to the loss."""
        found = set(self.adjoints[0])
        for index in range(max(found, default=-1), -1, -1):
            if index in found:
                found.update(self.graph[index].inputs)
        return found

    @cached_property
    def remembering(self) -> set[int]:
        """The nodes that memory acts on: what an iteration assigns, but for parameters.

        A state of the network, which the loss is made from, is no memory of the updates.
        """
        iteration = self.readings[0].iteration
        own = {leaf for item in self.readings[0].parameters for leaf in item.tensor.leaves}
        heads = [
            head
            for leaf, nodes in iteration.heads.items()
            if leaf not in own
            and iteration.ends.get(leaf, nodes) != nodes
            and not self._felt & set(nodes)
            for head in nodes
            if self.graph[head].function is None  # else an iteration before computed it
        ]
        return descendants(self.graph, heads)

    def factor(self, node: int, adjoint_of: int) -> float | None:
        """The factor by which a node is the derivative by another; None where it is no multiple."""
        wanted = self.adjoint(adjoint_of)
        if wanted is None:
            return None
        turned = (
            self.graph[adjoint_of].function is not None
        )  # a gradient has its parameter's layout
        found = self.multiple(self.value(node), wanted, turned=turned)
        if found is None and not turned:
            whole = [
                table.get(index) for table, index in zip(self.adjoints, self.nodes_of(adjoint_of))
            ]
            if all(part is not None for part in whole):
                stacked = np.stack([np.asarray(part, float) for part in whole])
                return self.multiple(self.value(node), stacked, turned=False)
        return found

    def multiple(
        self, value: np.ndarray, wanted: np.ndarray, *, turned: bool = True
    ) -> float | None:
        """The factor between stacked values in any layout; None where there is none."""
        if len(value) != len(wanted):
            value, wanted = value[:1], wanted[:1]
        for layout in _stacked_layouts(value, wanted.shape, turned):
            factor = factor_between(layout, wanted, tolerance=_SAME)
            if factor is not None:
                return factor
        return None


def _without_penalty(reading: Reading, table: dict[int, np.ndarray], head: int) -> np.ndarray:
    """The derivative by a parameter, but for what it contributes to the loss by itself alone."""
    graph, whole = reading.graph, np.array(table[head], float)
    for node in graph:
        if head in node.inputs and node.index in table and node.function is not None:
            alone = all(item == head or item not in reading.with_data for item in node.inputs)
            if alone and node.index not in reading.with_data and not _leads_to_data(reading, node):
                parts = pulled_back(graph, node, table[node.index])
                if parts is not None and head in parts:
                    whole = whole - np.reshape(parts[head], whole.shape)
    return whole


def _leads_to_data(reading: Reading, node: Node) -> bool:
    """Whether what was made of a parameter alone meets the data before it is one number."""
    graph = reading.graph
    if node.size == 1 and graph[node.inputs[0]].size > 1:
        return False
    users = reading.users[node.index]
    return any(
        (user in reading.with_data and graph[user].size > 1)
        or (user not in reading.with_data and _leads_to_data(reading, graph[user]))
        for user in users
        if user in reading.acted and user > node.index
    )


def _stacked_layouts(
    value: np.ndarray, shape: tuple[int, ...], turned: bool
) -> Iterator[np.ndarray]:
    layouts = [list(laid_out(item, shape[1:], turned=turned)) for item in value]
    for number in range(min(map(len, layouts), default=0)):
        yield np.stack([item[number] for item in layouts])


def _is_finite(reading: Reading, loss: Loss) -> bool:
    value = loss.value(reading.forward, reading.keyed_forward)
    return value is not None and bool(np.isfinite(value))


def _adjoints_by_value(reading: Reading, loss: Loss) -> dict[int, np.ndarray]:
    """The derivatives by the nodes of the iteration itself.

    Where the loss is computed by itself, from a forward pass of its own, the values that the
    backward pass starts from are others, but the same: they are found by what they are.
    """
    found = reading.adjoints(loss)
    if found is None:
        return {}
    known = {node: part for node, part in found.values.items() if node not in found.unknown}
    forward, graph = reading.forward, reading.graph
    by_shape: dict[tuple[int, ...], list[int]] = {}
    if reading.undone is reading.iteration:
        table = dict(known)
    else:
        table = {}
        heads = reading.iteration.heads
        for leaf, nodes in reading.undone.heads.items():
            table.update(
                {own: known[node] for own, node in zip(heads.get(leaf, ()), nodes) if node in known}
            )
    for node in known:
        if forward[node].function is not None:
            by_shape.setdefault(forward[node].shape, []).append(node)
    tables = {
        shape: np.stack([np.asarray(forward[node].value, float) for node in nodes])
        for shape, nodes in by_shape.items()
    }
    candidates = (reading.acted & reading.leading) - set(table)
    for index in candidates:
        item = graph[index]
        if item.function is None or not item.is_real:
            continue
        if item.shape not in tables or not item.inputs or not item.size:
            continue
        others, own = tables[item.shape], np.asarray(item.value, float)
        with np.errstate(all="ignore"):
            same = (np.abs(others - own) <= _EQUAL * np.abs(own)).reshape(len(others), -1).all(1)
        for node in np.array(by_shape[item.shape])[same]:
            if item.size > 1 or item.node_id == forward[int(node)].node_id:
                table[index] = known[int(node)]
                break
    return table

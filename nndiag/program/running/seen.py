"""The network of a program as its readings show it, with all its examples."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np

from nndiag.program.execution.places import spelled
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.execution.snapshot import Leaf, Snapshot
from nndiag.program.loop.step_evaluator import Point
from nndiag.program.loop.tensors import Tensor
from nndiag.program.network.layers import Layer
from nndiag.program.network.network import Network, network_of
from nndiag.program.network.outputs import Output
from nndiag.program.roles.reading import Reading, read_iteration
from nndiag.program.roles.understanding import Understanding
from nndiag.program.running.examples import Batch, axis_of, holding, is_equal
from nndiag.program.text.instrument import Instruments, node_id_of

Array = Any

_MOST = 6  # iterations whose batches are looked at
_STEADY = 1e-3  # how far what is added to a loss may be from a multiple of the weights' squares


class Seen:
    """The network of a program that was understood.

    Args:
        found: The program.
    """

    def __init__(self, found: Understanding) -> None:
        self._found = found
        self._parameters = [item for reading in found.readings for item in reading.parameters]
        self.needed = frozenset(item.name for item in self._parameters if item.moves)
        self._networks = [x for x in map(self._network, found.readings) if x is not None]
        known = [x for x in self._networks if x.output is not None and x.output.kind is not None]
        self.network = next(iter([*known, *self._networks]), None)
        self.batch: int | None = None
        self.is_steady = self.in_order = False
        self.data = self._whole_data()

    def _network(self, reading: Reading) -> Network | None:
        found = self._found
        if found.loss is None:
            return None
        tensors = found.lab.tensors
        return network_of(reading, found.loss, tensors, needed=self.needed, syntax=found.lab.nodes)

    @property
    def layers(self) -> list[Layer]:
        """The layers from the input side; empty where they are not known."""
        return [] if self.network is None else self.network.layers

    @property
    def output(self) -> Output | None:
        """What the network gives and is to give; None where it is not known."""
        return None if self.network is None else self.network.output

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The parameters that are moved, and those that only have a place in the network."""
        placed = [x for layer in self.layers for x in (layer.weights, layer.biases)]
        names = {x.name for x in placed if x is not None}
        every = self._found.lab.tensors if self.network is None else self.network.tensors
        return tuple(x for x in every if x.name in self.needed | names)

    @property
    def penalty(self) -> float:
        """What the sum of the squares of all weights is multiplied by in the loss; 0 without."""
        rests, sizes, doubts = [], [], []
        for network in self._networks:
            if network.output is not None and network.output.kind is not None:
                sizes.append(network.squares)
                rests.append(network.output.rest)
                doubts.append(network.output.doubt)
        rest, square = np.array(rests), np.array(sizes)
        if not np.any(np.abs(rest) > doubts) or not np.isfinite(square).all():
            return 0.0
        factor = float(rest @ square / (square @ square))
        known = np.abs(rest - factor * square) <= _STEADY * np.abs(rest) + doubts
        return max(factor, 0.0) if known.all() else 0.0

    def _whole_data(self) -> Batch | None:
        """All inputs and targets, shapes (examples, columns): those of each step where it sees all.

        Otherwise arrays of the program that have the rows of the steps, in the same order.
        """
        seen = self._batches()
        batches = list(seen.values())
        if not batches:
            return None
        self.batch = max(len(inputs) for inputs, _ in batches)
        first = batches[0]
        self.is_steady = all(is_equal(first, other) for other in batches[1:])
        if len(first[0]) > 1 and self.is_steady:
            return first
        whole = holding(batches, self._found.watched.snapshots[0])
        self.in_order = whole is not None and _is_in_order(seen, whole[0], self.batch)
        return whole

    def _batches(self) -> dict[int, Batch]:
        """The examples of some iterations."""
        found: dict[int, Batch] = {}
        for network in self._networks:
            if network.output is not None:
                iteration = network.forward.reading.point.snapshot.iteration
                found.setdefault(iteration, (network.inputs, network.output.targets))
        for snapshot in self._found.watched.snapshots[:_MOST] if found else ():
            if snapshot.iteration not in found and len(found) < 2:
                other = self._read(snapshot)
                if other is not None and other.output is not None:
                    found[snapshot.iteration] = other.inputs, other.output.targets
        return dict(list(found.items())[:_MOST])

    def _read(self, snapshot: Snapshot) -> Network | None:
        """The network at an iteration; None where it cannot be run, or a parameter has grown."""
        found = self._found
        try:
            point = Point(snapshot, found.lab.theta(snapshot))
            return self._network(
                read_iteration(found.lab, point, updates=found.updates, forced=found.forced)
            )
        except StepFailedError:
            return None

    def names_of_data(self) -> list[list[list[Any]]]:
        """What the program calls its inputs and its targets: the name, whether it is a variable of
        the training loop's own function, and the axis of the examples. What the loop itself names
        comes first.
        """
        if self.data is None:
            return [[], []]
        snapshot = self._found.watched.snapshots[0]
        found: list[list[list[Any]]] = [[], []]
        for leaf, value in snapshot.leaves():
            if not isinstance(value, np.ndarray) or any(step[0] == "index" for step in leaf.steps):
                continue
            for place, array in enumerate(self.data):
                axis = axis_of(value, array)
                for root, steps in _names_of(snapshot, leaf) if axis is not None else ():
                    found[place].append([spelled(root, steps), root in snapshot.cells, axis])
        loop = self._found.watched.loop.node
        used = {x.id for x in ast.walk(loop) if isinstance(x, ast.Name)}
        return [sorted(names, key=lambda x: x[0] not in used) for names in found]

    def call(self) -> tuple[ast.expr, ast.expr] | None:
        """The call that gives the output, and its argument, the last pre-activations, or None."""
        network, output = self.network, self.output
        if network is None or output is None or output.activation == "linear":
            return None
        nodes = self._found.lab.nodes
        calls = [x for x in nodes.values() if isinstance(x, ast.Call) and len(x.args) == 1]
        node_ids = frozenset(node_id_of(x) for call in calls for x in (call, call.args[0]))
        lab, point = self._found.lab, network.forward.reading.point
        try:
            recording = lab.record(point, lab.runner.variant(Instruments(probes=node_ids)))
        except StepFailedError:
            return None
        wanted = [
            table.read(network.forward.value) for table in (network.layers[-1].sums, output.table)
        ]
        for call in calls:
            pair = [recording.values.get(node_id_of(x)) for x in (call.args[0], call)]
            if all(
                values and one is not None and _holds(values[0], one)
                for values, one in zip(pair, wanted)
            ):
                return call, call.args[0]
        return None


def _is_in_order(batches: Mapping[int, Batch], inputs: Array, size: int) -> bool:
    """Whether steps take one batch behind the other, as all examples stand.

    Args:
        batches: The examples of some iterations.
        inputs: Those of all examples, shape (examples, inputs).
        size: Examples of a batch.
    """
    passes = -(-len(inputs) // size)
    return len(batches) > 1 and all(
        np.array_equal(batch[0], inputs[iteration % passes * size :][:size])
        for iteration, batch in batches.items()
    )


def _names_of(snapshot: Snapshot, leaf: Leaf) -> list[tuple[Any, Any]]:
    """The ways to a leaf: its own, or all variables that are the same object."""
    if leaf.steps:
        return [(leaf.root, leaf.steps)]
    value = snapshot.original(leaf)
    pairs = zip(snapshot.places, snapshot.values)
    return [(root, leaf.steps) for root, other in pairs if other is value]


def _holds(value: Array, wanted: Array) -> bool:
    return np.size(value) == wanted.size and any(
        np.array_equal(np.ravel(value), np.ravel(x)) for x in (wanted, wanted.T)
    )

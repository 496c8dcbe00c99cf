"""One iteration of a program, recorded as a graph from chosen values of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nndiag.program.execution.places import is_number, put
from nndiag.program.execution.snapshot import Leaf, Snapshot
from nndiag.program.gradients.laboratory import Laboratory, Point
from nndiag.program.graph.memory import owner_of
from nndiag.program.graph.nodes import Graph
from nndiag.program.graph.tracer import Tracer
from nndiag.program.loop.tensors import Tensor
from nndiag.program.text.instrument import Instruments

_MOST_ITEMS = 20_000


@dataclass(eq=False)
class Iteration:
    """The graph of one iteration, and where the program's variables are in it.

    Attributes:
        graph: Its values.
        heads: Variable → its nodes at the head, one for each number of a list.
        ends: Variable → its nodes at the end; a missing one is None.
    """

    graph: Graph
    heads: dict[Leaf, tuple[int, ...]] = field(default_factory=dict)
    ends: dict[Leaf, tuple[int | None, ...]] = field(default_factory=dict)

    def head_of(self, tensor: Tensor) -> tuple[int, ...]:
        """The nodes that hold a parameter at the head."""
        return tuple(node for leaf in tensor.leaves for node in self.heads.get(leaf, ()))

    def end_of(self, tensor: Tensor) -> tuple[int | None, ...]:
        """The nodes that hold a parameter at the end."""
        return tuple(node for leaf in tensor.leaves for node in self.ends.get(leaf, ()))

    def values_at(self, nodes: Iterable[int | None]) -> np.ndarray:
        """The numbers of some nodes, one behind the other."""
        parts = [np.asarray(self.graph[node].value).ravel() for node in nodes if node is not None]
        return np.concatenate(parts).astype(float) if parts else np.empty(0)


def recorded(
    lab: Laboratory,
    point: Point,
    *,
    resets: frozenset[int] = frozenset(),
    forced: frozenset[int] = frozenset(),
    also: Callable[[], None] | None = None,
) -> Iteration:
    """Records the iteration at a point.

    Args:
        lab: Runs the step.
        point: Where.
        resets: Serials of the updates that are undone, so that what follows sees the same values.
        forced: Serials of the `if` statements whose body always runs.
        also: Called when all variables are in place.

    Raises:
        StepFailedError: The iteration failed.
    """
    tracer: Tracer = lab.runner.host.hooks.tracer
    snapshot = point.snapshot
    variant = lab.runner.variant(Instruments(traced=True, resets=resets, forced=forced))
    found: list[Iteration] = []

    def start() -> None:
        if also is not None:
            also()
        found.append(Iteration(tracer.begin(lab.runner.host.is_user)))
        found[0].heads.update(_heads(tracer, snapshot))
        if resets:
            lab.runner.host.hooks.reset = lambda: _undo(tracer, snapshot, lab.tensors, found[0])

    try:
        lab.run(point, variant, also=start)
        found[0].ends.update(_ends(tracer, snapshot, found[0].heads))
    finally:
        tracer.end()
    return found[0]


def _heads(tracer: Tracer, snapshot: Snapshot) -> Iterator[tuple[Leaf, tuple[int, ...]]]:
    """Makes each number of the program a leaf of the graph, told from all others by identity."""
    views: list[tuple[Leaf, np.ndarray]] = []
    for leaf, _ in list(snapshot.leaves()):
        value = snapshot.read(leaf)
        if isinstance(value, np.ndarray):
            if owner_of(value) is not value:
                views.append((leaf, value))
            elif value.dtype.kind in "fiub":
                yield leaf, (tracer.leaf(value, leaf.root),)
        elif isinstance(value, list):
            yield leaf, _list_leaves(tracer, leaf, value)
        elif is_number(value) and not isinstance(value, (int, np.integer)):
            fresh = _fresh(value)
            if not _in_tuple(snapshot, leaf):
                put(snapshot.places[leaf.root], leaf.steps, fresh)
                yield leaf, (tracer.leaf(fresh, leaf.root),)
    for leaf, value in views:
        node = tracer.memory.known(value)
        yield leaf, (tracer.leaf(value, leaf.root) if node is None else node,)


def _list_leaves(tracer: Tracer, leaf: Leaf, value: list[Any]) -> tuple[int, ...]:
    if len(value) > _MOST_ITEMS or not any(
        isinstance(item, (float, np.floating)) for item in value
    ):
        return ()
    value[:] = [_fresh(item) for item in value]
    return tuple(tracer.leaf(item, leaf.root) for item in value)


def _fresh(value: Any) -> Any:
    """The same number as an object of its own."""
    return np.float64(value) if isinstance(value, np.floating) else float(np.float64(value))


def _undo(
    tracer: Tracer, snapshot: Snapshot, tensors: Iterable[Tensor], iteration: Iteration
) -> None:
    """Gives the parameters the values, and the nodes, that they had at the head."""
    for leaf in (leaf for tensor in tensors for leaf in tensor.leaves):
        nodes = iteration.heads.get(leaf, ())
        value = snapshot.read(leaf)
        if isinstance(value, np.ndarray) and nodes:
            wanted = np.asarray(iteration.graph[nodes[0]].value)
            if value.shape == wanted.shape and not np.array_equal(value, wanted):
                tracer.restore(value, wanted, nodes[0])
        elif isinstance(value, list):
            value[: len(nodes)] = [iteration.graph[node].value for node in nodes]
        elif nodes and not _in_tuple(snapshot, leaf):
            put(snapshot.places[leaf.root], leaf.steps, iteration.graph[nodes[0]].value)


def _in_tuple(snapshot: Snapshot, leaf: Leaf) -> bool:
    item: Any = snapshot.places[leaf.root].get()
    for kind, name in leaf.steps:
        if isinstance(item, tuple):
            return True
        item = getattr(item, name) if kind == "attr" else None if kind == "cell" else item[name]
        if item is None:
            return False
    return False


def _ends(
    tracer: Tracer, snapshot: Snapshot, heads: Iterable[Leaf]
) -> Iterator[tuple[Leaf, tuple[int | None, ...]]]:
    for leaf in list(heads):
        try:
            value = snapshot.read(leaf)
        except (LookupError, AttributeError, TypeError):
            continue
        items = value if isinstance(value, list) else [value]
        yield leaf, tuple(tracer.memory.known(item) for item in items)

"""One iteration of a program, recorded as a graph from chosen values of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nndiag.program.execution.places import is_number, put
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.execution.snapshot import Leaf, Snapshot
from nndiag.program.graph.memory import owner_of
from nndiag.program.graph.nodes import Graph
from nndiag.program.graph.tracer import Tracer
from nndiag.program.loop.step_evaluator import Point, StepEvaluator
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
        held: Key of the config → the nodes of what the user's expression came to.
        start: Its first node; those before belong to an iteration that computes what is carried
            over.
    """

    graph: Graph
    heads: dict[Leaf, tuple[int, ...]] = field(default_factory=dict)
    ends: dict[Leaf, tuple[int | None, ...]] = field(default_factory=dict)
    held: dict[str, tuple[int | None, ...]] = field(default_factory=dict)
    start: int = 0

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
    lab: StepEvaluator,
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
    run = _Recording(lab, point, also)
    try:
        if lab.carried:
            run.play(Instruments(traced=True, resets=lab.undone, forced=forced))
            run.hand_over()
        run.play(Instruments(traced=True, resets=resets, forced=forced))
        run.iteration.ends.update(run.ends())
        run.iteration.held.update(run.held())
    finally:
        run.tracer.end()
    return run.iteration


class _Recording:
    """Runs an iteration, and the one before it where that computes what is carried over."""

    def __init__(self, lab: StepEvaluator, point: Point, also: Callable[[], None] | None) -> None:
        self._lab, self._point, self._also = lab, point, also
        self._snapshot = point.snapshot
        self.tracer: Tracer = lab.runner.host.hooks.tracer
        self.iteration = Iteration(Graph())
        self._known: dict[Leaf, tuple[int, ...]] = {}
        self._carried: dict[Leaf, Any] = {}

    def play(self, instruments: Instruments) -> None:
        """Run the iteration once; the graph goes on where it has one already."""
        lab = self._lab
        lab.run(
            self._point,
            lab.runner.variant(instruments),
            also=lambda: self._start(undoes=bool(instruments.resets)),
        )

    def _start(self, *, undoes: bool) -> None:
        if self._also is not None:
            self._also()
        for leaf, value in self._carried.items():
            put(self._snapshot.places[leaf.root], leaf.steps, value)
        if not self.iteration.heads:
            self.iteration.graph = self.tracer.begin(self._lab.runner.host.is_user)
        moving = {leaf for tensor in self._lab.tensors for leaf in tensor.leaves}
        found = dict(_heads(self.tracer, self._snapshot, self._known, moving))
        self.iteration.heads.update({**found, **self._known} if self._carried else found)
        hooks = self._lab.runner.host.hooks
        hooks.held.clear()
        if undoes:
            hooks.reset = lambda: _undo(
                self.tracer, self._snapshot, self._lab.tensors, self.iteration
            )

    def hand_over(self) -> None:
        """What the iteration left to the next one, which starts from the same parameters."""
        ends = dict(self.ends())
        self.iteration.start = len(self.iteration.graph)
        for tensor in self._lab.tensors:
            for leaf in tensor.leaves:
                self._known[leaf] = self.iteration.heads[leaf]
        for leaf in self._lab.carried:
            nodes = ends.get(leaf, ())
            if not nodes or None in nodes:
                raise StepFailedError(f"{leaf.root} is not carried over")
            self._known[leaf] = tuple(node for node in nodes if node is not None)
            self._carried[leaf] = self._snapshot.read(leaf)

    def ends(self) -> Iterator[tuple[Leaf, tuple[int | None, ...]]]:
        """The variables with what they hold now."""
        for leaf in list(self.iteration.heads):
            try:
                value = self._snapshot.read(leaf)
            except (LookupError, AttributeError, TypeError):
                continue
            items = value if isinstance(value, list) else [value]
            yield leaf, tuple(self._end(item, leaf, place) for place, item in enumerate(items))

    def _end(self, item: Any, leaf: Leaf, place: int) -> int | None:
        """The node that a variable holds at the end; an integer that is as it was, its head."""
        known, heads = self.tracer.memory.known(item), self.iteration.heads[leaf]
        if known is None and _is_label(item) and place < len(heads):
            head = self.iteration.graph[heads[place]].value
            return heads[place] if _is_label(head) and head == item else None
        return known

    def held(self) -> Iterator[tuple[str, tuple[int | None, ...]]]:
        """What the user's expressions came to."""
        for name, value in self._lab.runner.host.hooks.held.items():
            yield name, tuple(self.tracer.memory.known(item) for item in _flat(value))


def _flat(value: Any) -> Iterator[Any]:
    """The numbers and arrays in nested lists."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def _heads(
    tracer: Tracer, snapshot: Snapshot, known: Mapping[Leaf, tuple[int, ...]], moving: set[Leaf]
) -> Iterator[tuple[Leaf, tuple[int, ...]]]:
    """Makes each number of the program a leaf of the graph, told from all others by identity.

    Args:
        tracer: Adds the leaves.
        snapshot: Knows where the numbers are.
        known: Variables that hold nodes which the graph has already.
        moving: Variables that an iteration moves: their integers are real numbers.
    """
    views: list[tuple[Leaf, np.ndarray]] = []
    for leaf, _ in list(snapshot.leaves()):
        value = snapshot.read(leaf)
        if leaf in known:
            _hold_again(tracer, snapshot, leaf, known[leaf])
        elif isinstance(value, np.ndarray):
            if owner_of(value) is not value:
                views.append((leaf, value))
            elif value.dtype.kind in "fiub":
                yield leaf, (tracer.leaf(value, leaf.root),)
        elif isinstance(value, list):
            yield leaf, _list_leaves(tracer, leaf, value, moves=leaf in moving)
        elif is_number(value) and (leaf in moving or not _is_label(value)):
            fresh = _fresh(value)
            if not _in_tuple(snapshot, leaf):
                put(snapshot.places[leaf.root], leaf.steps, fresh)
                yield leaf, (tracer.leaf(fresh, leaf.root),)
    for leaf, value in views:
        node = tracer.memory.known(value)
        yield leaf, (tracer.leaf(value, leaf.root) if node is None else node,)


def _hold_again(tracer: Tracer, snapshot: Snapshot, leaf: Leaf, nodes: tuple[int, ...]) -> None:
    """Makes what stands at a leaf an object of its own that holds known nodes."""
    value = snapshot.read(leaf)
    if isinstance(value, list):
        value[:] = [_fresh(item) for item in value]
        for item, node in zip(value, nodes):
            tracer.memory.hold(item, node)
        return
    if not isinstance(value, np.ndarray):
        value = _fresh(value)
        put(snapshot.places[leaf.root], leaf.steps, value)
    tracer.memory.hold(value, nodes[0])


def _list_leaves(tracer: Tracer, leaf: Leaf, value: list[Any], *, moves: bool) -> tuple[int, ...]:
    """The numbers of a list; an integer beside real numbers stays one: it may be a label."""
    if len(value) > _MOST_ITEMS or not any(
        isinstance(item, (float, np.floating)) for item in value
    ):
        return ()
    value[:] = [item if _is_label(item) and not moves else _fresh(item) for item in value]
    return tuple(
        tracer.leaf(np.int64(item) if _is_label(item) else item, leaf.root) for item in value
    )


def _is_label(item: Any) -> bool:
    return isinstance(item, (int, np.integer))


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

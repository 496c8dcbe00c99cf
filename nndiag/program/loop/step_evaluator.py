"""Measures one iteration: the step it takes, and the values it computes on the way."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nndiag.program.execution.numbers import Vector, read_vector, write_vector
from nndiag.program.execution.places import is_number
from nndiag.program.execution.runner import PLAIN, Runner, StepFailedError, Variant
from nndiag.program.execution.snapshot import Leaf, Snapshot
from nndiag.program.loop.tensors import Tensor
from nndiag.program.text.instrument import Instruments

Theta = dict[str, Vector]
"""The parameters' values by tensor name."""

_MOST_ENTRIES = 200_000
_MOST_EVENTS = 400_000
_BEHIND = -1  # no statement: the iteration's end
_STRETCH = 512  # statements of a long iteration that are looked at together


@dataclass(eq=False)
class Point:
    """Where the gradient is checked: an iteration, and a shift of the parameters there.

    Attributes:
        snapshot: The variables at the head of the iteration.
        theta: The parameters' values.
        zeroed: Optimizer state that is set to zero first.
        shifted: Whether the parameters were moved from where the program had them.
    """

    snapshot: Snapshot
    theta: Theta
    zeroed: tuple[Leaf, ...] = ()
    shifted: bool = False

    def with_zeroed(self, zeroed: tuple[Leaf, ...]) -> Point:
        """The point with an optimizer's state at zero."""
        return (
            self
            if zeroed == self.zeroed
            else Point(self.snapshot, self.theta, zeroed, self.shifted)
        )

    def nearer_to_zero(self) -> Point:
        """The point with all parameters halved."""
        theta = {name: values / 2 for name, values in self.theta.items()}
        return Point(self.snapshot, theta, self.zeroed, shifted=True)

    @property
    def label(self) -> str:
        """The point, for reports."""
        return f"iteration {self.snapshot.iteration}" + (", shifted" if self.shifted else "")


@dataclass
class Recording:
    """The values of the watched expressions in one iteration, in order."""

    values: dict[int, list[Any]] = field(default_factory=dict)
    order: dict[int, int] = field(default_factory=dict)
    count: int = 0

    def add(self, node_id: int, value: Any) -> bool:
        """Keeps a copy of a value, where it is numeric; whether it was."""
        self.count += 1
        if isinstance(value, np.ndarray):
            if value.dtype.kind not in "fiub" or self.count > _MOST_EVENTS:
                return False
            value = np.array(value, copy=True, subok=False)
            if value.size > _MOST_ENTRIES:
                value = value.ravel()[:: value.size // _MOST_ENTRIES + 1]
        elif not (is_number(value) or _is_number_nest(value)):
            return False
        elif isinstance(value, list):
            value = np.array(value, dtype=float)
        self.values.setdefault(node_id, []).append(value)
        self.order.setdefault(node_id, self.count)
        return True


def _is_number_nest(value: Any) -> bool:
    """Whether a value is a short list of numbers, or of lists of numbers."""
    return (
        isinstance(value, list) and 0 < len(value) <= 256 and all(is_number(item) for item in value)
    )


class StepEvaluator:
    """Runs the step of one program at chosen points."""

    def __init__(self, runner: Runner, tensors: tuple[Tensor, ...]) -> None:
        self.runner = runner
        self.tensors = tensors
        self.plain = runner.variant(PLAIN)
        self.held: dict[str, str] = {}  # parameter → key of the expression for its gradient
        self.carried: tuple[Leaf, ...] = ()
        self.undone: frozenset[int] = frozenset()

    def carry(self, leaves: tuple[Leaf, ...], updates: frozenset[int]) -> None:
        """From now on computes some outputs at the head of a recorded iteration anew.

        Args:
            leaves: The outputs that an iteration leaves to the next one.
            updates: Serials of the statements that change the parameters.
        """
        self.carried, self.undone = leaves, updates

    @property
    def nodes(self) -> Mapping[int, ast.AST]:
        """The program's syntax tree by node id."""
        return self.runner.host.nodes

    def theta(self, snapshot: Snapshot) -> Theta:
        """The parameters' values at a snapshot.

        Raises:
            StepFailedError: A parameter is not there.
        """
        snapshot.install()
        theta = {}
        for tensor in self.tensors:
            values = tensor.read(snapshot)
            if values is None:
                raise StepFailedError(f"{tensor.name} is not there")
            theta[tensor.name] = values
        return theta

    def run(
        self,
        point: Point,
        variant: Variant,
        *,
        theta: Theta | None = None,
        also: Callable[[], None] | None = None,
    ) -> None:
        """Runs one iteration at a point, or at other values of the parameters there.

        Args:
            point: Where.
            variant: What to run.
            theta: Other values of the parameters.
            also: Called when all variables are in place.

        Raises:
            StepFailedError: The iteration failed.
        """
        values = point.theta if theta is None else theta
        snapshot = point.snapshot

        def prepare() -> None:
            for leaf in point.zeroed:
                _zero(snapshot, leaf)
            self._write(snapshot, values)
            if also is not None:
                also()

        self.runner.host.hooks.reset = lambda: self._write(snapshot, values)
        self.runner.run(snapshot, variant, before=prepare)

    def _write(self, snapshot: Snapshot, values: Theta) -> None:
        for tensor in self.tensors:
            wanted = values.get(tensor.name)  # a point without values is the program's own
            now = tensor.read(snapshot)
            if now is not None and wanted is not None and not np.array_equal(now, wanted):
                tensor.write(snapshot, wanted)

    def step(self, point: Point) -> Theta:
        """What one iteration takes off each parameter.

        Raises:
            StepFailedError: The iteration failed, or a parameter changed its shape.
        """
        self.run(point, self.plain)
        step = {}
        for tensor in self.tensors:
            after = tensor.read(point.snapshot)
            if after is None:
                raise StepFailedError(f"{tensor.name} changed its shape")
            step[tensor.name] = point.theta[tensor.name] - after
        return step

    def record(
        self,
        point: Point,
        variant: Variant,
        *,
        theta: Theta | None = None,
    ) -> Recording:
        """The values of the watched expressions in one iteration.

        Args:
            point: Where.
            variant: An instrumented variant.
            theta: Other values of the parameters.

        Raises:
            StepFailedError: The iteration failed.
        """
        recording = Recording()

        def probe(node_id: int, value: Any) -> Any:
            recording.add(node_id, value)
            return value

        self.runner.host.hooks.probe = probe
        try:
            self.run(point, variant, theta=theta)
        finally:
            self.runner.host.hooks.probe = None
        return recording

    def updates(self, point: Point) -> dict[str, tuple[int, ...]]:
        """The statements that change each parameter, by tensor name, as node_ids in order.

        Of a long iteration whole stretches are looked at, and then those that change something.
        """
        found, changing = self._changes(point, lambda n: n < _STRETCH or n % _STRETCH == 0)
        if max(changing, default=1) > 1:
            changing.add(1)
            found, _ = self._changes(point, lambda n: -(-n // _STRETCH) in changing)
        return found

    def _changes(
        self, point: Point, looks: Callable[[int], bool]
    ) -> tuple[dict[str, tuple[int, ...]], set[int]]:
        """Parameter → statements behind which it is another, and the stretches of these.

        Args:
            point: Where the iteration starts.
            looks: Whether to look behind the statement of a number, from 1.
        """
        snapshot = point.snapshot
        last = dict(point.theta)
        found: dict[str, dict[int, None]] = {tensor.name: {} for tensor in self.tensors}
        stretches: set[int] = set()
        count = 0

        def look(node_id: int) -> None:
            for tensor in self.tensors:
                now = tensor.read(snapshot)
                if now is not None and not np.array_equal(now, last[tensor.name]):
                    last[tensor.name] = now
                    found[tensor.name][node_id] = None
                    stretches.add(-(-count // _STRETCH))

        def after(node_id: int) -> None:
            nonlocal count
            count += 1
            if looks(count):
                look(node_id)

        self.runner.host.hooks.after = after
        try:
            self.run(point, self.runner.variant(Instruments(after=None)))
        finally:
            self.runner.host.hooks.after = None
        look(_BEHIND)
        told = {name: tuple(x for x in ids if x != _BEHIND) for name, ids in found.items()}
        return told, stretches

    def points(
        self, snapshots: Iterable[Snapshot], *, zeroed: tuple[Leaf, ...] = ()
    ) -> Iterator[Point]:
        """The points at the snapshots; the first and the last also shifted, the first turned."""
        plain: list[Point] = []
        for snapshot in snapshots:
            try:
                theta = self.theta(snapshot)
            except StepFailedError:
                continue
            if all(np.isfinite(values).all() for values in theta.values()):
                plain.append(Point(snapshot, theta, zeroed))
        for point, moved, seed in [
            *[(p, f, s) for p in plain[:1] for f, s in ((shifted, 7), (turned, 9))],
            *[(p, shifted, 8) for p in plain[-1:]],
        ]:
            yield Point(point.snapshot, moved(point.theta, seed), zeroed, shifted=True)
        yield from plain


def shifted(theta: Theta, seed: int = 7) -> Theta:
    """Parameters moved a little, so that zeros and symmetries of a start hide nothing."""
    random = np.random.default_rng(seed)
    return {
        name: values + (0.1 * _size(values) + 0.02) * random.normal(size=values.size)
        for name, values in theta.items()
    }


def turned(theta: Theta, seed: int) -> Theta:
    """Parameters of the same size with other signs.

    Where all units of a rectifier are alive at the start, no point near it shows a missing mask.
    """
    random = np.random.default_rng(seed)
    return {
        name: (_size(values) + 0.02) * random.normal(size=values.size)
        for name, values in theta.items()
    }


def _size(values: Vector) -> float:
    largest = float(np.max(np.abs(values), initial=0.0))  # squares of what exploded overflow
    return largest * float(np.sqrt(np.mean((values / largest) ** 2))) if largest else 0.0


def _zero(snapshot: Snapshot, leaf: Leaf) -> None:
    values = read_vector(snapshot, leaf)
    if values is not None:
        write_vector(snapshot, leaf, np.zeros_like(values))

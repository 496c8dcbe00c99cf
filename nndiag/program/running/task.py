"""The task that runs beside a program: measure it, tell its network, and watch one training.

What it gives and sends is plain data and numpy arrays.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nndiag.errors import UserCodeError
from nndiag.program.child.agent import Send
from nndiag.program.child.plain import from_plain
from nndiag.program.execution.host import Host, loop_place
from nndiag.program.execution.places import spelled
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.execution.sandbox import sandbox
from nndiag.program.execution.snapshot import Snapshot
from nndiag.program.judging.judgement import Judgement, compared_program, not_understood
from nndiag.program.judging.report import Report
from nndiag.program.loop.laboratory import Point, Recording
from nndiag.program.loop.tensors import Tensor
from nndiag.program.roles.optimizers import Remembers
from nndiag.program.roles.understanding import Understanding
from nndiag.program.running.curvature import step_curvature
from nndiag.program.running.events import Events, events_of
from nndiag.program.running.layers import Link, chain_of
from nndiag.program.running.losses import TOTALS, Output, factor_of, output_of
from nndiag.program.running.watching import Watch, Watched, other_seeds, watched
from nndiag.program.text.instrument import Instruments
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source, read_source
from nndiag.program.training.trainable import Reader, reader_of

Array = Any

_MEASURING = 10.0  # seconds
_STEADY = 1e-2  # how much the factor of tensors may differ
_KINDS = {"binary cross-entropy": "binary_cross_entropy", "cross-entropy": "softmax_cross_entropy"}


def watch(request: Mapping[str, Any], send: Send) -> dict[str, Any]:
    """Measure a program, tell its network, and watch one training of it.

    Args:
        request: `settings`, and where wanted `text` (what to run in the place of the file's text),
            `steps`, `seconds` and `shift` (added to its seeds).
        send: Called with "step" and the number of steps and the loss, now and then.

    Returns:
        What `nndiag.own_program.mirror` takes.

    Raises:
        UserCodeError: The program cannot be run, or its loop or loss cannot be found.
    """
    settings = from_plain(CodeSettings, request["settings"])
    source = _source(settings, request.get("text"))
    with sandbox(source.path), np.errstate(all="ignore"), other_seeds(request.get("shift", 0)):
        program = compared_program(source, settings, deadline=time.perf_counter() + _MEASURING)
        reader = reader_of(program.found)
        if reader is None:
            raise UserCodeError(not_understood(program.found))
        found = _Roles(program, reader)
    with sandbox(source.path), np.errstate(all="ignore"), other_seeds(request.get("shift", 0)):
        run = watched(
            Host(source, program.found.settings.functions),
            found.watch(),
            steps=request.get("steps"),
            seconds=request.get("seconds"),
            told=lambda step, loss: send("step", {"step": step, "loss": loss}),
        )
    return {**found.told(), **_run_told(run)}


def _source(settings: CodeSettings, text: str | None) -> Source:
    path = settings.path
    source = read_source(path if path is not None else Path())
    return source if text is None else source.with_text(text)


class _Roles:
    """What is what in a program that was understood."""

    def __init__(self, program: Judgement, reader: Reader) -> None:
        found = program.found
        self.program, self.found = program, found
        self.serials, self.value = reader
        self.points = [reading.point for reading in found.readings]
        self.point = next((item for item in self.points if not item.shifted), None)
        parameters = [item for reading in found.readings for item in reading.parameters]
        self.needed = frozenset(item.name for item in parameters if item.moves)
        self.lab = found.lab
        self.links: list[Link] = []
        self.output: Output | None = None
        self.kind: str | None = None
        self.factor: float | None = None
        self.always = False
        self.data: tuple[Array, Array] | None = None
        self.batch: int | None = None
        if self.point is not None:
            self._look(self.point)

    def _look(self, point: Point) -> None:
        self.always = self._is_always_computed()
        events = events_of(self.lab, point, self.found.updates)
        if events is None:
            return
        self.links = chain_of(self.lab, events, needed=self.needed)
        if not self.links:
            return
        self.output = output_of(events, self.links[-1], self.lab.nodes)
        if self.output is not None:
            self._name_loss(events, point)
            self.data = self._whole_data()

    def _is_always_computed(self) -> bool:
        """Whether an iteration computes the loss without being made to."""
        lab = self.lab
        variant = lab.runner.variant(Instruments(probes=self.serials, resets=self.found.updates))
        try:
            return all(
                self.value(lab.record(item, variant)) is not None for item in self._plain()[:4]
            )
        except StepFailedError:
            return False

    def _name_loss(self, events: Events, point: Point) -> None:
        """The name of the loss, and its factor, where it can be computed again."""
        lab, loss = self.lab, self.found.loss
        assert loss is not None
        variant = lab.runner.variant(self._forcing)
        values = []
        for theta in events.thetas:
            try:
                value = self.value(lab.record(point, variant, theta=theta))
            except StepFailedError:
                return
            if value is None:
                return
            values.append(value)
        kinds = [_KINDS.get(loss.kind, "")] if loss.kind in _KINDS else list(TOTALS)
        if self.output is not None:
            named = factor_of(self.output, values, kinds)
            if named is not None:
                self.kind, self.factor = named

    @property
    def _forcing(self) -> Instruments:
        return Instruments(probes=self.serials, resets=self.found.updates, forced=self.found.forced)

    def _whole_data(self) -> tuple[Array, Array] | None:
        """All inputs and targets, shapes (examples, columns): those of each step where it sees all.

        Otherwise arrays of the program that have the rows of the steps, in the same order.
        """
        batches = [pair for pair in map(self._batch, self._plain()) if pair is not None]
        if not batches:
            return None
        self.batch = max(len(inputs) for inputs, _ in batches)
        first = batches[0]
        if len(first[0]) > 1 and all(_equal(first, other) for other in batches[1:]):
            return first
        return _holding(batches, self._plain()[0].snapshot)

    def _plain(self) -> list[Point]:
        return [item for item in self.points if not item.shifted][:6]

    def _batch(self, point: Point) -> tuple[Array, Array] | None:
        """What the first product takes and the targets, at one iteration."""
        events = events_of(self.lab, point, self.found.updates)
        links = [] if events is None else chain_of(self.lab, events, needed=self.needed)
        if events is None or not links:
            return None
        output = output_of(events, links[-1], self.lab.nodes)
        return None if output is None else (links[0].before[0], output.targets)

    def _names_of_data(self) -> list[list[list[Any]]]:
        """What the program calls its inputs and its targets: the name, whether it is a variable of
        the training loop's own function, and the axis of the examples.
        """
        if self.data is None or self.point is None:
            return [[], []]
        snapshot = self.point.snapshot
        found: list[list[list[Any]]] = [[], []]
        for leaf, value in snapshot.leaves():
            if not isinstance(value, np.ndarray) or any(step[0] == "index" for step in leaf.steps):
                continue
            for place, array in enumerate(self.data):
                axis = _axis_of(value, array)
                if axis is not None:
                    name = spelled(leaf.root, leaf.steps)
                    found[place].append([name, leaf.root in snapshot.cells, axis])
        return found

    def _curvature(self) -> float | None:
        """Of the step, where the network itself does not tell it."""
        if self.kind is not None or _scale(self.program) is None:
            return None
        return step_curvature(self.lab, self._plain())

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The parameters that are moved, and those that only have a place in the network."""
        placed = {name for link in self.links for name in (link.weights, link.biases)}
        return tuple(x for x in self.lab.tensors if x.name in self.needed or x.name in placed)

    def watch(self) -> Watch:
        """What to watch in a run of its own."""
        serials, loss, forced = self.serials, self.value, frozenset[int]()
        if not self.always and self.output is not None and self.kind is not None:
            serials = frozenset({self.output.serial, self.output.target})
            loss = self._recomputed
        elif not self.always:
            forced = _harmless(self.found)
        parents = self.found.watched.parents
        key = self.found.watched.loop.key
        return Watch(
            key=key,
            outermost=parents[0] if parents else key,
            tensors=self.tensors,
            serials=serials,
            loss=loss,
            held=self.found.settings.expressions,
            forced=forced,
        )

    def _recomputed(self, recording: Recording) -> float | None:
        """The loss of a step from its output and its targets."""
        output = self.output
        if output is None or self.kind is None or self.factor is None:
            return None
        outputs = recording.values.get(output.serial) or []
        targets = recording.values.get(output.target) or []
        if not outputs or not targets:
            return None
        total = 0.0
        for one, other in zip(outputs, targets):
            if np.size(one) != np.size(other):
                return None
            total += TOTALS[self.kind](np.ravel(one), np.ravel(other))
        return self.factor * total

    def told(self) -> dict[str, Any]:
        """What is what, as plain data."""
        found, output, rate = self.found, self.output, self.found.rate
        loss = Report(self.program).loss()
        loop = found.watched.loop
        return {
            "tensors": [
                [tensor.name, list(tensor.shape), _lines(found, tensor.name)]
                for tensor in self.tensors
            ],
            "links": [_link_told(link) for link in self.links],
            "output": None
            if output is None
            else {
                "activation": output.activation,
                "slope": output.slope,
                "line": output.residual,
                "target": output.text,
            },
            "kind": self.kind,
            "factor": self.factor,
            "data": None if self.data is None else list(self.data),
            "named": self._names_of_data(),
            "batch": self.batch,
            "loss": [loss.text, loss.own, loss.line],
            "rate": None if rate is None else [rate.text, float(rate.value)],
            "scale": _scale(self.program),
            "curvature": self._curvature(),
            "right": self.program.is_right,
            "momentum": [x.parameter for x in found.states if x.remembers is Remembers.FIRST],
            "adaptive": any(x.remembers is not Remembers.FIRST for x in found.states),
            "loop": loop_place(loop, found.host.source),
            "loop_line": loop.node.lineno,
        }


def _scale(program: Judgement) -> float | None:
    """What a step is, times the gradient of the loss; None where it is no multiple of it."""
    felt = [item for item in program.comparisons if item.points]
    if not felt or any(set(item.rates) != set(item.points) for item in felt):
        return None
    found = []
    for point in sorted({point for item in felt for point in item.points}):
        rates = [item.rates[point] for item in felt if point in item.rates]
        if min(rates) <= 0 or max(rates) > (1 + _STEADY) * min(rates):
            return None
        found.append(float(np.median(rates)))
    return float(np.median(found))


def _lines(found: Understanding, name: str) -> list[int]:
    serials = found.updated.get(name, ())
    return [getattr(found.lab.nodes[serial], "lineno", 0) for serial in serials]


def _link_told(link: Link) -> dict[str, Any]:
    names = ("weights", "biases", "units", "columns", "turned", "activation", "slope", "line")
    return {name: getattr(link, name) for name in names}


def _run_told(run: Watched) -> dict[str, Any]:
    names = ("steps", "rows", "moves", "final", "count", "reason", "failure")
    told = {name: getattr(run, name) for name in (*names, "per_epoch", "seconds")}
    return {**told, "copies": [list(copy) for copy in run.copies]}


def _axis_of(value: Array, array: Array) -> str | None:
    """The axis of the examples, where an array of the program holds all that another one does."""
    if value.shape == array.shape or (value.ndim == 1 and value.size == array.size):
        return "axis=0" if np.array_equal(value.reshape(array.shape), array) else None
    same = value.shape == array.T.shape and np.array_equal(value, array.T)
    return "axis=1, keepdims=True" if same else None


def _harmless(found: Understanding) -> frozenset[int]:
    """The `if i % 100 == 0:` statements that only show or keep numbers."""
    nodes = found.nodes
    harmless = set()
    for serial in found.forced:
        statement = nodes[serial]
        inside = [node for item in getattr(statement, "body", []) for node in ast.walk(item)]
        loop = found.watched.loop.node
        read = _names(ast.walk(loop), ast.Load)
        set_there = _names(inside, ast.Store)
        if not any(isinstance(node, ast.AugAssign) for node in inside) and not set_there & read:
            harmless.add(serial)
    return frozenset(harmless)


def _names(nodes: Iterable[ast.AST], context: type[ast.expr_context]) -> set[str]:
    """The variables that are read, or set, by some expressions."""
    return {
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, context)
    }


def _equal(one: tuple[Array, Array], other: tuple[Array, Array]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other))


def _holding(batches: list[tuple[Array, Array]], snapshot: Snapshot) -> tuple[Array, Array] | None:
    """The smallest two arrays that hold the rows of all batches at the same places."""
    inputs = _candidates(snapshot, batches[0][0].shape[1])
    targets = _candidates(snapshot, batches[0][1].shape[1])
    for one in inputs:
        places = [_places(one, batch[0]) for batch in batches]
        if any(place is None for place in places):
            continue
        for other in targets:
            if len(other) == len(one) and all(
                np.array_equal(other[place], batch[1]) for place, batch in zip(places, batches)
            ):
                return one, other
    return None


def _candidates(snapshot: Snapshot, columns: int) -> list[Array]:
    """The program's arrays with a number of columns, by length, as (rows, columns)."""
    found = []
    for _, value in snapshot.leaves():
        array = np.asarray(value, dtype=np.float64)
        if array.ndim == 1 and columns == 1:
            found.append(array.reshape(-1, 1))
        elif array.ndim >= 2:
            flat = array.reshape(len(array), -1)
            found += [item for item in (flat, flat.T) if item.shape[1] == columns]
    return sorted((item for item in found if len(item) > 1), key=len)


def _places(whole: Array, rows: Array) -> Array | None:
    """Where the rows of a batch stand in an array; None where one does not."""
    known = {row.tobytes(): place for place, row in enumerate(np.ascontiguousarray(whole))}
    found = [known.get(row.tobytes()) for row in np.ascontiguousarray(rows, dtype=np.float64)]
    return None if any(place is None for place in found) else np.array(found)

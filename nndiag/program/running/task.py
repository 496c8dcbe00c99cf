"""The task that runs beside a program: measure it, tell its network, and watch one training.

What it gives and sends is plain data and numpy arrays.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Mapping
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
from nndiag.program.judging.judgement import Judgement, compared_program, not_understood
from nndiag.program.judging.report import Report
from nndiag.program.loop.step_evaluator import Point, Recording
from nndiag.program.loop.tensors import Tensor
from nndiag.program.roles.optimizers import Remembers
from nndiag.program.roles.understanding import Understanding
from nndiag.program.running.curvature import step_curvature
from nndiag.program.running.events import Events, events_of
from nndiag.program.running.examples import axis_of, holding, is_equal
from nndiag.program.running.flat import TensorPart, parted
from nndiag.program.running.layers import Link, chain_of
from nndiag.program.running.losses import (
    TOTALS,
    Output,
    call_of,
    factor_of,
    output_of,
    penalised,
)
from nndiag.program.running.rule import rule_of
from nndiag.program.running.schedule import rates_of, schedule_of
from nndiag.program.running.shown import harmless
from nndiag.program.running.watching import Watch, Watched, other_seeds, watched
from nndiag.program.text.instrument import Instruments
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source, read_source
from nndiag.program.training.trainable import Reader, reader_of

Array = Any

_MEASURING = 10.0  # seconds
_READ = 3  # points from which a loss is named that is told behind the loop
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
    told = {**found.told(), **_run_told(run), "text": source.text}
    return {**told, "rates": rates_of(run, told["rate"])}


def _source(settings: CodeSettings, text: str | None) -> Source:
    path = settings.path
    source = read_source(path if path is not None else Path())
    return source if text is None else source.with_text(text)


class _Roles:
    """What is what in a program that was understood."""

    def __init__(self, program: Judgement, reader: Reader) -> None:
        found = program.found
        self.program, self.found = program, found
        self.node_ids, self.value = reader
        self.points = [reading.point for reading in found.readings]
        self.point = next((item for item in self.points if not item.shifted), None)
        parameters = [item for reading in found.readings for item in reading.parameters]
        self.needed = frozenset(item.name for item in parameters if item.moves)
        self.lab = found.lab
        self.parts: tuple[Tensor, ...] = found.lab.tensors
        self.links: list[Link] = []
        self.output: Output | None = None
        self.kind: str | None = None
        self.factor: float | None = None
        self.call: tuple[ast.expr, ast.expr] | None = None
        self.penalty = 0.0
        self.rescaled = 1.0
        self.rule = rule_of(program, None if found.rate is None else float(found.rate.value))
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
        self.parts, events = parted(self.lab.tensors, events)
        self.links = self._chain(events)
        if not self.links:
            return
        self.output = output_of(events, self.links[-1], self.lab.nodes)
        if self.output is not None:
            self.call = call_of(events, self.output, self.links[-1], self.lab.nodes)
            self._name_loss(events, point)
            self._fit_implied()
            self.data = self._whole_data()

    def _chain(self, events: Events) -> list[Link]:
        of = {x.name: x.whole.name for x in self.parts if isinstance(x, TensorPart) and x.whole}
        wholes = set(of.values())
        needed = (self.needed - wholes) | {x for x in of if wholes & self.needed}
        return chain_of(self.lab.nodes, self.parts, events, needed=needed)

    def _is_always_computed(self) -> bool:
        """Whether an iteration computes the loss without being made to."""
        lab = self.lab
        variant = lab.runner.variant(Instruments(probes=self.node_ids, resets=self.found.updates))
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
                self._name_told_behind()
                return
            values.append(value)
        kinds = [_KINDS.get(loss.kind, "")] if loss.kind in _KINDS else list(TOTALS)
        if self.output is not None:
            named = factor_of(self.output, values, kinds)
            if named is not None:
                self.kind, self.factor = named
                return
            squares = [
                sum(float(theta[link.weights] @ theta[link.weights]) for link in self.links)
                for theta in events.thetas
            ]
            added = penalised(self.output, values, squares, kinds)
            if added is not None:
                self.kind, self.factor, self.penalty = added
                self.always = False  # the loss without what is added to it is computed anew

    def _name_told_behind(self) -> None:
        """The same for a loss that is told behind the loop: from what was read at several points.

        It is computed anew in each iteration.
        """
        loss = self.found.loss
        assert loss is not None
        values, outputs = [], []
        for reading in self.found.readings[:_READ]:
            value = loss.value(reading.forward, reading.keyed_forward)
            output = self._seen(reading.point)[1]
            if value is None or output is None:
                return
            values.append(value)
            outputs.append(output)
        for kind in TOTALS:
            with np.errstate(all="ignore"):
                totals = [TOTALS[kind](item.values[0], item.targets) for item in outputs]
                factors = np.array(values) / np.array(totals)
            if np.isfinite(factors).all() and 0 < factors.max() <= factors.min() * (1 + 1e-6):
                self.kind, self.factor = kind, float(factors[0])

    def _fit_implied(self) -> None:
        """The factor of a loss that the program never computes: that which the rate belongs to."""
        loss, rate = self.found.loss, self.found.rate
        scale = _scale(self.program) or self.rule.scale
        if loss is None or loss.own or self.factor is None or rate is None or scale is None:
            return
        if rate.value > 0:
            self.factor *= scale / float(rate.value)
            self.rescaled = scale / float(rate.value)
            self.always = False

    @property
    def _forcing(self) -> Instruments:
        return Instruments(
            probes=self.node_ids, resets=self.found.updates, forced=self.found.forced
        )

    def _whole_data(self) -> tuple[Array, Array] | None:
        """All inputs and targets, shapes (examples, columns): those of each step where it sees all.

        Otherwise arrays of the program that have the rows of the steps, in the same order.
        """
        batches = [pair for pair in map(self._batch, self._plain()) if pair is not None]
        if not batches:
            return None
        self.batch = max(len(inputs) for inputs, _ in batches)
        first = batches[0]
        if len(first[0]) > 1 and all(is_equal(first, other) for other in batches[1:]):
            return first
        return holding(batches, self._plain()[0].snapshot)

    def _plain(self) -> list[Point]:
        return [item for item in self.points if not item.shifted][:6]

    def _batch(self, point: Point) -> tuple[Array, Array] | None:
        """What the first product takes and the targets, at one iteration."""
        links, output = self._seen(point)
        return None if output is None else (links[0].before[0], output.targets)

    def _seen(self, point: Point) -> tuple[list[Link], Output | None]:
        """The layers and the output at one iteration."""
        events = events_of(self.lab, point, self.found.updates)
        if events is None:
            return [], None
        events = parted(self.lab.tensors, events)[1]
        links = self._chain(events)
        return links, output_of(events, links[-1], self.lab.nodes) if links else None

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
                axis = axis_of(value, array)
                if axis is not None:
                    name = spelled(leaf.root, leaf.steps)
                    found[place].append([name, leaf.root in snapshot.cells, axis])
        return found

    def _curvature(self) -> float | None:
        """Of the step, where the network itself does not tell it."""
        if self.kind is not None or _scale(self.program) is None or not self._plain():
            return None
        return step_curvature(self.lab, self._plain())

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The parameters that are moved, and those that only have a place in the network."""
        placed = {name for link in self.links for name in (link.weights, link.biases)}
        named = self.parts if placed else self.lab.tensors
        return tuple(x for x in named if x.name in self.needed or x.name in placed)

    def watch(self) -> Watch:
        """What to watch in a run of its own."""
        node_ids, loss, forced = self.node_ids, self.value, frozenset[int]()
        if not self.always and self.output is not None and self.kind is not None:
            node_ids = frozenset({self.output.node_id, self.output.target})
            loss = self._recomputed
        elif not self.always:
            forced = harmless(self.found)
        key = self.found.watched.loop.key
        return Watch(
            key=key,
            around=tuple(self.found.watched.parents),
            tensors=self.tensors,
            node_ids=node_ids,
            loss=loss,
            held=self.found.settings.expressions,
            forced=forced,
            rate=schedule_of(self.program),
        )

    def _recomputed(self, recording: Recording) -> float | None:
        """The loss of a step from its output and its targets."""
        output = self.output
        if output is None or self.kind is None or self.factor is None:
            return None
        outputs = recording.values.get(output.node_id) or []
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
        squares = {Remembers.SECOND, Remembers.SIZE}
        adaptive = any(x.remembers in squares for x in found.states)
        scale = _scale(self.program) or self.rule.scale
        scale = None if scale is None else scale / self.rescaled
        return {
            "tensors": [
                [tensor.name, list(tensor.shape), _lines(found, tensor)] for tensor in self.tensors
            ],
            "links": [_link_told(link) for link in self.links],
            "output": None
            if output is None
            else {
                "activation": output.activation,
                "slope": output.slope,
                "line": output.residual,
                "target": output.text,
                "call": None if self.call is None else [_span(item) for item in self.call],
            },
            "kind": self.kind,
            "factor": self.factor,
            "data": None if self.data is None else list(self.data),
            "named": self._names_of_data(),
            "batch": self.batch,
            "loss": [loss.text, loss.own, loss.line],
            "rate": None if rate is None else [rate.text, float(rate.value)],
            "scale": scale,
            "decay": (self.rule.decay or 2 * self.penalty) * self.rescaled,
            "clip": self.rule.clip,
            "curvature": self._curvature(),
            "right": self.program.is_right,
            "momentum": [x.parameter for x in found.states if not adaptive],
            "adaptive": adaptive,
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


def _lines(found: Understanding, tensor: Tensor) -> list[int]:
    whole = tensor.whole if isinstance(tensor, TensorPart) else None
    node_ids = found.updated.get(tensor.name if whole is None else whole.name, ())
    return [getattr(found.lab.nodes[node_id], "lineno", 0) for node_id in node_ids]


def _span(node: ast.expr) -> list[Any]:
    return [node.lineno, node.col_offset, node.end_lineno, node.end_col_offset]


def _link_told(link: Link) -> dict[str, Any]:
    names = ("weights", "biases", "units", "columns", "turned", "activation", "slope", "line")
    return {name: getattr(link, name) for name in names}


def _run_told(run: Watched) -> dict[str, Any]:
    names = ("steps", "rows", "moves", "final", "count", "reason", "failure")
    told = {name: getattr(run, name) for name in (*names, "per_epoch", "seconds")}
    return {**told, "copies": [list(copy) for copy in run.copies]}

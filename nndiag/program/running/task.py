"""The task that runs beside a program: measure it, tell its network, and watch one training.

What it gives and sends is plain data and numpy arrays.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nndiag.errors import UserCodeError
from nndiag.program.child.agent import Send
from nndiag.program.child.plain import from_plain
from nndiag.program.execution import clock
from nndiag.program.execution.host import Host, loop_place
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.execution.sandbox import sandbox
from nndiag.program.judging.judgement import Judgement, compared_program
from nndiag.program.judging.refusals import not_understood
from nndiag.program.judging.report import Report
from nndiag.program.loop.step_evaluator import Recording
from nndiag.program.loop.tensors import Tensor
from nndiag.program.network.layers import Layer
from nndiag.program.network.parts import TensorPart
from nndiag.program.roles.limits import limits_told
from nndiag.program.roles.optimizers import Remembers, State
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.status import Status
from nndiag.program.roles.understanding import Understanding
from nndiag.program.running.curvature import step_curvature
from nndiag.program.running.rule import rule_of
from nndiag.program.running.schedule import schedule_of
from nndiag.program.running.seen import Seen
from nndiag.program.running.shown import harmless
from nndiag.program.running.step_loss import StepLoss
from nndiag.program.running.watching import Watch, other_seeds, watched
from nndiag.program.text.instrument import Instruments
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source, read_source
from nndiag.program.training.trainable import Reader, reader_of

Array = Any

_MEASURING = 10.0  # seconds
_STEADY = 1e-2  # how much the factor of tensors may differ
_ALIKE = 1e-3  # how much the shares that memories keep may differ
_ENDING = ("final", "count", "reason", "failure", "per_epoch", "seconds", "again", "settled_since")


def watch(request: Mapping[str, Any], send: Send) -> dict[str, Any]:
    """Measure a program, tell its network, and watch one training of it.

    Args:
        request: `settings`, and where wanted `text` (what to run in the place of the file's text),
            `steps`, `seconds`, `whole` and `shift` (added to its seeds).
        send: Called with "roles" and what is what, then with "rows" and blocks of steps.

    Returns:
        How it ended: with what was sent what `nndiag.own_program.mirror` takes.

    Raises:
        UserCodeError: The program cannot be run, or its loop or loss cannot be found.
    """
    settings = from_plain(CodeSettings, request["settings"])
    source = _source(settings, request.get("text"))
    with (
        sandbox(source.path),
        np.errstate(all="ignore"),
        other_seeds(request.get("shift", 0)),
        limits_told(source),
    ):
        program = compared_program(
            source, settings, deadline=clock.now() + _MEASURING, in_parts=False
        )
        if program.found.loss is None or not program.found.readings:
            raise UserCodeError(not_understood(program.found))
        found = _Roles(program, reader_of(program.found))
        send("roles", {**found.told(), "text": source.text})
    with sandbox(source.path), np.errstate(all="ignore"), other_seeds(request.get("shift", 0)):
        run = watched(
            Host(source, program.found.settings.functions),
            found.watch(),
            steps=request.get("steps"),
            seconds=request.get("seconds"),
            whole=request.get("whole", False),
            take=lambda block: send("rows", block),
        )
    return {name: getattr(run, name) for name in _ENDING}


def _source(settings: CodeSettings, text: str | None) -> Source:
    path = settings.path
    source = read_source(path if path is not None else Path())
    return source if text is None else source.with_text(text)


class _Roles:
    """What is what in a program that was understood."""

    def __init__(self, program: Judgement, reader: Reader | None) -> None:
        found = program.found
        self.program, self.found = program, found
        self.seen = Seen(found)
        self.step_loss = StepLoss(self.seen)
        if reader is None and not self.step_loss.is_known:
            raise UserCodeError(not_understood(found))
        self.reader = reader
        self.rule = rule_of(program, None if found.rate is None else float(found.rate.value))
        output = self.seen.output
        self.factor = None if output is None else output.factor
        self.penalty = self.seen.penalty
        self.rescaled = self._fit_implied()
        self.always = not self.penalty and self.rescaled == 1.0 and self._is_always_computed()

    def _is_always_computed(self) -> bool:
        """Whether an iteration computes the loss without being made to."""
        if self.reader is None:
            return False
        node_ids, value = self.reader
        lab, loss = self.found.lab, self.found.loss
        assert loss is not None
        variant = lab.runner.variant(Instruments(probes=node_ids, resets=self.found.updates))
        try:
            for reading in self._plain()[:4]:
                read = value(lab.record(reading.point, variant))
                known = loss.value(reading.forward, reading.keyed_forward)
                if read is None or known is None or not np.isclose(read, known, equal_nan=True):
                    return False
            return True
        except StepFailedError:
            return False

    def _fit_implied(self) -> float:
        """By what the factor of a loss that the program never computes is multiplied.

        It is that which the program's rate belongs to.
        """
        loss, rate = self.found.loss, self.found.rate
        scale = _scale(self.program) or self.rule.scale
        if loss is None or loss.own or self.factor is None or rate is None or scale is None:
            return 1.0
        if rate.value <= 0:
            return 1.0
        times = scale / float(rate.value)
        self.factor *= times
        self.step_loss.scaled(times)
        return times

    def _plain(self) -> list[Reading]:
        return [reading for reading in self.found.readings if not reading.point.shifted]

    def _curvature(self) -> float | None:
        """Of the step, where the network itself does not tell it."""
        known = self.seen.output is not None and self.seen.output.kind is not None
        if known or _scale(self.program) is None or not self._plain():
            return None
        return step_curvature(self.found.lab, [reading.point for reading in self._plain()])

    def watch(self) -> Watch:
        """What to watch in a run of its own."""
        loss: Callable[[Recording], float | None] = self.step_loss
        node_ids, forced = self.step_loss.node_ids, frozenset[int]()
        if self.reader is not None and (self.always or not self.step_loss.is_known):
            node_ids, loss = self.reader
            forced = frozenset() if self.always else harmless(self.found)
        return Watch(
            key=self.found.watched.loop.key,
            around=tuple(self.found.watched.parents),
            tensors=self.seen.tensors,
            node_ids=node_ids,
            loss=loss,
            held=self.found.settings.expressions,
            forced=forced,
            rate=schedule_of(self.program),
            baseline=self.step_loss.of_the_mean(),
        )

    def told(self) -> dict[str, Any]:
        """What is what, as plain data."""
        found, seen, rate = self.found, self.seen, self.found.rate
        loss = Report(self.program).loss()
        loop = found.watched.loop
        squares = {Remembers.SECOND, Remembers.SIZE}
        adaptive = any(x.remembers in squares for x in found.states)
        scale = _scale(self.program) or self.rule.scale
        scale = None if scale is None else scale / self.rescaled
        return {
            "tensors": [[x.name, list(x.shape), _lines(found, x)] for x in seen.tensors],
            "links": [_layer_told(seen, layer) for layer in seen.layers],
            "output": _output_told(seen),
            "kind": None if seen.output is None else seen.output.kind,
            "grows": any(x.status is Status.CHANGES_SHAPE for x in self.program.comparisons),
            "factor": self.factor,
            "data": None if seen.data is None else list(seen.data),
            "named": seen.names_of_data(),
            "batch": seen.batch,
            "in_order": seen.in_order,
            "loss": [loss.text, loss.own, loss.line],
            "rate": None if rate is None else [rate.text, float(rate.value)],
            "scale": scale,
            "decay": (self.rule.decay or 2 * self.penalty) * self.rescaled,
            "clip": self.rule.clip,
            "curvature": self._curvature(),
            "right": self.program.is_right,
            "momentum": 0.0 if adaptive else _momentum(found.states),
            "adaptive": adaptive,
            "loop": loop_place(loop, found.host.source),
            "loop_line": loop.node.lineno,
        }


def _output_told(seen: Seen) -> dict[str, Any] | None:
    output, network = seen.output, seen.network
    if output is None or network is None:
        return None
    single = output.activation == "softmax" and network.layers[-1].units == 1
    call = seen.call() if single else None
    return {
        "activation": output.activation,
        "slope": output.slope,
        "line": output.line or network.forward.line(output.table.nodes[0]),
        "call": None if call is None else [_span(item) for item in call],
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


def _momentum(states: Sequence[State]) -> float:
    """The share of its old value that the memory of all parameters keeps.

    It is 0 where there is no memory, and nan where not all keep one share.
    """
    shares = [x.kept for x in states]
    if not shares:
        return 0.0
    known = [share for share in shares if share is not None and 0 < share < 1]
    one = len(known) == len(shares) and max(known) - min(known) <= _ALIKE
    return float(np.median(known)) if one else math.nan


def _lines(found: Understanding, tensor: Tensor) -> list[int]:
    whole = tensor.whole if isinstance(tensor, TensorPart) else None
    node_ids = found.updated.get(tensor.name if whole is None else whole.name, ())
    return [getattr(found.lab.nodes[node_id], "lineno", 0) for node_id in node_ids]


def _span(node: ast.expr) -> list[Any]:
    return [node.lineno, node.col_offset, node.end_lineno, node.end_col_offset]


def _layer_told(seen: Seen, layer: Layer) -> dict[str, Any]:
    assert seen.network is not None
    return {
        "weights": layer.weights.name,
        "biases": None if layer.biases is None else layer.biases.name,
        "units": layer.units,
        "columns": layer.columns,
        "ones": layer.ones,
        "turned": layer.is_turned,
        "activation": layer.activation,
        "slope": layer.slope,
        "line": seen.network.forward.line(layer.product.nodes[0]),
    }

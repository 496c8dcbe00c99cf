"""A program trained as it stands, or with its learning rate multiplied by a factor.

For a factor other than 1, at the head of each iteration the parameters are put where the last one
would have led with the other rate: the move is multiplied. That is exact wherever the step is
proportional to the rate, as it is in gradient descent, with momentum, with weight decay and in
Adam, whatever the rate is called and wherever it is written.
"""

from __future__ import annotations

import contextlib

import numpy as np

from nndiag.errors import UserCodeError
from nndiag.program.execution import clock
from nndiag.program.execution.host import CellReader, Host, OutOfTime, StopProgram, cells_of
from nndiag.program.execution.numbers import Vector
from nndiag.program.execution.sandbox import sandbox
from nndiag.program.execution.snapshot import Snapshot, take_snapshot
from nndiag.program.loop.step_evaluator import Recording
from nndiag.program.text.instrument import Instruments
from nndiag.program.training.trainable import Trainable


def scaled_losses(
    program: Trainable,
    *,
    iterations: int,
    seconds: float,
    factor: float = 1.0,
) -> list[float]:
    """The loss in each iteration; it ends early where the program fails or takes too long.

    Args:
        program: The program.
        iterations: How many iterations to run at most.
        seconds: How long to train at most.
        factor: What its learning rate is multiplied by.
    """
    with sandbox(program.source.path), np.errstate(all="ignore"):
        run = _ScaledRun(program, factor=factor, iterations=iterations)
        return run.losses(seconds=seconds)


class _ScaledRun:
    """One training of the program in a host of its own."""

    def __init__(self, program: Trainable, *, factor: float, iterations: int) -> None:
        self._program, self._factor, self._iterations = program, factor, iterations
        self._key = program.loop
        self._host = Host(program.source, program.settings.functions)
        self._host.hold(self._key, program.settings.expressions)
        self._found: list[float] = []
        self._recording = Recording()
        self._places: Snapshot | None = None
        self._before: dict[str, Vector] = {}
        self._until = float("inf")

    def losses(self, *, seconds: float) -> list[float]:
        """Train, and give the losses."""
        self._until = clock.now() + seconds
        hooks = self._host.hooks
        hooks.head, hooks.probe, hooks.deadline = self._head, self._probe, self._until + 0.5
        instruments = Instruments(
            probes=self._program.node_ids,
            forced=self._program.forced,
        )
        with contextlib.suppress(UserCodeError, OutOfTime):  # an overflow ends its training so
            if not self._host.run(instruments):  # no head follows its last iteration
                value = self._program.value(self._recording) if self._recording.values else None
                self._found += [value] if value is not None else []
        return self._found

    def _head(self, at: tuple[int, int], cells: CellReader) -> None:
        if at != self._key:
            return
        value = self._program.value(self._recording) if self._recording.values else None
        if value is not None:
            self._found.append(value)
        self._recording = Recording()
        if self._factor != 1:
            self._scale(cells)
        if len(self._found) >= self._iterations or clock.is_over(self._until):
            raise StopProgram

    def _scale(self, cells: CellReader) -> None:
        """Put the parameters where the other rate would have led."""
        if self._places is None:
            self._places = take_snapshot(
                iteration=0,
                namespaces=self._host.namespaces,
                cells=cells_of(cells),
                is_user=self._host.is_user,
                passing=self._host.passing,
            )
        for tensor in self._program.tensors:
            now = tensor.read(self._places)
            before = self._before.get(tensor.name)
            if now is None:
                continue
            if before is not None:
                now = before + self._factor * (now - before)
                tensor.write(self._places, now)
            self._before[tensor.name] = now.copy()

    def _probe(self, node_id: int, value: object) -> object:
        self._recording.add(node_id, value)
        return value

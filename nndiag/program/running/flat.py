"""Parameters that are parts of one long vector, as `theta[0:24].reshape(3, 8)`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nndiag.program.execution.numbers import Vector
from nndiag.program.execution.snapshot import Snapshot
from nndiag.program.loop.tensors import Tensor
from nndiag.program.running.events import Events

Array = Any


@dataclass(frozen=True)
class TensorPart(Tensor):
    """A part of a longer tensor.

    Attributes:
        whole: That tensor.
        start: Its first number in there.
    """

    whole: Tensor | None = None
    start: int = 0

    def read(self, snapshot: Snapshot) -> Vector | None:
        """Its numbers in the running program, None where it cannot be found any more."""
        values = None if self.whole is None else self.whole.read(snapshot)
        return None if values is None else values[self.start : self.start + self.size]


def parted(tensors: tuple[Tensor, ...], events: Events) -> tuple[tuple[Tensor, ...], Events]:
    """The tensors and their values, with vectors that are used in parts as these parts.

    Args:
        tensors: The parameters.
        events: One iteration.
    """
    found: list[Tensor] = []
    thetas = [dict(theta) for theta in events.thetas]
    for tensor in tensors:
        parts = _parts(tensor, events) if len(tensor.shape) == 1 and tensor.size > 1 else []
        found += parts or [tensor]
        for part in parts:
            for theta in thetas:
                theta[part.name] = theta[tensor.name][part.start : part.start + part.size]
    return tuple(found), replace(events, thetas=thetas)


def _parts(tensor: Tensor, events: Events) -> list[TensorPart]:
    """The parts that a vector is cut into, one behind the other; empty where it is not."""
    shapes: dict[int, tuple[int, ...]] = {}
    first = events.thetas[0][tensor.name]
    for event, value in enumerate(events.values[0]):
        if 0 < value.size < tensor.size and events.is_acted(event):
            start = _start(first, np.ravel(value))
            if start is not None and _holds(tensor.name, events, event, start):
                shapes.setdefault(start, value.shape)
                if len(value.shape) > len(shapes[start]):
                    shapes[start] = value.shape
    parts, place = [], 0
    for start, shape in sorted(shapes.items()):
        if start != place:
            return []
        name = f"{tensor.name}[{start}:{start + int(np.prod(shape))}]"
        parts.append(TensorPart(name, tensor.leaves, shape, whole=tensor, start=start))
        place = start + parts[-1].size
    return parts if place == tensor.size else []


def _start(vector: Array, part: Array) -> int | None:
    """Where a part begins in a vector; None where it is not found at one place."""
    for start in np.flatnonzero(vector[: vector.size - part.size + 1] == part[0]):
        if np.array_equal(vector[start : start + part.size], part):
            return int(start)
    return None


def _holds(name: str, events: Events, event: int, start: int) -> bool:
    """Whether a value is a part of a vector at all points."""
    return all(
        np.array_equal(
            theta[name][start : start + values[event].size],
            np.ravel(values[event]),
        )
        for theta, values in zip(events.thetas, events.values)
    )

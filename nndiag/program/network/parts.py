"""Parameters that are parts of one long vector, as `theta[0:24].reshape(3, 8)`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nndiag.program.execution.numbers import Vector
from nndiag.program.execution.snapshot import Snapshot
from nndiag.program.loop.tensors import Tensor
from nndiag.program.network.uses import Use


@dataclass(frozen=True)
class TensorPart(Tensor):
    """A part of a longer tensor.

    Attributes:
        whole: That tensor.
        start: Its first number in there.
    """

    whole: Tensor | None = None
    start: int = 0

    def held(self, snapshot: Snapshot) -> Vector | None:
        """Its numbers in the running program, None where it cannot be found any more."""
        values = None if self.whole is None else self.whole.read(snapshot)
        return None if values is None else values[self.start : self.start + self.size]


def parted(
    tensors: Sequence[Tensor], uses: Sequence[Use], *, single: Collection[str]
) -> tuple[tuple[Tensor, ...], list[Use]]:
    """The tensors and their uses, with vectors that are used in parts as these parts.

    Args:
        tensors: The parameters.
        uses: Where their numbers go.
        single: The tensors that are one array each.
    """
    found: list[Tensor] = []
    kept: list[Use] = []
    for tensor in tensors:
        own = [use for use in uses if use.tensor == tensor.name]
        is_vector = tensor.name in single and len(tensor.shape) == 1 and tensor.size > 1
        parts = _parts(tensor, own) if is_vector else []
        found += parts or [tensor]
        for use in own:
            part = next((x for x in parts if x.start <= use.labels.min() < x.start + x.size), None)
            kept.append(use if part is None else _of_part(use, part))
    return tuple(found), sorted(kept, key=lambda use: use.node)


def _parts(tensor: Tensor, uses: Sequence[Use]) -> list[TensorPart]:
    """The parts that a vector is cut into, one behind the other; empty where it is not."""
    shapes: dict[int, tuple[int, ...]] = {}
    for use in uses:
        labels = np.sort(use.labels, axis=None)
        if labels.size in (tensor.size, 0):
            continue
        if not np.array_equal(labels, np.arange(labels[0], labels[0] + labels.size)):
            return []
        shapes.setdefault(int(labels[0]), use.labels.shape)
    parts, place = [], 0
    for start, shape in sorted(shapes.items()):
        if start != place:
            return []
        name = f"{tensor.name}[{start}:{start + int(np.prod(shape))}]"
        parts.append(TensorPart(name, tensor.leaves, shape, whole=tensor, start=start))
        place = start + parts[-1].size
    whole = place == tensor.size and any(part.size > 1 for part in parts)
    return parts if len(parts) > 1 and whole else []


def _of_part(use: Use, part: TensorPart) -> Use:
    return replace(use, tensor=part.name, labels=use.labels - part.start)

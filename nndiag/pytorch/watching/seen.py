"""What a script is seen to do beside its steps: optimizers, batches, modes, schedules, scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from nndiag.pytorch.watching.hooks import Observer
from nndiag.pytorch.watching.tape import line_in

_MOST_DATA = 2**27  # bytes of batches that are kept
_MOST_FED = 64  # tensors that a network is evaluated at


def parts_of(batch: Any) -> Sequence[Any]:
    """What a batch consists of; a tensor is its only part."""
    if isinstance(batch, dict):
        return tuple(batch.values())
    return batch if isinstance(batch, (list, tuple)) else (batch,)


def _length(loader: Any) -> float:
    """Batches of an epoch; of a stream there is no end."""
    try:
        return len(loader)
    except TypeError:
        return float("inf")


class Seen(Observer):
    """Keeps what a script does, but for its steps.

    Args:
        file: The file's name, as its code carries it.

    Attributes:
        count: Steps that have been made.
        names: What the script calls tensors and modules, by identity.
        arrays: Its arrays, by name.
        evaluated_at: What a network is evaluated at, by identity.
        notes: What could not be watched, and why.
    """

    def __init__(self, file: str) -> None:
        self._file, self.count = file, 0
        self.names: dict[int, str] = {}
        self.arrays: dict[str, Any] = {}
        self.evaluated_at: dict[int, Any] = {}
        self.optimizers: list[Any] = []
        self.clip_norm: float | None = None
        self.batches: dict[int, list[Any]] = {}
        self.loaders: dict[int, Any] = {}
        self.last_batch: tuple[int, Any] | None = None
        self.evaluated_in_training: dict[str, int] = {}
        self.functions: dict[str, tuple[Any, Any, int]] = {}
        self.schedule: dict[int, int] = {}
        self._scaled: tuple[Any, Any] | None = None
        self.notes: list[str] = []
        self._kept = 0

    def created(self, optimizer: Any) -> None:  # noqa: D102
        self.optimizers.append(optimizer)

    def drew(self, loader: Any, batch: Any) -> None:  # noqa: D102
        self.last_batch = (id(loader), batch)
        self.loaders[id(loader)] = loader
        known = self.batches.setdefault(id(loader), [])
        if self._kept < _MOST_DATA and len(known) < _length(loader):
            known.append(batch)
            parts = parts_of(batch)
            self._kept += sum(
                x.numel() * x.element_size() for x in parts if isinstance(x, torch.Tensor)
            )

    def evaluated(self, module: Any) -> None:  # noqa: D102
        name = self.names.get(id(module), type(module).__name__)
        self.evaluated_in_training.setdefault(name, line_in(self._file))

    def fed(self, arguments: Any) -> None:  # noqa: D102
        for x in arguments:
            if isinstance(x, torch.Tensor) and len(self.evaluated_at) < _MOST_FED:
                self.evaluated_at.setdefault(id(x), x)

    def applied(self, kind: Any, arguments: Any, result: Any) -> None:  # noqa: D102
        if kind.__module__ == "__main__" and kind.__name__ not in self.functions:
            kept = [x.detach().clone() if isinstance(x, torch.Tensor) else x for x in arguments]
            self.functions[kind.__name__] = (kind, kept, line_in(self._file))

    def compiled(self) -> None:  # noqa: D102
        self.notes.append("torch.compile is left out: operation by operation the results are equal")

    def scaled(self, loss: Any, result: Any) -> None:  # noqa: D102
        if self._scaled is None:
            self.notes.append(
                "the gradients are scaled for mixed precision: whether they accumulate is not told"
            )
        self._scaled = (result, loss)

    @property
    def is_scaled(self) -> bool:
        """Whether the gradients between a backward pass and a step are scaled."""
        return self._scaled is not None

    def scheduled(self) -> None:  # noqa: D102
        if self.count:  # a schedule makes its first step when it is made
            line = line_in(self._file)
            self.schedule[line] = self.schedule.get(line, 0) + 1

    def clipped(self, norm: float) -> None:  # noqa: D102
        self.clip_norm = norm

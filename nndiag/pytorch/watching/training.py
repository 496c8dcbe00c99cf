"""What is known of one training of a script, and what can be read of it at any time."""

from __future__ import annotations

from typing import Any

import torch

from nndiag.program.running.rows import Rows
from nndiag.pytorch.watching.iteration import Iteration, Tracked
from nndiag.pytorch.watching.names import (
    arrays_in,
    modules_in,
    names_of,
    optimizer_names,
    variables_of,
)
from nndiag.pytorch.watching.seen import Seen
from nndiag.pytorch.watching.tape import TapeMode
from nndiag.pytorch.watching.tracking import tracked_in

Array = Any


class Training(Seen):
    """One training of a script; where another begins, nothing is known of it.

    Args:
        file: The file's name, as its code carries it.

    Attributes:
        lengths: Steps of the trainings before this one, of models of their own.
        final: The parameters at its end, where another training followed.
        made_at: Optimizer, by identity → the line that made it.
        moved: The optimizers, by identity, that a loss moves the parameters of, and those of them
            that make a step before the next one goes backward; for each that went backward.
        renewed: How often another optimizer has taken its parameters over.
    """

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.lengths: list[int] = []
        self.made_at: dict[int, int] = {}
        self.final: dict[str, Array] | None = None
        self._mode: TapeMode | None = None
        self._iteration: Iteration | None = None
        self._anew()

    def _anew(self) -> None:
        """Nothing of a training is known."""
        self.count = 0
        self.evaluated_in_training = {}
        self.schedule = {}
        self.tracked: list[Tracked] = []
        self.lead: Any = None
        self.unstepped: list[float] = []
        self.backward_line = 0
        self.optimizer_names: dict[int, str] = {}
        self.rates: list[tuple[int, float]] = []
        self.rows: Rows | None = None
        self.copies: list[tuple[int, dict[str, Array]]] = []
        self.moves: list[Array] = []
        self.models: list[str] = []
        self._losses: list[tuple[Any, frozenset[int]]] = []
        self._norms: dict[int, float] = {}
        self._broken = 0
        self._next_probe = 0
        self._probes = 0
        self._made_before = 0
        self._others: list[Any] = []
        self.moved: set[tuple[frozenset[int], frozenset[int]]] = set()
        self._pending: tuple[frozenset[int], set[int]] = (frozenset(), set())
        self.renewed = 0
        self._inside = self._idle = False
        self._before: dict[str, Array] | None = None
        self._old: dict[str, Any] = {}
        self._grads_before: dict[str, Any] = {}
        self._by_hand = False

    def parameters(self) -> dict[str, Array]:
        """Copies of the parameters in double precision, flat."""
        return {
            x.name: x.tensor.detach().cpu().double().reshape(-1).numpy().copy()
            for x in self.tracked
        }

    @property
    def leading(self) -> Any:
        """The optimizer that steps first; the only one that was made where none steps."""
        return self.optimizers[0] if self.lead is None and len(self.optimizers) == 1 else self.lead

    def _find(self, loss: Any) -> None:
        """The parameters: those of the optimizers, and those that the loss depends on."""
        variables = variables_of(self._file)
        self.names, self.arrays = names_of(variables), arrays_in(variables)
        self.optimizer_names = optimizer_names(variables)
        modules = modules_in(variables).items()
        self.models = [x for x, item in modules if any(True for _ in item.parameters())]
        tape = self._mode.tape if self._mode is not None else None
        self.tracked = tracked_in(tape, self.optimizers, self.names, loss=loss)
        self._by_hand = not any(x.optimizer is not None for x in self.tracked)
        if self._iteration is not None:
            self._iteration.tracked = self.tracked

    def _gradients(self, *, copied: bool) -> dict[str, Any]:
        known = [(x.name, x.tensor.grad) for x in self.tracked if x.tensor.grad is not None]
        return {name: grad.detach().clone() if copied else grad for name, grad in known}

    def _measure(self, optimizer: Any) -> None:
        """The norms of the gradients that an optimizer takes."""
        own = [x for x in self.tracked if optimizer is None or x.optimizer is optimizer]
        own += [x for x in self.tracked if x.optimizer is None and optimizer is self.lead]
        known = [x.tensor for x in own if x.tensor.grad is not None]
        for x in own:
            self._norms[id(x.tensor)] = 0.0
        if known:
            norms = torch._foreach_norm([x.grad for x in known])
            numbers = torch.stack(list(norms)).tolist()
            self._norms.update(zip(map(id, known), numbers))

    def _rate(self) -> None:
        if self.lead is None:
            return
        rate = float(self.lead.param_groups[0]["lr"])
        if not self.rates or self.rates[-1][1] != rate:
            self.rates.append((self.count, rate))

"""One training of a script, unedited and to its own end, with its steps recorded.

A step is what an optimizer makes; in a script that updates its parameters by hand, what lies
between two backward passes. The operations of an iteration are recorded at few steps, ever farther
apart; every other step costs the loss and the norms of the gradients.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from nndiag.program.execution.host import StopProgram
from nndiag.program.running.rows import Rows
from nndiag.pytorch.watching.iteration import Iteration, Tracked
from nndiag.pytorch.watching.names import modules_in, names_of, optimizer_names, variables_of
from nndiag.pytorch.watching.seen import Seen
from nndiag.pytorch.watching.tape import Tape, TapeMode, line_in
from nndiag.pytorch.watching.tracking import adopt, tracked_in

Array = Any

_GROWTH = 1.15  # from one probe to the next
_FIRST = 5  # probes that are one step apart
_TOLD = 0.1  # seconds between two reports of how far the run is
_BROKEN = 3  # losses in a row that are not finite, at which the run is ended
_MOST_UNSTEPPED = 10_000  # losses
_LONGEST = 200  # letters of a note
_MOST_COPIED = 2_000_000  # numbers: larger networks are not copied at each probe


class Run(Seen):
    """A script being watched.

    Args:
        file: The file's name, as its code carries it.
        probe: Called with each iteration that was recorded.
        steps: Steps after which it is stopped.
        seconds: Time after which it is stopped.
        told: Called now and then with the number of steps and the loss.
        also: Further steps whose iterations are recorded.
    """

    def __init__(
        self,
        file: str,
        *,
        probe: Callable[[Iteration], None],
        steps: int | None,
        seconds: float | None,
        told: Callable[[int, float], None],
        also: tuple[int, ...] = (),
    ) -> None:
        super().__init__(file)
        self._probe, self._told = probe, told
        self._most, self._also = steps, also
        self._until = float("inf") if seconds is None else time.perf_counter() + seconds
        self._next_told = 0.0
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
        self.factor = 1.0
        self._losses: list[Any] = []
        self._norms: dict[int, float] = {}
        self._broken = 0
        self._next_probe = 0
        self._probes = 0
        self._mode: TapeMode | None = None
        self._iteration: Iteration | None = None
        self._inside = False
        self._before: dict[str, Array] | None = None
        self._old: dict[str, Any] = {}
        self._grads_before: dict[str, Any] = {}
        self._by_hand = False

    def begin(self) -> None:
        """Before the script."""
        self._record(0)

    def before_backward(self, tensor: Any) -> None:  # noqa: D102
        with self._unrecorded():
            scaled, loss = self._scaled or (None, None)
            self._before_backward(loss if scaled is tensor else tensor)

    def _before_backward(self, tensor: Any) -> None:
        if self._by_hand and self._losses:
            self._ended()
        if not self.tracked:
            self._find(tensor)
        if self.lead is None and len(self.unstepped) < _MOST_UNSTEPPED:
            self.unstepped.append(float(tensor.detach().sum()))
            self.backward_line = self.backward_line or line_in(self._file)
        self._losses.append(tensor.detach())
        iteration = self._iteration
        if iteration is not None and self._mode is not None:
            iteration.tape.kept = True
            iteration.losses.append(iteration.tape.value_of(tensor))
            iteration.amounts.append(float(tensor.detach().sum()))
            iteration.backward_line = line_in(self._file)
            iteration.unconnected = not tensor.requires_grad
            self._grads_before = self._gradients(copied=True)
            self._keep_carried(iteration)
            if iteration.unconnected:
                self._close_probe()
        elif not tensor.requires_grad:
            self._leave()

    def _keep_carried(self, iteration: Iteration) -> None:
        """What the last step left of the gradients, as long as nothing but additions changed it."""
        for name, left in list(self._old.items()):
            now, added = self._grads_before.get(name), iteration.fresh.get(name)
            expected = left if added is None else left + added
            if now is not None and bool(left.any()) and bool(torch.allclose(now, expected)):
                iteration.carried[name] = left
                continue
            iteration.carried.pop(name, None)
            iteration.fresh.pop(name, None)
            del self._old[name]

    def after_backward(self) -> None:  # noqa: D102
        with self._unrecorded():
            self._after_backward()

    def _after_backward(self) -> None:
        iteration = self._iteration
        if iteration is not None and self._mode is not None:
            self._add_fresh(iteration)
            if self._inside:  # the first of several passes inside of one step
                iteration.taken = self._gradients(copied=True)
                self._close_probe()
        if self._by_hand:
            self._copy()
            self._taken()
            if self.count + 1 == self._next_probe:
                self._record(self.count + 1)

    def _add_fresh(self, iteration: Iteration) -> None:
        for name, gradient in self._gradients(copied=True).items():
            before = self._grads_before.get(name)
            added = gradient if before is None else gradient - before
            known = iteration.fresh.get(name)
            iteration.fresh[name] = added if known is None else known + added

    def before_step(self, optimizer: Any) -> None:  # noqa: D102
        with self._unrecorded():
            self._before_step(optimizer)

    def _before_step(self, optimizer: Any) -> None:
        if self.factor != 1.0:
            self._scale_rates(optimizer, self.factor)
        if self.lead is None:
            self.lead = optimizer
        if not self.tracked:
            self._find(None)
        if not any(x.optimizer is optimizer for x in self.tracked):
            adopt(optimizer, self.tracked, self.names, closed=self.rows is not None)
        if optimizer is not self.lead:
            self._measure(optimizer)
            return
        if not self._losses:  # the closure goes backward inside of the step
            self._inside = True
            self._copy()
            return
        self._copy()
        self._taken()

    @staticmethod
    def _scale_rates(optimizer: Any, factor: float) -> None:
        """Other learning rates for one step."""
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] * factor

    def after_step(self, optimizer: Any) -> None:  # noqa: D102
        with self._unrecorded():
            self._after_step(optimizer)

    def _after_step(self, optimizer: Any) -> None:
        if self.factor != 1.0:
            self._scale_rates(optimizer, 1 / self.factor)
        if optimizer is not self.lead:
            return
        if self._inside:
            self._inside = False
            self._losses = self._losses[:1]
            self._taken()
        self._ended()

    def applied(self, kind: Any, arguments: Any, result: Any) -> None:  # noqa: D102
        if self._mode is not None and self._mode.tape is not None:
            self._mode.tape.record(kind.apply, arguments, {}, result)
        super().applied(kind, arguments, result)

    def end(self) -> None:
        """Behind the script."""
        if self._by_hand and self._losses:
            with contextlib.suppress(StopProgram):
                self._ended()
        self._leave()
        if len(self.moves) < len(self.copies):
            self.copies.pop()

    def _taken(self) -> None:
        """The loss and the gradients that a step takes."""
        if self.rows is None:
            self.rows = Rows(1 + len(self.tracked))
        loss = sum(float(x.sum()) for x in self._losses)
        self._measure(self.lead)
        row = np.array([loss, *(self._norms.get(id(x.tensor), 0.0) for x in self.tracked)])
        self.rows.add(row)
        self._rate()
        self._broken = 0 if np.isfinite(loss) else self._broken + 1
        if self._iteration is not None:
            self._iteration.taken = self._gradients(copied=True)
            self._iteration.step_line = line_in(self._file)
            self._close_probe()
        if self.count == self._next_probe:
            self._probes += 1
            following = self.count + 1
            if self._probes > _FIRST:
                following = max(following, int(self.count * _GROWTH))
            self._next_probe = min([following, *(x for x in self._also if x > self.count)])

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

    def _copy(self) -> None:
        """At a probe: the parameters before the step."""
        if self.count != self._next_probe or self._before is not None:
            return
        if sum(x.tensor.numel() for x in self.tracked) > _MOST_COPIED:
            return
        self._before = self.parameters()
        self.copies.append((self.count, self._before))

    def _ended(self) -> None:
        """A step has been made."""
        if self._before is not None:
            after = self.parameters()
            with np.errstate(all="ignore"):
                moves = [np.linalg.norm(after[x.name] - self._before[x.name]) for x in self.tracked]
            self.moves.append(np.array(moves))
            self._before = None
        self.count += 1
        self._losses = []
        if not self._by_hand:  # there the next iteration began behind the backward pass
            self._leave()
        now = time.perf_counter()
        if now > self._next_told:
            self._next_told = now + _TOLD
            last = float("nan") if self.rows is None else float(self.rows.values[-1, 0])
            self._told(self.count, last)
        if self.count == self._most or now > self._until or self._broken >= _BROKEN:
            raise StopProgram
        if self.count == self._next_probe and not self._by_hand:
            self._record(self.count)

    @contextlib.contextmanager
    def _unrecorded(self) -> Iterator[None]:
        """Keep what is done here off the tape."""
        mode = self._mode
        if mode is not None:
            mode.paused = True
        try:
            yield
        except Exception as error:  # the script must not fail of what is only watched
            self.notes.append(f"step {self.count} could not be watched: {error}"[:_LONGEST])
            self._leave()
            self._iteration = None
        finally:
            if mode is not None:
                mode.paused = False

    def _record(self, step: int) -> None:
        """Begin to record the operations of a step."""
        tape = Tape(self._file)
        self._iteration = Iteration(step, tape, self.tracked)
        self._old = self._gradients(copied=True) if step else {}
        self._mode = TapeMode(tape)
        self._mode.__enter__()

    def _leave(self) -> None:
        """Record no longer."""
        mode, self._mode = self._mode, None
        if mode is None:
            return
        mode.tape = None
        from torch.overrides import _get_current_function_mode  # noqa: PLC0415

        if _get_current_function_mode() is mode:  # else the script has entered one of its own
            mode.__exit__(None, None, None)

    def _close_probe(self) -> None:
        self._leave()
        iteration, self._iteration = self._iteration, None
        if iteration is not None and iteration.losses:
            self._probe(iteration)

    def _gradients(self, *, copied: bool) -> dict[str, Any]:
        known = [(x.name, x.tensor.grad) for x in self.tracked if x.tensor.grad is not None]
        return {name: grad.detach().clone() if copied else grad for name, grad in known}

    @property
    def leading(self) -> Any:
        """The optimizer that steps first; the only one that was made where none steps."""
        return self.optimizers[0] if self.lead is None and len(self.optimizers) == 1 else self.lead

    def parameters(self) -> dict[str, Array]:
        """Copies of the parameters in double precision, flat."""
        return {
            x.name: x.tensor.detach().cpu().double().reshape(-1).numpy().copy()
            for x in self.tracked
        }

    def _find(self, loss: Any) -> None:
        """The parameters: those of the optimizers, and those that the loss depends on."""
        variables = variables_of(self._file)
        self.names = names_of(variables)
        self.optimizer_names = optimizer_names(variables)
        modules = modules_in(variables).items()
        self.models = [x for x, item in modules if any(True for _ in item.parameters())]
        tape = self._mode.tape if self._mode is not None else None
        self.tracked = tracked_in(tape, self.optimizers, self.names, loss=loss)
        self._by_hand = not any(x.optimizer is not None for x in self.tracked)
        if self._iteration is not None:
            self._iteration.tracked = self.tracked

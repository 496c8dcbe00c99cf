"""One training of a script, unedited and to its own end, with its steps recorded.

A step is what an optimizer makes; in a script that updates its parameters by hand, what lies
between two backward passes. The operations of an iteration are recorded at few steps, ever farther
apart; every other step costs the loss and the norms of the gradients.
"""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from nndiag.program.execution.host import StopProgram
from nndiag.program.running.rows import Rows
from nndiag.pytorch.watching.iteration import Iteration
from nndiag.pytorch.watching.tape import Tape, TapeMode, line_in
from nndiag.pytorch.watching.tracking import adopt, movers_of, parameters_of
from nndiag.pytorch.watching.training import Training

Array = Any

_GROWTH = 1.15  # from one probe to the next
_FIRST = 5  # probes that are one step apart
_TOLD = 0.1  # seconds between two reports of how far the run is
_BROKEN = 3  # losses in a row that are not finite, at which the run is ended
_MOST_UNSTEPPED = 10_000  # losses
_LONGEST = 200  # letters of a note
_MOST_KEPT = 3  # trainings of a script, beside its last
_MOST_COPIED = 2_000_000  # numbers: larger networks are not copied at each probe


class Run(Training):
    """A script being watched.

    Args:
        file: The file's name, as its code carries it.
        probe: Called with each iteration that was recorded.
        steps: Steps after which it is stopped.
        seconds: Time after which it is stopped.
        told: Called now and then with the number of steps and the loss.
        finished: Called with a copy of this where another training begins.
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
        finished: Callable[[Run], None] = lambda _: None,
        also: tuple[int, ...] = (),
    ) -> None:
        super().__init__(file)
        self._probe, self._told, self._finished = probe, told, finished
        self._most, self._also = steps, also
        self._until = float("inf") if seconds is None else time.perf_counter() + seconds
        self._next_told = 0.0
        self.factor = 1.0

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
        movers = movers_of(tensor, self.optimizers)
        self._settle(movers)
        self._losses.append((tensor.detach(), movers))
        iteration = self._iteration
        if iteration is not None and self._mode is not None:
            iteration.tape.kept = True
            amount = float(tensor.detach().sum())
            iteration.handed.append((iteration.tape.value_of(tensor), amount, movers))
            iteration.backward_line = line_in(self._file)
            iteration.unconnected = not tensor.requires_grad
            self._grads_before = self._gradients(copied=True)
            self._keep_carried(iteration)
            if iteration.unconnected:
                self._close_probe()
        elif not tensor.requires_grad:
            self._leave()

    def _settle(self, movers: frozenset[int] = frozenset()) -> None:
        """Keep who made a step for the last loss, as another goes backward."""
        known, made = self._pending
        if known:
            self.moved.add((known, known & made))
        self._pending = (movers, set())

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

    def before_step(self, optimizer: Any, *, closure: bool) -> None:  # noqa: D102
        with self._unrecorded():
            self._before_step(optimizer, closure=closure)

    def _before_step(self, optimizer: Any, *, closure: bool) -> None:
        if self.factor != 1.0:
            self._scale_rates(optimizer, self.factor)
        self._pending[1].add(id(optimizer))
        self._idle = not self._losses and not closure  # nothing went backward since the last step
        if self._idle:
            return
        self._led_by(optimizer)
        if not self.tracked:
            self._find(None)
        if not any(x.optimizer is optimizer for x in self.tracked):
            adopt(optimizer, self.tracked, self.names, closed=self.rows is not None)
        if optimizer is not self.lead:
            self._measure(optimizer)
            self._losses = [x for x in self._losses if id(optimizer) not in x[1]]
            if self._iteration is not None:
                self._iteration.without(id(optimizer))
            return
        if not self._losses:  # the closure goes backward inside of the step
            self._inside = True
            self._copy()
            return
        self._copy()
        self._taken()

    def _led_by(self, optimizer: Any) -> None:
        """Which optimizer's steps are recorded: the first that steps, and what takes its place."""
        if self.lead is None:
            self.lead, self._made_before = optimizer, len(self.optimizers)
        if any(optimizer is x for x in (self.lead, *self._others)):
            return
        own, known = parameters_of(optimizer), {id(x.tensor) for x in self.tracked}
        later = self.count and not any(x is optimizer for x in self.optimizers[: self._made_before])
        if own == parameters_of(self.lead) or (later and own & known):
            adopt(optimizer, self.tracked, self.names, closed=True)
            self.optimizers = [x for x in self.optimizers if x is not self.lead]
            self.lead, self._made_before = optimizer, len(self.optimizers)
            self.renewed += 1
        elif later:
            self._begin_another(optimizer)
        else:
            self._others.append(optimizer)

    def _begin_another(self, optimizer: Any) -> None:
        """A model of its own is trained: what was seen of the one before is handed on."""
        losses, iteration = self._losses, self._iteration
        self._losses, self._iteration = [], None
        self.end()
        if self._most is not None:
            raise StopProgram
        self.lengths.append(self.count)
        done = copy.copy(self)
        done.final = self.parameters()
        self._finished(done)
        self.optimizers = self.optimizers[self._made_before :]
        self._anew()
        self._losses, self._iteration = losses, iteration
        self.lead, self._made_before = optimizer, len(self.optimizers)
        self._find(None)

    def created(self, optimizer: Any) -> None:  # noqa: D102
        super().created(optimizer)
        self.made_at[id(optimizer)] = line_in(self._file)
        known = {id(x.tensor) for x in self.tracked}
        fresh = self.count and not known & parameters_of(optimizer)
        if fresh and self._mode is None and len(self.lengths) < _MOST_KEPT:
            self._record(0)  # perhaps for another training

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
        if optimizer is not self.lead or self._idle:
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
        self._settle()
        if len(self.moves) < len(self.copies):
            self.copies.pop()

    def _taken(self) -> None:
        """The loss and the gradients that a step takes."""
        if self.rows is None:
            self.rows = Rows(1 + len(self.tracked))
        own = [x for x, movers in self._losses if self.lead is None or id(self.lead) in movers]
        loss = sum(float(x.sum()) for x in own or [x for x, _ in self._losses])
        if self._iteration is not None:
            self._iteration.only(id(self.lead))
        self._measure(self.lead if self._norms else None)  # all of them at first
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
        if iteration is not None and iteration.handed:
            iteration.step = self.count
            self._probe(iteration)

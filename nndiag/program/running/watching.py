"""One training of a program, unedited and to its own end, with its steps recorded.

At the head of each iteration the parameters are read: what they moved since the last head is the
step. The loss is read where the program computes it in each iteration, else it is computed from the
output and the targets, which the step needs. Parameters are copied at steps that lie ever farther
apart. Where the program trains again, from another start, its first training is watched.
"""

from __future__ import annotations

import contextlib
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Callable

import numpy as np

from nndiag.errors import UserCodeError
from nndiag.program.execution.attributes import replaced
from nndiag.program.execution.host import CellReader, Host, OutOfTime, StopProgram, cells_of
from nndiag.program.execution.interruption import Interrupted
from nndiag.program.execution.snapshot import Snapshot, uncopied
from nndiag.program.loop.step_evaluator import Recording
from nndiag.program.loop.tensors import Tensor
from nndiag.program.running.blocks import Blocks
from nndiag.program.running.settling import Settling
from nndiag.program.text.instrument import Instruments

Array = Any

_GROWTH = 1.15  # from one copy of the parameters to the next
_FIRST = 5  # copies that are one step apart
_ANEW = 0.5  # of the parameters' length, by which another start lies apart from where a pass ended


@dataclass(frozen=True, eq=False)
class Watch:
    """What is watched in a program.

    Attributes:
        key: Its training loop.
        around: The loops that the training loop stands in, from the outermost.
        tensors: Its parameters.
        node_ids: Expressions that are read in each iteration.
        loss: The loss, from what was read; None where it was not computed.
        held: The user's own expressions, by the key of the config.
        forced: `if` statements whose body runs in each iteration.
        rate: The expression for the learning rate, where that changes.
        baseline: The loss of the targets' mean, where it is known.
    """

    key: tuple[int, int]
    around: tuple[tuple[int, int], ...]
    tensors: tuple[Tensor, ...]
    node_ids: frozenset[int]
    loss: Callable[[Recording], float | None]
    held: dict[str, str] = field(default_factory=dict)
    forced: frozenset[int] = frozenset()
    rate: int | None = None
    baseline: float | None = None


@dataclass(eq=False)
class Watched:
    """What was seen of a run, besides its steps.

    Attributes:
        final: The parameters at the end.
        count: Number of steps.
        reason: "finished" (also where it was stopped as asked for), "non-finite", "interrupted" or
            "failed".
        failure: What ended a program that failed.
        per_epoch: Steps of each pass of the loop around the training loop; None where there is no
            such loop, or its passes differ.
        last: What was read in the last whole iteration.
        seconds: How long it took.
        again: Whether the program trains again, from another start.
        settled_since: The step since when nothing had changed where the run was stopped for that.
    """

    final: dict[str, Array] | None
    count: int
    reason: str
    failure: str | None
    per_epoch: int | None
    last: Recording
    seconds: float
    again: bool = False
    settled_since: int | None = None


def watched(
    host: Host,
    watch: Watch,
    *,
    steps: int | None = None,
    seconds: float | None = None,
    whole: bool = False,
    take: Callable[[dict[str, Any]], None],
) -> Watched:
    """Run a program and record its steps. To be called inside the sandbox.

    Args:
        host: The program, not run yet.
        watch: What is watched.
        steps: Steps after which it is stopped.
        seconds: Time after which it is stopped.
        whole: Whether it goes on to its end where it has settled, too.
        take: Takes its steps, block by block, as `Blocks` hands them on: the loss, and the norm of
            each parameter's move.
    """
    host.hold(watch.key, watch.held)
    settling = None if whole else Settling(watch.baseline, steady=watch.rate is None)
    run = _Run(host, watch, steps=steps, seconds=seconds, settling=settling, take=take)
    return run.to_its_end()


class _Run:
    """A run in progress."""

    def __init__(
        self,
        host: Host,
        watch: Watch,
        *,
        steps: int | None,
        seconds: float | None,
        settling: Settling | None,
        take: Callable[[dict[str, Any]], None],
    ) -> None:
        self._host, self._watch = host, watch
        self._most = steps
        self._started = time.perf_counter()
        self._until = float("inf") if seconds is None else self._started + seconds
        self._blocks = Blocks(1 + len(watch.tensors), take)
        self._copies = 0
        self._copied: dict[str, Array] | None = None
        self._next_copy = 0
        self._places: Snapshot | None = None
        self._before: list[Array] | None = None
        self._recording = Recording()
        self._last = Recording()
        self._count = 0
        self._heads = 0
        self._reason = "finished"
        self._final: dict[str, Array] | None = None
        self._epochs: list[int] = []
        self._in_epoch = 0
        self._first: list[Array] | None = None
        self._left: list[Array] | None = None
        self._again = False
        self._settling = settling
        self._settled: int | None = None

    def to_its_end(self) -> Watched:
        """Run it."""
        hooks = self._host.hooks
        hooks.head, hooks.leave, hooks.probe = self._head, self._leave, self._probe
        failure = None
        try:
            rate = () if self._watch.rate is None else (self._watch.rate,)
            probes = self._watch.node_ids.union(rate)
            self._host.run(Instruments(probes=probes, forced=self._watch.forced))
        except UserCodeError as error:
            failure, self._reason = str(error), "failed"
        except (OutOfTime, Interrupted):
            self._reason = "interrupted"
        if self._final is None:
            self._close()
        self._blocks.flush()
        return Watched(
            final=self._final,
            count=self._count,
            reason=self._reason,
            failure=failure,
            per_epoch=self._per_epoch(),
            last=self._last,
            seconds=time.perf_counter() - self._started,
            again=self._again,
            settled_since=self._settled,
        )

    def _head(self, key: tuple[int, int], cells: CellReader) -> None:
        if key != self._watch.key:
            if key in self._watch.around:
                self._epoch_ends()
            return
        self._find(cells)
        if self._begins_anew():
            self._again = True
            self._stop("finished", self._left)
        self._left = None
        self._first = self._first or self._numbers()
        self._read()
        self._in_epoch += 1
        now = time.perf_counter()
        if self._count == self._most or now > self._until or self._settled is not None:
            self._stop("finished")

    def _begins_anew(self) -> bool:
        """Whether the parameters are those of a start, and no longer what a pass left behind."""
        if self._left is None or self._first is None or not self._watch.around:
            return False
        now = self._numbers()
        if now is None:
            return False
        one, other, first = map(np.concatenate, (now, self._left, self._first))
        if not one.shape == other.shape == first.shape:
            return False
        with np.errstate(all="ignore"):
            far = np.linalg.norm(one - other) > _ANEW * np.linalg.norm(other)
        return bool(far or (np.array_equal(one, first) and not np.array_equal(one, other)))

    def _find(self, cells: CellReader) -> None:
        """The variables of the program; anew where the loop's function was called again."""
        found = cells_of(cells)
        known = self._places
        if known is not None and all(known.cells.get(name) is cell for name, cell in found.items()):
            return
        self._places = uncopied(
            namespaces=self._host.namespaces,
            cells=found,
            is_user=self._host.is_user,
            passing=self._host.passing,
        )

    def _read(self) -> None:
        """The step that has just ended, and the parameters at this head."""
        now = self._numbers()
        if now is None:
            return
        if self._before is not None:
            self._record(now)
        if self._count >= self._next_copy:
            self._copy(now)
        self._before = now
        self._last, self._recording = self._recording, Recording()

    def _numbers(self) -> list[Array] | None:
        """The parameters now; None where one is not there."""
        if self._places is None:
            return None
        values = [tensor.held(self._places) for tensor in self._watch.tensors]
        return None if any(value is None for value in values) else [np.array(v) for v in values]

    def _record(self, now: list[Array]) -> None:
        row = np.empty(1 + len(now))
        loss = self._watch.loss(self._recording) if self._recording.values else None
        row[0] = np.nan if loss is None else loss
        with np.errstate(all="ignore"):
            for place, (one, other) in enumerate(zip(now, self._before or now)):
                gap = one - other if one.shape == other.shape else np.full(1, np.nan)  # it grew
                row[place + 1] = np.sqrt(gap @ gap)
        if self._copied is not None:
            rates = self._recording.values.get(-1 if self._watch.rate is None else self._watch.rate)
            rate = float(np.ravel(rates[-1])[0]) if rates else None
            self._blocks.add_copy(self._count, self._copied, row[1:], rate)
            self._copied = None
        self._count += 1
        self._blocks.add(self._count - 1, row)
        if all(not np.isfinite(item).any() for item in now):
            self._stop("non-finite")
        if self._settling is not None and self._settling.is_settled_by(row[0], row[1:].sum()):
            self._settled = self._settling.since

    def _copy(self, now: list[Array]) -> None:
        if self._copied is not None:
            return
        names = [tensor.name for tensor in self._watch.tensors]
        self._copied = dict(zip(names, now))
        self._copies += 1
        following = self._count + 1
        if self._copies > _FIRST:
            following = max(following, int(self._count * _GROWTH))
        self._next_copy = following

    def _leave(self, key: tuple[int, int]) -> None:
        if key == self._watch.key:
            self._epoch_ends()
            self._left = self._numbers()
        outermost = (*self._watch.around, self._watch.key)[0]
        failing = sys.exc_info()[1] is not None  # an error, or Ctrl-C, leads out of the loop
        if key == outermost and self._before is not None and not failing:
            self._stop("finished")

    def _epoch_ends(self) -> None:
        if self._in_epoch:
            self._epochs = [*self._epochs, self._in_epoch][:2]
            self._in_epoch = 0

    def _per_epoch(self) -> int | None:
        alike = len(set(self._epochs)) == 1 and len(self._epochs) > 1
        return self._epochs[0] if self._watch.around and alike else None

    def _stop(self, reason: str, now: list[Array] | None = None) -> None:
        self._reason = reason
        self._close(now)
        raise StopProgram

    def _close(self, now: list[Array] | None = None) -> None:
        """The last step, which no head follows, and the parameters behind it."""
        now = self._numbers() if now is None else now
        ended = now is not None and self._before is not None and self._recording.values
        if ended and self._reason == "finished" and now is not None:
            self._reason = ""  # so that numbers that are not finite do not stop it twice
            with contextlib.suppress(StopProgram):
                self._record(now)
            self._reason = self._reason or "finished"
            self._last = self._recording
        names = [tensor.name for tensor in self._watch.tensors]
        values = now if now is not None else self._before
        self._final = {} if values is None else dict(zip(names, values))

    def _probe(self, node_id: int, value: object) -> object:
        self._recording.add(node_id, value)
        return value


@contextlib.contextmanager
def other_seeds(shift: int) -> Iterator[None]:
    """Lets the program draw other random numbers, whether it names a seed or not.

    Args:
        shift: What is added to its seeds; 0 for its own, and for 0 where it names none.
    """
    real = np.random.seed, np.random.default_rng, random.seed

    def moved(seed: Any) -> Any:
        if seed is None:
            return shift
        return seed + shift if isinstance(seed, (int, np.integer)) else seed

    class Generator(np.random.RandomState):
        def __init__(self, seed: Any = None) -> None:
            super().__init__(moved(seed))

    with contextlib.ExitStack() as stack:
        for owner, name, other in (
            (np.random, "seed", lambda seed=None: real[0](moved(seed))),
            (np.random, "default_rng", lambda seed=None: real[1](moved(seed))),
            (np.random, "RandomState", Generator),
            (random, "seed", lambda seed=None, *_: real[2](moved(seed))),
        ):
            stack.enter_context(replaced(owner, name, other))
        np.random.seed(shift)  # noqa: NPY002 - the global generator is the program's
        random.seed(shift)
        yield

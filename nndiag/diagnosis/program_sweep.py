"""A sweep of the learning rate of a user's own program, where its rate can be found.

The unedited program is trained again and again, with its moves multiplied. Its loss at an
iteration is what it computes there, perhaps of one example. Means over a tenth of the run are
compared with those of a run in which nothing moves, which sees the same examples in the same order.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.errors import Problem, UserCodeError
from nndiag.program.asking import GRACE, readable_program
from nndiag.program.child.plain import as_plain
from nndiag.program.child.process import Child
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source
from nndiag.training.interruption import Interruption
from nndiag.training.lr_sweep import concluded, decided, found_by
from nndiag.training.sweep_blocks import Pair
from nndiag.training.sweep_failure import Failure, Reason
from nndiag.training.sweep_result import Sweep
from nndiag.training.sweep_runs import ShortRun
from nndiag.training.sweep_search import RateSearch
from nndiag.training.sweep_verdict import NOTHING

_USUAL_RUNS = 30  # of a sweep, for who waits
_FEWEST = 3  # iterations of a run
_MOST = 20_000
_FEWER = 100  # iterations that a long program has at least
_WORK = 40.0  # seconds of an ordinary core, for all runs together
_RUNS = 40  # a usual number of runs
_SEEDS = (0, 101)  # added to the seeds of a program that draws random numbers
_STILL = 1e-12  # factor of a rate at which nothing moves
_PARTS = 10  # of a run; the curve has the mean of each
_LOST = 1e12
_READING = 20.0  # seconds for reading the program
_ENDLESS = 1e9


def sweep_program(
    settings: CodeSettings,
    *,
    python: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    program: "Trainable | None" = None,
) -> Sweep:
    """Find the learning rates that work for a user's program.

    The program is run in a process of its own; its file is not changed. Each run has as many
    iterations as the program, up to a number that is counted from their work.

    Args:
        settings: Which program, and what is what in it.
        python: The Python to run it in; the user's own by default.
        progress: Called with the number of runs that have ended, and how many are expected.
        program: What is trained; by default the program, in a child of its own.

    Raises:
        UserCodeError: The program cannot be run, or its rate cannot be found.
    """
    started = time.monotonic()
    source = readable_program(settings)
    with contextlib.ExitStack() as stack:
        if program is None:
            program = _Program(stack.enter_context(Child(python=python)), source, settings)
        interruption = stack.enter_context(Interruption())
        runs = _ProgramRuns(program, interrupted=lambda: interruption.requested)
        runs.done = progress or runs.done
        search = RateSearch(runs, runs.seeds, steps=runs.iterations)
        search.fill(program.rate, search.find_range(program.rate))
        search.try_rates([program.rate])
        search.bisect()
        found = found_by(search)
        if runs.lowest < 0:  # losses below 0 are no shares of the first one
            found = replace(found, working=(), threshold=None)
        choice = decided(search, found, seeds=runs.seeds, steps=runs.iterations)
        stopped = interruption.requested
    failed = None if choice or stopped else _failure(runs, search.runs.values())
    return concluded(
        search,
        found,
        choice,
        name=source.path.stem,
        optimizer="its own steps",
        setting=program.setting,
        configured=program.rate,
        batch_size=None,
        final_steps=runs.iterations,
        total_steps=runs.length,
        theory=None,
        failure=failed,
        interrupted=stopped,
        runs=len(search.runs),
        seconds=time.monotonic() - started,
        right=program.right,
    )


class Trainable(Protocol):
    """What a sweep trains at one rate after another.

    Attributes:
        name: Its file.
        setting: How its learning rate is written.
        rate: Its value.
        right: Whether no parameter's step is known to be wrong.
        work: Seconds that an iteration takes, as counted.
        baseline: The loss of always predicting the targets' mean; None where it is not known.
    """

    name: str
    setting: str
    rate: float
    right: bool
    work: float
    baseline: float | None

    def losses(self, rate: float, *, shift: int, iterations: int) -> FloatArray:
        """Its losses at a rate, with a number added to its seeds."""


class _Program:
    """A program in a child, which trains it at one rate after another.

    Attributes:
        setting: How its learning rate is written.
        rate: Its value.
        right: Whether no parameter's step is known to be wrong.
        work: Seconds that an iteration takes, as counted from its operations.
        baseline: The loss of always predicting the targets' mean; None where it is not known.

    Raises:
        UserCodeError: The program cannot be run, or its rate cannot be found.
    """

    def __init__(self, child: Child, source: Source, settings: CodeSettings) -> None:
        self._child = child
        self.name = source.name
        request = {"settings": as_plain(settings), "seconds": _READING}
        told = self._asked("rate", request, seconds=2 * _READING + GRACE)
        found = told["rate"]
        if found is None or not found["value"] > 0:
            raise UserCodeError(
                Problem(
                    f"{self.name}: its learning rate cannot be found",
                    hint="name it: learning_rate=…, as a number or as it is written there",
                )
            )
        self.setting, self.rate = str(found["text"]), float(found["value"])
        self.right, self.work = bool(told["right"]), float(told["work"])
        self.baseline: float | None = told["baseline"]

    def losses(self, rate: float, *, shift: int, iterations: int) -> FloatArray:
        """Its losses at a rate, with a number added to its seeds."""
        factor = rate / self.rate
        request = {"factor": factor, "iterations": iterations, "shift": shift}
        return np.asarray(self._asked("losses", request, seconds=_ENDLESS)["losses"])

    def _asked(self, task: str, request: Mapping[str, Any], *, seconds: float) -> Mapping[str, Any]:
        return self._child.ask(task, {**request, "program": self.name}, seconds=seconds)


class _ProgramRuns:
    """Trains a program at other rates.

    Attributes:
        length: Iterations of the program.
        iterations: Iterations of each run.
        seeds: What is added to its seeds: several numbers where it draws random ones.
        lowest: Smallest loss of all runs.
        right: Whether no parameter's step is known to be wrong.
    """

    def __init__(self, program: Trainable, *, interrupted: Callable[[], bool]) -> None:
        self._program, self._interrupted = program, interrupted
        self.done: Callable[[int, int], None] = lambda made, expected: None
        self._made = 0
        self.lowest, self.right = np.inf, program.right
        still = program.losses(program.rate * _STILL, shift=_SEEDS[0], iterations=_MOST)
        self.length = len(still)
        if self.length < _FEWEST:
            raise UserCodeError(
                Problem(
                    f"{program.name}: too few iterations to compare rates",
                    got=str(self.length),
                    allowed=f"at least {_FEWEST}",
                    hint="let its loop run longer",
                )
            )
        most = _WORK / (_RUNS * len(_SEEDS) * program.work)
        self.iterations = min(self.length, max(_FEWER, int(most)))
        self._still = {_SEEDS[0]: still[: self.iterations]}
        other = program.losses(program.rate * _STILL, shift=_SEEDS[1], iterations=self.iterations)
        same = np.array_equal(other, self._still[_SEEDS[0]])
        self._still[_SEEDS[1]] = other
        self.seeds = _SEEDS[:1] if same else _SEEDS

    def train(self, pairs: Sequence[Pair], *, steps: int | None = None) -> list[ShortRun]:
        """The runs of these pairs; after an interruption those that had ended."""
        runs = []
        for rate, seed in pairs:
            if self._interrupted():
                break
            with np.errstate(all="ignore"):
                runs.append(self._run(rate, seed))
            self._made += 1
            self.done(self._made, _USUAL_RUNS)
        return runs

    def _run(self, rate: float, seed: int) -> ShortRun:
        losses = self._program.losses(rate, shift=seed, iterations=self.iterations)
        still = self._still[seed]
        initial = float(np.mean(still))
        bad = np.flatnonzero(~(np.abs(losses) <= _LOST * abs(initial)))
        lost = int(bad[0]) if len(bad) else None
        if lost is None and len(losses) < self.iterations and not _is_lower(losses, initial):
            lost = len(losses)  # an error of its own ended it: an overflow, as a rule
        parts = min(_PARTS, self.iterations)
        curve = np.full(parts + 1, np.nan)
        curve[0] = initial
        if lost is None:
            curve[1:] = initial * _means(losses, parts) / _means(still, parts)
        finite = losses[np.isfinite(losses)]
        self.lowest = float(min([self.lowest, *finite[-1:]]))
        return ShortRun(
            rate=rate,
            seed=seed,
            initial=initial,
            reference=self._program.baseline or initial,
            steps=np.round(np.linspace(0, self.iterations, parts + 1)).astype(np.int64),
            curve=curve,
            final=np.inf if lost is not None else float(curve[-1]),
            peak=np.inf if lost is not None else float(np.nanmax(curve)),
            lost_at=lost,
            swing=_swing(finite),
            amplitude=float(np.ptp(finite[-20:]) / np.mean(finite[-20:])) if len(finite) else 0.0,
            flat_share=None,
        )


def _means(losses: FloatArray, parts: int) -> FloatArray:
    """Mean loss of each part of a run, shape (parts,)."""
    means = [part.mean() for part in np.array_split(losses, parts)]
    return np.asarray(np.maximum(np.array(means), np.finfo(np.float64).tiny))


def _is_lower(losses: FloatArray, initial: float) -> bool:
    return len(losses) >= _FEWEST and bool(losses[-1] <= initial)


def _swing(losses: FloatArray) -> float:
    """Share of the movement at the end that went up."""
    moves = np.diff(losses[-max(20, len(losses) // 5) :])
    total = np.abs(moves).sum()
    return float(np.maximum(moves, 0).sum() / total) if total > 0 else 0.0


def _failure(runs: _ProgramRuns, every: Iterable[ShortRun]) -> Failure:
    """Why no rate works."""
    made = list(every)
    lost = all(run.lost_at is not None for run in made)
    reason = Reason.NOT_LOWERED
    if runs.lowest < 0:
        reason = Reason.UNBOUNDED
    elif not runs.right:
        reason = Reason.ALWAYS_LOST if lost else Reason.NOT_DOWNHILL
    elif min(run.final for run in made) < (1 - NOTHING) * made[0].initial:
        reason = Reason.UNEXPLAINED
    return Failure(
        reason,
        initial=made[0].initial,
        reference=made[0].reference,
        lowest=min([runs.lowest, *(run.final for run in made)]),
        gradient_norm=float("nan"),
        flat_share=None,
        identical_share=0.0,
    )

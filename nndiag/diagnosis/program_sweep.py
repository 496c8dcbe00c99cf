"""A sweep of the learning rate of a user's own program, where its rate can be found.

The unedited program is trained again and again, with its moves multiplied. Its loss at an
iteration is what it computes there, perhaps of one example. Means over a tenth of the run are
compared with those of a run in which nothing moves, which sees the same examples in the same order.
"""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
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
from nndiag.training.sweep_result import SweepResult
from nndiag.training.sweep_runs import ShortRun
from nndiag.training.sweep_search import RateSearch

_SECONDS = 0.5  # for one run
_FEWEST, _MOST = 20, 2_000  # iterations of a run
_STILL = 1e-12  # factor of a rate at which nothing moves
_PARTS = 10  # of a run; the curve has the mean of each
_LOST = 1e12
_MEASURING = 10.0  # seconds


def sweep_program(
    settings: CodeSettings,
    *,
    python: str | None = None,
    progress: Callable[[int], None] | None = None,
    program: "Trainable | None" = None,
) -> SweepResult:
    """Find the learning rates that work for a user's program.

    The program is run in a process of its own; its file is not changed.

    Args:
        settings: Which program, and what is what in it.
        python: The Python to run it in; the user's own by default.
        progress: Called with the number of runs that have just ended.
        program: What trains it; a program in a child of its own by default.

    Raises:
        UserCodeError: The program cannot be run, or its rate cannot be found.
    """
    started = time.monotonic()
    source = readable_program(settings)
    with contextlib.ExitStack() as stack:
        if program is None:
            program = _Program(stack.enter_context(Child(python=python)), source)
        text, rate = program.rate(settings)
        with Interruption() as interruption:
            runs = _ProgramRuns(program, rate=rate, interrupted=lambda: interruption.requested)
            runs.done = progress or runs.done
            search = RateSearch(runs, (0,), steps=runs.iterations)
            low, high = search.find_range(rate)
            search.fill(rate, (low, high))
            search.try_rates([rate])
            search.bisect()
            found = found_by(search)
            choice = decided(search, found, seeds=(0,), steps=runs.iterations)
            stopped = interruption.requested
    return concluded(
        search,
        found,
        choice,
        name=source.path.stem,
        optimizer="its own steps",
        setting=text,
        configured=rate,
        batch_size=None,
        final_steps=runs.iterations,
        total_steps=runs.iterations,
        theory=None,
        failure=None if choice or stopped else _failure(list(search.runs.values())),
        interrupted=stopped,
        runs=len(search.runs),
        seconds=time.monotonic() - started,
    )


class Trainable(Protocol):
    """What a sweep trains at one rate after another."""

    name: str

    def rate(self, settings: CodeSettings) -> tuple[str, float]:
        """How its learning rate is written, and its value."""

    def losses(self, *, factor: float, iterations: int, seconds: float) -> FloatArray:
        """Its losses with the rate multiplied by a factor, as far as there is time."""


class _Program:
    """A program in a child, which trains it at one rate after another."""

    def __init__(self, child: Child, source: Source) -> None:
        self._child = child
        self.name = source.name

    def rate(self, settings: CodeSettings) -> tuple[str, float]:
        """How its learning rate is written, and its value.

        Raises:
            UserCodeError: The program cannot be run, or its rate cannot be found.
        """
        request = {"settings": as_plain(settings), "seconds": _MEASURING}
        found = self._asked("rate", request, seconds=2 * _MEASURING)["rate"]
        if found is None or not found["value"] > 0:
            raise UserCodeError(
                Problem(
                    f"{self.name}: its learning rate cannot be found",
                    hint="name it under `code.learning_rate`, as a number or as it is written "
                    "there",
                )
            )
        return found["text"], found["value"]

    def losses(self, *, factor: float, iterations: int, seconds: float) -> FloatArray:
        """Its losses with the rate multiplied by a factor, as far as there is time."""
        request = {"factor": factor, "iterations": iterations, "seconds": seconds}
        return np.asarray(self._asked("losses", request, seconds=seconds)["losses"])

    def _asked(self, task: str, request: Mapping[str, Any], *, seconds: float) -> Mapping[str, Any]:
        return self._child.ask(task, {**request, "program": self.name}, seconds=seconds + GRACE)


class _ProgramRuns:
    """Trains a program at other rates.

    Attributes:
        iterations: Iterations of each run: what the program has, as far as there is time.
        initial: Mean loss of a run in which nothing moves.
    """

    def __init__(
        self,
        program: "Trainable",
        *,
        rate: float,
        interrupted: Callable[[], bool],
    ) -> None:
        self._program, self._rate = program, rate
        self._interrupted = interrupted
        self.done: Callable[[int], None] = lambda _: None
        self.iterations = _MOST
        still = self._losses(rate * _STILL, seconds=_SECONDS / 2)
        self.iterations = len(still)
        if self.iterations < _FEWEST:
            raise UserCodeError(
                Problem(
                    f"{program.name}: too few iterations to compare rates",
                    got=f"{self.iterations} in {_SECONDS / 2:g} s",
                    allowed=f"at least {_FEWEST}",
                    hint="let its loop run longer",
                )
            )
        self.initial = float(np.mean(still))
        self._still = self._means(still)

    def train(self, pairs: Sequence[Pair], *, steps: int | None = None) -> list[ShortRun]:
        """The runs of these pairs; after an interruption those that had ended."""
        runs = []
        for rate, seed in pairs:
            if self._interrupted():
                break
            with np.errstate(all="ignore"):
                runs.append(self._run(rate, seed))
            self.done(1)
        return runs

    def _run(self, rate: float, seed: int) -> ShortRun:
        losses = self._losses(rate, seconds=2 * _SECONDS)
        bad = np.flatnonzero(~(np.abs(losses) <= _LOST * abs(self.initial)))
        lost = int(bad[0]) if len(bad) else None
        if lost is None and len(losses) < self.iterations and not self._lower(losses):
            lost = len(losses)  # an error of its own ended it: an overflow, as a rule
        curve = np.full(_PARTS + 1, np.nan)
        curve[0] = self.initial
        if lost is None:
            curve[1:] = self.initial * self._means(losses) / self._still
        finite = losses[np.isfinite(losses)]
        return ShortRun(
            rate=rate,
            seed=seed,
            initial=self.initial,
            reference=self.initial,
            steps=np.round(np.linspace(0, self.iterations, _PARTS + 1)).astype(np.int64),
            curve=curve,
            final=np.inf if lost is not None else float(curve[-1]),
            peak=np.inf if lost is not None else float(np.nanmax(curve)),
            lost_at=lost,
            swing=_swing(finite),
            amplitude=float(np.ptp(finite[-20:]) / np.mean(finite[-20:])) if len(finite) else 0.0,
            flat_share=None,
        )

    def _means(self, losses: FloatArray) -> FloatArray:
        """Mean loss of each part of a run, shape (10,)."""
        tiny = np.finfo(np.float64).tiny
        means = [part.mean() for part in np.array_split(losses, _PARTS)]
        return np.asarray(np.maximum(np.array(means), tiny))

    def _lower(self, losses: FloatArray) -> bool:
        return len(losses) >= _FEWEST and bool(losses[-1] <= self.initial)

    def _losses(self, rate: float, *, seconds: float) -> FloatArray:
        return self._program.losses(
            factor=rate / self._rate, iterations=self.iterations, seconds=seconds
        )


def _swing(losses: FloatArray) -> float:
    """Share of the movement at the end that went up."""
    moves = np.diff(losses[-max(20, len(losses) // 5) :])
    total = np.abs(moves).sum()
    return float(np.maximum(moves, 0).sum() / total) if total > 0 else 0.0


def _failure(runs: Sequence[ShortRun]) -> Failure:
    lost = all(run.lost_at is not None for run in runs)
    return Failure(
        Reason.ALWAYS_LOST if lost else Reason.NOT_DOWNHILL,
        initial=runs[0].initial,
        reference=runs[0].reference,
        lowest=min(run.final for run in runs),
        gradient_norm=float("nan"),
        flat_share=None,
        identical_share=0.0,
    )

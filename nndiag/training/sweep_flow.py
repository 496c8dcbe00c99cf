"""Runs at small rates, computed from a run at a larger one instead of being made.

Far below its stability limit, gradient descent follows the gradient flow dθ/dt = −∇L: after n
steps at rate r it is where it was after n·r/R steps at a rate R. The curve of the run at R then
holds those of all smaller rates. A run is taken for such a guide where one of its seed at four
times its rate was smooth as well.

Source: Euler's method is of first order (Hairer, Nørsett and Wanner 1993, section II.3); the factor
is ours, calibrated by `tests/benchmarks/sweep_quality.py`.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.training.sweep_runs import ShortRun, SweepTask

_BELOW = 4.0  # a guide's rate is at most the largest smooth one over this
_END = 0.05  # the last share of a run, whose mean is its final loss
_POINTS = 10  # points at which it is looked at


def follows_flow(task: SweepTask) -> bool:
    """Whether small steps of a task follow its gradient flow: plain gradient descent does."""
    return task.exact and task.optimizer.linear and not task.optimizer.decay


def guide_of(runs: Iterable[ShortRun]) -> ShortRun | None:
    """The run that tells what happens at all smaller rates; None where there is none.

    Args:
        runs: Runs of one seed.
    """
    smooth = _smooth(runs)
    made = [run for run in smooth if not run.computed and run.rate <= highest_guide(smooth)]
    return made[-1] if made else None


def highest_guide(runs: Iterable[ShortRun]) -> float:
    """The largest rate at which a run of this seed may be a guide; 0 where none may."""
    return max((run.rate for run in _smooth(runs)), default=0.0) / _BELOW


def run_below(guide: ShortRun, rate: float) -> ShortRun:
    """The run at a smaller rate, computed.

    Args:
        guide: As `guide_of` gives it.
        rate: Smaller than its rate.
    """
    slower = rate / guide.rate
    end = guide.steps[-1] * np.linspace(1 - _END, 1.0, _POINTS)
    ends = np.maximum(_losses(guide, slower * end), np.finfo(float).tiny)
    return replace(
        guide,
        rate=rate,
        curve=_losses(guide, slower * guide.steps),
        final=float(np.exp(np.mean(np.log(ends)))),
        amplitude=float(ends[0] / ends[-1] - 1),
        computed=True,
    )


def _losses(guide: ShortRun, steps: NDArray[np.floating[Any]]) -> FloatArray:
    losses: FloatArray = np.interp(steps, guide.steps, guide.curve)
    return losses


def _smooth(runs: Iterable[ShortRun]) -> list[ShortRun]:
    """The runs at rates up to the first whose loss did not fall all the way."""
    return list(takewhile(_is_smooth, sorted(runs, key=lambda run: run.rate)))


def _is_smooth(run: ShortRun) -> bool:
    """Whether the loss fell all the way."""
    return run.lost_at is None and bool((np.diff(run.curve) <= 0).all()) and run.swing == 0

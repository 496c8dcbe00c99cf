"""What theory says of the divergence threshold, and why the measurement differs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from nndiag.analysis.curvature import stability_limit_of
from nndiag.arrays import FloatArray
from nndiag.experiment.building import Built
from nndiag.nn.network import examples
from nndiag.nn.stack import Stack
from nndiag.trace import Stability
from nndiag.training.stability import stability_of, step_sharpness
from nndiag.training.sweep_runs import SweepTask
from nndiag.training.sweep_verdict import SeedThreshold

_AGREE = 2.0  # factor between divergence threshold and stability limit up to which they agree
_MOVED = 1.5  # factor by which the stability limit has moved at the end of a run
_GUESS = 0.01  # where the search begins for optimizers whose steps have the size of the rate


class Reading(StrEnum):
    """Why the divergence threshold and the stability limit differ."""

    AGREE = "agree"
    FLATTENS = "flattens"
    SHARPENS = "sharpens"
    NOISE = "noise"
    MOVES = "moves"
    CLIPPED = "clipped"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Theory:
    """The stability limits, and how the measured divergence threshold compares.

    Attributes:
        start: The configured rate and its stability limit before the first step.
        stability_limits: Smallest and largest limit over the seeds; None where nothing curves
            upwards.
        ratio: Measured threshold over the limit at the same seed's start, median over the seeds;
            for an adaptive optimizer over `settled`. None without either.
        settled: The limit where a run of the config's own seed ends: at the recommended rate or at
            the threshold, whichever moved further in the direction of the measured threshold; for
            an adaptive optimizer always at the threshold. Where the network found a flatter place
            it is above `stability_limits`. None without such a run.
        reading: Why both differ; None where there is nothing to compare.
    """

    start: Stability
    stability_limits: tuple[float, float] | None
    ratio: float | None
    settled: float | None
    reading: Reading | None


def theory_of(
    task: SweepTask,
    built: Built,
    *,
    thresholds: Mapping[int, SeedThreshold],
    recommended: float | None,
    ends: bool = True,
) -> Theory:
    """The stability limits at the starts and at the end of a run, beside what was measured.

    Args:
        task: What was trained.
        built: The experiment.
        thresholds: The measured divergence threshold of each seed that has one.
        recommended: The recommended rate.
        ends: Whether to take the runs whose ends are looked at.
    """
    start = stability_of(built)
    stability_limits = {seed: _limit(task, task.starts[seed]) for seed in thresholds}
    stability_limits[built.seed] = start.stability_limit
    ratios = [
        threshold.stable / stability_limit
        for seed, threshold in thresholds.items()
        if (stability_limit := stability_limits[seed]) is not None and threshold.stable is not None
    ]
    own = thresholds.get(built.seed)
    stable = None if own is None else own.stable
    known = [
        stability_limit
        for stability_limit in stability_limits.values()
        if stability_limit is not None
    ]
    ratio = float(np.median(ratios)) if ratios else None
    tried = ({stable} if start.adaptive else {recommended, stable}) if ends else set()
    found = [
        end for rate in tried if rate is not None and (end := _settled(task, rate)) is not None
    ]
    settled = (max if (ratio or 1.0) > 1 else min)(found, default=None)
    if start.adaptive:  # its stability limit at the start is that of a mean of one gradient
        ratio = None if settled is None or stable is None else stable / settled
    return Theory(
        start,
        (min(known), max(known)) if known else None,
        ratio,
        settled,
        _reading(task, start, ratio=ratio, settled=settled) if ratio is not None and ends else None,
    )


def guess_of(task: SweepTask, built: Built) -> float:
    """Where a search for rates begins: at the stability limit, where one is known."""
    stability_limit = None if task.optimizer.adaptive else _limit(task, built.parameters)
    if stability_limit is None or not np.isfinite(stability_limit):
        return _GUESS
    return float(f"{stability_limit:.3g}")


def _limit(
    task: SweepTask, parameters: FloatArray, mean_square: FloatArray | None = None
) -> float | None:
    data = examples(task.shape, task.inputs, task.targets)
    largest = step_sharpness(
        task.shape,
        parameters,
        data,
        optimizer=task.optimizer,
        batches=task.batches,
        mean_square=mean_square,
    )
    return stability_limit_of(task.optimizer, largest) if np.isfinite(largest) else None


def _settled(task: SweepTask, rate: float) -> float | None:
    """The stability limit where a run of the first seed ends."""
    seed, start = next(iter(task.starts.items()))
    stack = Stack(
        task.shape,
        start[None],
        optimizer=task.optimizer,
        inputs=task.inputs,
        targets=task.targets,
        rates=np.array([rate]),
        steps=task.steps,
        seed=seed,
    )
    rows = task.batches.rows(np.random.default_rng([seed, 2]))
    while stack.step < task.steps:
        left = task.steps - stack.step
        if task.batches.full:
            stack.run(steps=left)
        else:
            stack.run(rows=next(rows)[:left])
    mean_square = None
    if task.optimizer.adaptive:
        coefficients = task.optimizer.numbers(np.array([task.steps - 1]), np.ones(1))[0]
        correction = coefficients[1, 0] ** 2 if len(coefficients) > 1 else 1.0
        mean_square = stack.memory[-1][0] * correction
    return _limit(task, stack.parameters[0], mean_square)


def _reading(task: SweepTask, start: Stability, *, ratio: float, settled: float | None) -> Reading:
    """Why divergence threshold and stability limit differ: what was measured that explains it."""
    if start.adaptive:
        return Reading.MOVES  # agreeing with it would be luck
    if 1 / _AGREE <= ratio <= _AGREE:
        return Reading.AGREE
    if task.optimizer.clip_norm is not None:
        return Reading.CLIPPED
    moved = (
        settled / start.stability_limit if settled is not None and start.stability_limit else 1.0
    )
    if ratio > _AGREE:
        return Reading.FLATTENS if moved > _MOVED else Reading.UNEXPLAINED
    if start.batch_limits is not None:
        return Reading.NOISE
    return Reading.SHARPENS if moved < 1 / _MOVED else Reading.UNEXPLAINED

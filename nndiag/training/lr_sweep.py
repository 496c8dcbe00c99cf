"""Which learning rates work: real short runs over a range of rates and several seeds.

The range is widened until both ends are seen, filled with a grid, and narrowed down around the
divergence threshold. A recommended rate is one that was run, with fresh seeds too. Beside what was
measured stands what theory says.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nndiag.experiment.building import Built, build, initial_parameters
from nndiag.experiment.loading import Experiment
from nndiag.training.interruption import Interruption
from nndiag.training.schedule import batches_of, total_steps
from nndiag.training.sweep_blocks import BlockTrainer
from nndiag.training.sweep_choice import Choice, choice_of
from nndiag.training.sweep_failure import failure_of
from nndiag.training.sweep_flow import follows_flow
from nndiag.training.sweep_ranking import RankedRate, band_of, rates_of
from nndiag.training.sweep_record import SweepRecord
from nndiag.training.sweep_result import Sweep
from nndiag.training.sweep_runs import SweepTask, step_seconds
from nndiag.training.sweep_search import RateSearch
from nndiag.training.sweep_theory import guess_of, theory_of
from nndiag.training.sweep_threshold import Threshold, measured_threshold
from nndiag.training.sweep_verdict import SeedThreshold, fates_of, threshold_of

__all__ = ["Sweep", "Threshold", "sweep_learning_rates"]

_SECONDS = 10.0  # of work of an ordinary core, for all runs together
_RUNS = 110  # a usual number of runs of a sweep that needs no finals
_RUNS_AND_FINALS = 250  # … and of one that does, in runs of its short steps
_FINALS = 4  # the finals' runs have this many times the steps
_FEWEST_STEPS = 300


def sweep_learning_rates(
    experiment: Experiment,
    *,
    seeds: int = 3,
    rates: int | None = None,
    steps: int | None = None,
    low: float | None = None,
    high: float | None = None,
    progress: Callable[[int, int], None] | None = None,
    record: SweepRecord | None = None,
) -> Sweep:
    """Find the learning rates that work for an experiment; after Ctrl-C, what is known of them.

    Args:
        experiment: The experiment; its own learning rate is only compared.
        seeds: Number of seeds. Each has initial weights and an order of the examples of its own.
        rates: Number of rates, evenly spaced in their logarithm; by default four per decade.
        steps: Steps of each run; by default those of the config, as far as affordable. The best
            rates are compared by runs of up to four times as many.
        low: Smallest rate; found by itself by default.
        high: Largest rate; found by itself by default.
        progress: Called with the number of runs that have ended, and how many are expected.
        record: Where runs are written down, and those that were made already are found. Of one
            that is only read the result is what a sweep had found that was killed there.
    """
    started = time.monotonic()
    built = build(experiment)
    task = _task(experiment, built, seeds=2 * seeds, steps=steps)
    with ExitStack() as stack:
        interruption = stack.enter_context(Interruption())
        usual = (rates or _RUNS // 4) * seeds
        workers = BlockTrainer(
            task, interrupted=lambda: interruption.requested, done=progress, record=record
        )
        seconds = usual * task.steps * step_seconds(task)
        stack.enter_context(workers.started(seconds=seconds, expected=usual))
        own, flows = tuple(task.starts)[:seeds], follows_flow(task)
        search = RateSearch(workers, own, steps=task.steps, flows=flows)
        _search(search, built, task, rates=rates, ends=(low, high))
        found = found_by(search)
        final_steps = min(max(total_steps(built), task.steps), _FINALS * task.steps)
        choice = decided(search, found, seeds=tuple(task.starts), steps=final_steps)
        if choice and choice.recommended is None:  # what worked was down to the seed
            choice = None
        failed = choice is None and not search.stopped
        best = choice.recommended if choice else None
        return concluded(
            search,
            found,
            choice,
            **_about(built, task),
            final_steps=int(choice.best.runs[0].steps[-1]) if choice else task.steps,
            theory=theory_of(
                task, built, thresholds=found.thresholds, recommended=best, ends=not search.stopped
            ),
            failure=failure_of(task, search.runs.values()) if failed else None,
            interrupted=search.stopped,
            runs=workers.made,
            seconds=time.monotonic() - started,
        )


def _about(built: Built, task: SweepTask) -> dict[str, Any]:
    """What is swept, by the names of a sweep's fields."""
    return {
        "name": built.name,
        "optimizer": built.optimizer.name,
        "setting": "optimizer.learning_rate",
        "configured": built.optimizer.learning_rate,
        "batch_size": None if task.batches.full else task.batches.size,
        "total_steps": total_steps(built),
    }


@dataclass(frozen=True, eq=False)
class Found:
    """What the runs of the search say.

    Attributes:
        rates: The rates of the grid.
        working: Those that work, below the divergence threshold if any do.
        thresholds: Each seed's threshold.
        threshold: The divergence threshold over all seeds.
    """

    rates: tuple[RankedRate, ...]
    working: tuple[RankedRate, ...]
    thresholds: Mapping[int, SeedThreshold]
    threshold: Threshold | None


def _task(experiment: Experiment, built: Built, *, seeds: int, steps: int | None) -> SweepTask:
    """What is trained, with the config's own seed first."""
    own = built.seed
    starts = {own: built.drawn}
    for seed in range(own + 1, own + seeds):
        starts[seed] = initial_parameters(experiment.config, built.shape, seed=seed)
    batches, total = batches_of(built), steps or total_steps(built)
    task = SweepTask(built.shape, built.optimizer, *built.training, batches, starts, steps=total)
    if steps is not None:
        return task
    cost = step_seconds(task)
    if total * _RUNS * cost <= _SECONDS:
        return task
    affordable = int(_SECONDS / (_RUNS_AND_FINALS * cost))
    return replace(task, steps=min(total, max(affordable, _FEWEST_STEPS)))


def _search(
    search: RateSearch,
    built: Built,
    task: SweepTask,
    *,
    rates: int | None,
    ends: tuple[float | None, float | None],
) -> None:
    """Run what there is to run, but for the recommended rate."""
    low, high = ends
    guess = guess_of(task, built)
    if low is None or high is None:
        found = search.find_range(guess)
        low, high = low or min(found[0], high or np.inf), high or max(found[1], low or 0.0)
    if rates is None:
        search.fill(guess, (low, high))
    else:
        search.try_rates(float(f"{rate:.6g}") for rate in np.geomspace(low, high, rates))
    search.try_rates([built.optimizer.learning_rate])
    search.bisect()


def found_by(search: RateSearch) -> Found:
    """What the rates that every seed has run say."""
    complete = _complete(search)
    thresholds = {seed: threshold_of(fates_of(search.of(seed))) for seed in search.seeds}
    working = [rate for rate in complete if rate.works]
    known = {
        seed: threshold
        for seed, threshold in thresholds.items()
        if threshold is not None
        and (working or threshold.fate.blown_up)  # nobody stops learning otherwise
    }
    limit = min((threshold.unstable for threshold in known.values()), default=np.inf)
    below = [rate for rate in working if rate.value < limit]
    if (
        working and not below
    ):  # rates that work with every seed have no divergence threshold below them
        below = working
        known = {
            seed: threshold
            for seed, threshold in known.items()
            if threshold.unstable > working[0].value
        }
    return Found(complete, tuple(below), known, measured_threshold(search, known))


def decided(
    search: RateSearch, found: Found, *, seeds: tuple[int, ...], steps: int
) -> Choice | None:
    """The choice among the rates that work; None where none does.

    Args:
        search: The runs, which become more by those that decide.
        found: What they say.
        seeds: Seeds of the runs that decide.
        steps: Their steps.
    """
    if not found.working:
        return None
    threshold = found.threshold.value if found.threshold else np.inf
    return choice_of(search, found.working, threshold=threshold, seeds=seeds, steps=steps)


def concluded(search: RateSearch, found: Found, choice: Choice | None, **about: Any) -> Sweep:
    """The result of a sweep: what its runs say, and what is known about it besides."""
    return Sweep(
        steps=search.steps,
        seeds=search.seeds,
        rates=found.rates,
        band=band_of(found.rates, found.working) if choice else None,
        best=choice.best.value if choice else None,
        best_of_seeds=choice.best_of_seeds if choice else None,
        threshold=found.threshold,
        recommended=choice.recommended if choice else None,
        recommended_runs=choice.runs if choice else (),
        learned=choice.learned if choice else 0,
        **about,
    )


def _complete(search: RateSearch) -> tuple[RankedRate, ...]:
    """The rates of the grid that were run with every seed."""
    runs = search.runs
    values = sorted(search.grid & {rate for rate, _ in runs})
    full = [rate for rate in values if all((rate, seed) in runs for seed in search.seeds)]
    if search.stopped and not full:  # cut short while the first seed was alone
        full = values
    return rates_of(runs[pair] for pair in sorted(runs) if pair[0] in set(full))

"""Which learning rates work: real short runs over a range of rates and several seeds.

The range is widened until both ends are seen, filled with a grid, and narrowed down around the
edge. A recommended rate is one that was run, with fresh seeds too. Beside what was measured stands
what theory says.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np

from nndiag.experiment.building import Built, build, initial_parameters
from nndiag.experiment.loading import Experiment
from nndiag.training.interruption import Interruption
from nndiag.training.schedule import batches_of, total_steps
from nndiag.training.sweep_failure import Failure, failure_of
from nndiag.training.sweep_runs import ShortRun, Task, run_seconds
from nndiag.training.sweep_search import Search
from nndiag.training.sweep_theory import Theory, guess_of, theory_of
from nndiag.training.sweep_verdict import (
    LEARNS,
    Fate,
    Rate,
    SeedEdge,
    band_of,
    best_of,
    edge_of,
    fates_of,
    rates_of,
    removed,
)
from nndiag.training.sweep_workers import Workers

_SECONDS = 12.0  # of work of an ordinary core, for all runs together
_RUNS = 80  # a usual number of runs, seeds aside
_FEWEST_STEPS = 300
_MARGIN = 1.5  # a recommended rate stays this far below the edge
_STEP_BACK = 2.0  # … and goes down by this where a fresh seed fails
_TRIES = 4
_SAME = 0.02  # relative difference below which two rates are the same


@dataclass(frozen=True)
class Edge:
    """Where rates become too large.

    Attributes:
        value: Largest rate at which no seed failed by its size, nor at any smaller one tried.
        low: Smallest and
        high: largest such rate of a single seed.
        unstable: Smallest rate tried beyond it.
        fate: What happens beyond it.
        steps: First and last step at which runs within a decade beyond were lost; None where none
            was.
        flat_share: Share of flat units of the runs beyond that sit there saturated.
    """

    value: float
    low: float
    high: float
    unstable: float
    fate: Fate
    steps: tuple[int, int] | None
    flat_share: float | None


@dataclass(frozen=True, eq=False)
class SweepResult:
    """What a sweep found.

    Attributes:
        name: Name of the experiment.
        optimizer: Name of the optimizer.
        configured: The configured learning rate.
        batch_size: Examples per step; None for all.
        steps: Steps of each run.
        total_steps: Steps that the config asks for.
        seeds: Seeds of the runs; the first is the config's own.
        rates: All rates that were run with every seed, in increasing order.
        band: Smallest and largest rate that work.
        best: The best rate.
        best_of_seeds: Smallest and largest best rate of a single seed.
        edge: Where rates become too large; None where none did.
        recommended: A rate to use: run, and found to learn, with all seeds and fresh ones.
        recommended_runs: Its runs.
        theory: What theory says.
        failure: Why no rate learns; None where one does.
        interrupted: Whether Ctrl-C cut it short.
        runs: Number of runs made.
        seconds: Time that it took.
    """

    name: str
    optimizer: str
    configured: float
    batch_size: int | None
    steps: int
    total_steps: int
    seeds: tuple[int, ...]
    rates: tuple[Rate, ...]
    band: tuple[float, float] | None
    best: float | None
    best_of_seeds: tuple[float, float] | None
    edge: Edge | None
    recommended: float | None
    recommended_runs: tuple[ShortRun, ...]
    theory: Theory
    failure: Failure | None
    interrupted: bool
    runs: int
    seconds: float

    @property
    def place(self) -> str:
        """Where the configured rate is: "above-edge", "in-band", "above-band" or "below-band"."""
        if self.edge is not None and self.configured > self.edge.value:
            return "above-edge"
        if self.band is None:
            return "no-band"
        if self.configured < self.band[0] * (1 - _SAME):
            return "below-band"
        return "above-band" if self.configured > self.band[1] * (1 + _SAME) else "in-band"

    @property
    def configured_rate(self) -> Rate | None:
        """The runs at the configured rate."""
        return next((rate for rate in self.rates if rate.value == self.configured), None)

    @property
    def speed_up(self) -> float | None:
        """How many times faster the recommended rate is than the configured one.

        The steps of the sweep over the steps in which the recommended rate reaches the loss that
        the configured one has at the end; median over the seeds. None where it does not get
        there, or where the configured rate does not learn at all.
        """
        slow = self.configured_rate
        if slow is None or not self.recommended_runs:
            return None
        fast = {run.seed: run for run in self.recommended_runs}
        if any(run.lost_at is not None or run.final >= run.initial for run in slow.runs):
            return None
        factors = [_speed_up(run, fast[run.seed]) for run in slow.runs if run.seed in fast]
        return float(np.median(factors)) or None if factors else None


def sweep_learning_rates(
    experiment: Experiment,
    *,
    seeds: int = 3,
    rates: int | None = None,
    steps: int | None = None,
    low: float | None = None,
    high: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> SweepResult:
    """Find the learning rates that work for an experiment.

    Args:
        experiment: The experiment; its own learning rate is only compared.
        seeds: Number of seeds. Each has initial weights and an order of the examples of its own.
        rates: Number of rates, evenly spaced in their logarithm; by default four per decade.
        steps: Steps of each run; by default those of the config, as far as affordable.
        low: Smallest rate; found by itself by default.
        high: Largest rate; found by itself by default.
        progress: Called with the number of runs that have just ended.

    Returns:
        What was found; after Ctrl-C, what was found until then.
    """
    started = time.monotonic()
    built = build(experiment)
    task = _task(experiment, built, seeds=2 * seeds, steps=steps)
    with ExitStack() as stack:
        interruption = stack.enter_context(Interruption())
        workers = Workers(
            task,
            interrupted=lambda: interruption.requested,
            done=progress or (lambda _: None),
        )
        seconds = (rates or _RUNS / 4) * seeds * task.steps * run_seconds(task)
        stack.enter_context(workers.started(seconds=seconds))
        search = Search(workers, tuple(task.starts)[:seeds])
        _search(search, built, task, rates=rates, ends=(low, high))
        found = _found(search)
        recommended, runs = _recommended(search, task, found)
        theory = theory_of(task, built, edges=found.edges, recommended=recommended)
        return SweepResult(
            name=built.name,
            optimizer=built.optimizer.name,
            configured=built.optimizer.learning_rate,
            batch_size=None if task.batches.full else task.batches.size,
            steps=task.steps,
            total_steps=total_steps(built),
            seeds=search.seeds,
            rates=found.rates,
            band=found.band,
            best=found.best.value if found.best else None,
            best_of_seeds=found.best_of_seeds,
            edge=_edge(search, found.edges),
            recommended=recommended,
            recommended_runs=runs,
            theory=theory,
            failure=failure_of(task, search.runs.values()) if found.best is None else None,
            interrupted=interruption.requested,
            runs=len(search.runs),
            seconds=time.monotonic() - started,
        )


@dataclass(frozen=True, eq=False)
class _Found:
    """What the runs of the search say."""

    rates: tuple[Rate, ...]
    best: Rate | None
    band: tuple[float, float] | None
    best_of_seeds: tuple[float, float] | None
    edges: dict[int, SeedEdge]


def _task(experiment: Experiment, built: Built, *, seeds: int, steps: int | None) -> Task:
    """What is trained, with the config's own seed first."""
    own = built.seed
    starts = {own: built.parameters}
    for seed in range(own + 1, own + seeds):
        starts[seed] = initial_parameters(experiment.config, built.shape, seed=seed)
    batches, total = batches_of(built), steps or total_steps(built)
    task = Task(built.shape, built.optimizer, *built.training, batches, starts, steps=total)
    if steps is not None:
        return task
    affordable = int(_SECONDS / (_RUNS * run_seconds(task)))
    return replace(task, steps=min(total, max(affordable, _FEWEST_STEPS)))


def _search(
    search: Search,
    built: Built,
    task: Task,
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


def _found(search: Search) -> _Found:
    """The band, the best rate and the edges, from rates that every seed has run."""
    complete = _complete(search)
    edges = {seed: edge_of(fates_of(search.of(seed))) for seed in search.seeds}
    known = {seed: edge for seed, edge in edges.items() if edge is not None}
    limit = min((edge.unstable for edge in known.values()), default=np.inf)
    below = [rate for rate in complete if rate.value < limit]
    best = best_of(below) or best_of(complete)
    return _Found(
        complete,
        best,
        band_of(complete, best) if best else None,
        _spread(search, limit=limit) if best else None,
        known,
    )


def _complete(search: Search) -> tuple[Rate, ...]:
    """The rates of the grid that were run with every seed."""
    runs = search.runs
    values = sorted(search.grid & {rate for rate, _ in runs})
    full = [rate for rate in values if all((rate, seed) in runs for seed in search.seeds)]
    if search.stopped and not full:  # cut short while the first seed was alone
        full = values
    return rates_of(runs[pair] for pair in sorted(runs) if pair[0] in set(full))


def _spread(search: Search, *, limit: float) -> tuple[float, float] | None:
    """Smallest and largest best rate of a single seed."""
    best = []
    for seed in search.seeds:
        alone = best_of([rate for rate in rates_of(search.of(seed)) if rate.value < limit])
        if alone is not None:
            best.append(alone.value)
    return (min(best), max(best)) if best else None


def _edge(search: Search, edges: dict[int, SeedEdge]) -> Edge | None:
    """The edge over all seeds: the smallest."""
    stable = {seed: edge.stable for seed, edge in edges.items() if edge.stable is not None}
    if not stable:
        return None
    seed = min(stable, key=lambda seed: stable[seed])
    edge = edges[seed]
    beyond = [
        run
        for (rate, owner), run in search.runs.items()
        if owner in edges and edges[owner].unstable <= rate <= 10 * edges[owner].unstable
    ]
    lost = [run.lost_at for run in beyond if run.lost_at is not None]
    flat = [run.flat_share for run in beyond if run.flat_share is not None]
    return Edge(
        value=stable[seed],
        low=min(stable.values()),
        high=max(stable.values()),
        unstable=edge.unstable,
        fate=_usual_fate(search, edges),
        steps=(min(lost), max(lost)) if lost else None,
        flat_share=float(np.median(flat)) if flat else None,
    )


def _usual_fate(search: Search, edges: dict[int, SeedEdge]) -> Fate:
    """What happens most often within a decade beyond the edge; of equally many, the graver."""
    fates: list[Fate] = []
    for seed, edge in edges.items():
        found = fates_of(search.of(seed))
        fates.extend(
            fate
            for rate, fate in found.items()
            if fate.unstable and edge.unstable <= rate <= 10 * edge.unstable
        )
    order = list(Fate)
    return max(set(fates), key=lambda fate: (fates.count(fate), order.index(fate)))


def _recommended(
    search: Search, task: Task, found: _Found
) -> tuple[float | None, tuple[ShortRun, ...]]:
    """A rate near the best one, clear of the edge, that learns with fresh seeds too."""
    if found.best is None:
        return None, ()
    stable = [edge.stable for edge in found.edges.values() if edge.stable is not None]
    rate = rounded(min(found.best.value, min(stable, default=np.inf) / _MARGIN))
    for _ in range(_TRIES):
        search.try_pairs([(rate, seed) for seed in task.starts])
        runs = [search.runs[rate, seed] for seed in task.starts if (rate, seed) in search.runs]
        if search.stopped:  # not all were made: a rate that was run with the own seeds will do
            inside = [x for x in found.rates if x.works and x.value <= rate * (1 + _SAME)]
            chosen = max(inside, key=lambda x: x.value, default=found.best)
            return chosen.value, chosen.runs
        if _learns(runs, found):
            return rate, tuple(runs)
        rate = rounded(rate / _STEP_BACK)
    return found.best.value, found.best.runs


def _learns(runs: Sequence[ShortRun], found: _Found) -> bool:
    """Whether as large a share of these runs learns as of the best rate's own."""
    assert found.best is not None
    most = np.median([removed(run) for run in found.best.runs])
    learned = [removed(run) >= LEARNS * most and run.lost_at is None for run in runs]
    expected = sum(fate is Fate.WORKS for fate in found.best.fates) / len(found.best.fates)
    lost = any(run.lost_at is not None for run in runs)
    return not lost and sum(learned) >= np.floor(expected * len(runs))


def rounded(rate: float) -> float:
    """The rate with two digits, rounded down: the next smaller number that is easy to write."""
    scale = 10.0 ** (np.floor(np.log10(rate)) - 1)
    return float(f"{np.floor(rate / scale * (1 + 1e-9)) * scale:.2g}")


def _speed_up(slow: ShortRun, fast: ShortRun) -> float:
    """Steps of the slow run over those in which the fast one gets as low."""
    there = np.flatnonzero(fast.curve <= slow.final)
    if not len(there):
        return 0.0
    return float(slow.steps[-1] / max(fast.steps[there[0]], 1))

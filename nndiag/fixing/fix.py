"""Reproduce the failure, search for its cure, and put together what was found."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nndiag.analysis.reference_fit import Limit, ReferenceFit, limit_of, reference_fit
from nndiag.experiment import Experiment
from nndiag.experiment.building import initial_parameters
from nndiag.finding import Diagnosis
from nndiag.fixing.confirmation import confirmed
from nndiag.fixing.measure import Run, measured
from nndiag.fixing.search import Search, reseeded, same_start
from nndiag.fixing.trial import Trial
from nndiag.nn.network import examples
from nndiag.training import Progress
from nndiag.training.schedule import total_steps

_TRAININGS = 16  # time for everything, in trainings of the config
_LEAST_SECONDS, _MOST_SECONDS = 4.0, 600.0
_FIT_SECONDS = 1.0
_STARTS = 2  # more starts of the reference fit


@dataclass(frozen=True, eq=False)
class Reference:
    """What the same network can reach.

    Attributes:
        fit: The strong optimizer's result.
        limit: What keeps the run from it.
    """

    fit: ReferenceFit
    limit: Limit


@dataclass(frozen=True, eq=False)
class Fix:
    """All that is known after trying to cure a run.

    Attributes:
        experiment: The config.
        baseline: Its run.
        control: The same from another seed; None where nothing is random, or nothing is wrong.
        reference: What the same network can reach; None where nothing is wrong.
        trials: What was tried, in order.
        winner: The smallest change that cures; None where none does.
        seeds: Runs of the winner from other seeds.
        held: How many of those were cured.
        unproven: Remedies of the winner that there was no time to try without.
        diagnosis: The baseline's, its cause confirmed or demoted by what was tried.
        interrupted: Whether Ctrl-C ended the search.
        seconds: Time that everything took.
        budget: Time that it was given.
    """

    experiment: Experiment
    baseline: Run
    control: Run | None
    reference: Reference | None
    trials: tuple[Trial, ...]
    winner: Trial | None
    seeds: tuple[Run, ...]
    held: int
    unproven: tuple[str, ...]
    diagnosis: Diagnosis
    interrupted: bool
    seconds: float
    budget: float

    @property
    def healthy(self) -> bool:
        """Whether there was nothing to cure: nothing wrong, or nothing more in these data."""
        return not self.baseline.needs_cure or _exhausted(self.baseline, self.reference)


def fix(
    experiment: Experiment,
    *,
    seconds: float | None = None,
    notice: Callable[[str], None] = lambda text: None,
    progress: Callable[[Progress], None] | None = None,
) -> Fix:
    """Try the remedies on a config.

    Args:
        experiment: The config.
        seconds: Time for everything but the first training; by default that of 16 trainings.
        notice: Told what is being tried.
        progress: Called about ten times a second during the first training.

    Raises:
        KeyboardInterrupt: Ctrl-C before the failure was reproduced.
        NndiagError: The config cannot be built.
    """
    start = time.monotonic()
    notice("the config as it is")
    baseline = measured(experiment, progress=progress)
    budget = _budget(baseline) if seconds is None else seconds
    search = Search(experiment, baseline, None, time.monotonic(), budget, notice)
    reference, winner, seeds = None, None, tuple[Run, ...]()
    if baseline.needs_cure:
        try:
            notice("the config as it is, from another seed")
            search.control = _control(experiment, baseline)
            notice("what this network can reach")
            reference = _reference(baseline)
            if not _exhausted(baseline, reference):
                winner, seeds = _searched(search)
        except KeyboardInterrupt:
            search.interrupted = True
            winner = winner or search.first_cure()
    trials = tuple(search.trials)
    return Fix(
        experiment=experiment,
        baseline=baseline,
        control=search.control,
        reference=reference,
        trials=trials,
        winner=winner,
        seeds=seeds,
        held=sum(search.cured(run) for run in seeds),
        unproven=tuple(search.unproven),
        diagnosis=confirmed(baseline.diagnosis, winner=winner, trials=trials),
        interrupted=search.interrupted,
        seconds=time.monotonic() - start,
        budget=budget,
    )


def confirm(run: Run, *, seconds: float, notice: Callable[[str], None] = lambda text: None) -> Run:
    """A run with its cause confirmed or demoted by trying the remedies against it.

    Args:
        run: The run; one without a cause is returned as it is.
        seconds: Time for the trials.
        notice: Told what is being tried.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    if run.diagnosis.cause is None:
        return run
    search = Search(run.experiment, run, None, time.monotonic(), seconds, notice)
    search.against_the_cause()
    winner = search.first_cure()
    diagnosis = confirmed(run.diagnosis, winner=winner, trials=search.trials)
    return replace(run, diagnosis=diagnosis)


def reference_of(run: Run, *, seconds: float = _FIT_SECONDS) -> Reference:
    """What the network of a run can reach, and what keeps the run from it."""
    built, config = run.built, run.experiment.config
    data = examples(built.shape, *built.training)
    starts = {"start": built.parameters, "end": run.parameters}
    for number in range(1, _STARTS + 1):
        seed = config.seed + 1000 * number
        starts[f"seed {seed}"] = initial_parameters(config, built.shape, seed=seed)
    fit = reference_fit(built.shape, starts, data, seconds=seconds)
    attainable = run.diagnosis.numbers.get("attainable")
    loss = run.loss if np.isfinite(run.loss) else np.inf
    return Reference(fit, limit_of(fit, loss=loss, attainable=attainable))


def _searched(search: Search) -> tuple[Trial | None, tuple[Run, ...]]:
    """The winner and its runs from other seeds."""
    search.singles()
    if search.first_cure() is None:
        search.combinations()
        cure = search.first_cure()
        if cure is not None:
            search.pruned(cure)
    return search.winner()


def _exhausted(baseline: Run, reference: Reference | None) -> bool:
    """Whether nothing was found and the reference fit shows that nothing is left."""
    if reference is None or baseline.diagnosis.cause is not None or baseline.diagnosis.failing:
        return False
    return reference.limit in (Limit.DATA, Limit.NONE)


def _reference(baseline: Run) -> Reference | None:
    """The reference fit, in no more time than two trainings of the config."""
    return reference_of(baseline, seconds=min(_FIT_SECONDS, 2 * _full_seconds(baseline)))


def _control(experiment: Experiment, baseline: Run) -> Run | None:
    run = measured(reseeded(experiment, 1))
    return None if same_start(run, baseline) else run


def _budget(baseline: Run) -> float:
    wanted = _TRAININGS * _full_seconds(baseline)
    return float(np.clip(wanted, _LEAST_SECONDS, _MOST_SECONDS))


def _full_seconds(baseline: Run) -> float:
    """What one training takes; estimated where it broke off early."""
    steps, total = max(baseline.trace.steps, 1), total_steps(baseline.built)
    return baseline.seconds * (total / steps if steps > 100 else 1.0)

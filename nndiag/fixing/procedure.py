"""Reproduce the failure, search for its cure, and put together what was found."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nndiag.analysis.reference_fit import Limit, ReferenceFit, limit_of
from nndiag.experiment import Experiment
from nndiag.finding import Diagnosis
from nndiag.fixing.bench import Bench, Notice, expected_seconds, reseeded, same_course
from nndiag.fixing.confirmation import confirmed
from nndiag.fixing.measure import OutOfTimeError, Run, measured, with_reference
from nndiag.fixing.search import Winner, first_cure, search, search_against_cause, winner_of
from nndiag.fixing.trial import Trial
from nndiag.training import Progress
from nndiag.training.reference import reference_of as fitted

_TRAININGS = 16  # time for everything, in trainings of the config
_LEAST_SECONDS, _MOST_SECONDS = 4.0, 600.0
_FIT_SECONDS = 1.0
_OF_THE_DATA = ("nothing-to-learn", "mismatched-data")
_HALF = 0.5  # skill of the reference fit that refutes it


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
    winner: Winner | None
    diagnosis: Diagnosis
    interrupted: bool
    seconds: float
    budget: float

    @property
    def healthy(self) -> bool:
        """Whether there was nothing to cure: nothing wrong, or nothing more in these data."""
        return not self.baseline.needs_cure or _exhausted(self.baseline, self.reference)

    @property
    def in_the_data(self) -> bool:
        """Whether the data are at fault, so that no setting was tried."""
        return _is_in_the_data(self.baseline, self.reference)


def fix(
    experiment: Experiment,
    *,
    seconds: float | None = None,
    notice: Notice = lambda text: None,
    progress: Callable[[Progress], None] | None = None,
) -> Fix:
    """Try the remedies on a config.

    Args:
        experiment: The config.
        seconds: Time for the trials; by default that of 16 trainings.
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
    bench = Bench(experiment, baseline, budget, notice)
    reference, winner, interrupted = None, None, False
    try:
        if baseline.needs_cure:
            bench.control = _control(bench)
            reference = _reference(bench)
            bench.baseline = baseline = with_reference(baseline, reference.fit)
            bench.start = time.monotonic()
        curable = not _exhausted(baseline, reference) and not _is_in_the_data(baseline, reference)
        if reference is not None and curable:
            search(bench, limit=reference.limit)
            winner = winner_of(bench)
    except KeyboardInterrupt:
        winner, interrupted = first_cure(bench), True
    trials = tuple(bench.trials)
    return Fix(
        experiment=experiment,
        baseline=baseline,
        control=bench.control,
        reference=reference,
        trials=trials,
        winner=winner,
        diagnosis=confirmed(baseline.diagnosis, cure=_trial_of(winner), trials=trials),
        interrupted=interrupted,
        seconds=time.monotonic() - start,
        budget=budget,
    )


def confirm(run: Run, *, seconds: float | None = None, notice: Notice = lambda text: None) -> Run:
    """A run with its cause confirmed or demoted by trying the remedies against its findings.

    Args:
        run: The run; one without a cause is returned as it is.
        seconds: Time for the trials; by default that of 16 trainings of the config.
        notice: Told what is being tried.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    if run.diagnosis.cause is None:
        return run
    bench = Bench(run.experiment, run, _budget(run) if seconds is None else seconds, notice)
    search_against_cause(bench)
    cure = _trial_of(first_cure(bench))
    diagnosis = confirmed(run.diagnosis, cure=cure, trials=bench.trials)
    return replace(run, diagnosis=diagnosis)


def reference_of(run: Run, *, seconds: float = _FIT_SECONDS) -> Reference:
    """What the network of a run can reach, and what keeps the run from it."""
    fit = fitted(run.built, run.parameters, seconds=seconds)
    attainable = run.diagnosis.numbers.get("attainable")
    loss = run.loss if np.isfinite(run.loss) else np.inf
    return Reference(fit, limit_of(fit, loss=loss, attainable=attainable))


def _trial_of(winner: Winner | None) -> Trial | None:
    return None if winner is None else winner.trial


def _exhausted(baseline: Run, reference: Reference | None) -> bool:
    """Whether nothing was found and the reference fit shows that nothing is left."""
    if reference is None or baseline.diagnosis.cause is not None or baseline.diagnosis.failing:
        return False
    return reference.limit in (Limit.DATA, Limit.NONE)


def _is_in_the_data(baseline: Run, reference: Reference | None) -> bool:
    """Whether the data hold nothing to learn, by the diagnosis and by the reference fit."""
    cause = baseline.diagnosis.cause
    if cause is None or cause.finding.problem not in _OF_THE_DATA or reference is None:
        return False
    skill = reference.fit.skill
    return skill is None or skill < _HALF


def _reference(bench: Bench) -> Reference:
    """The reference fit, in no more time than a training of the config."""
    bench.notice("what this network can reach")
    full = expected_seconds(bench.baseline.built, baseline=bench.baseline)
    return reference_of(bench.baseline, seconds=min(_FIT_SECONDS, full))


def _control(bench: Bench) -> Run | None:
    """The baseline from another seed; None where that is the same run, or takes too long."""
    bench.notice("the config as it is, from another seed")
    try:
        run = measured(reseeded(bench.experiment, 1), deadline=bench.start + bench.seconds)
    except OutOfTimeError:
        return None
    return None if same_course(run, bench.baseline) else run


def _budget(baseline: Run) -> float:
    wanted = _TRAININGS * expected_seconds(baseline.built, baseline=baseline)
    return float(np.clip(wanted, _LEAST_SECONDS, _MOST_SECONDS))

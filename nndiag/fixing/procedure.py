"""Reproduce the failure, search for its cure, and put together what was found."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nndiag.analysis.reference_fit import Limit, ReferenceFit, bounded_seconds, limit_of
from nndiag.experiment import Experiment
from nndiag.finding import Diagnosis
from nndiag.fixing.budget import Budget, work_of
from nndiag.fixing.confirmation import confirmed
from nndiag.fixing.measure import Run, measured, with_reference
from nndiag.fixing.search import Winner, first_cure, found, search_against_cause
from nndiag.fixing.trial import Trial
from nndiag.fixing.trial_runner import Notice, TrialRunner
from nndiag.remedies.advice import advised, limit_in
from nndiag.trace import Trace
from nndiag.trace.stored import AS_IT_IS
from nndiag.training import Progress
from nndiag.training.reference import REFERENCE_SECONDS
from nndiag.training.reference import reference_of as fitted
from nndiag.training.schedule import batches_of, total_steps

_TRAININGS = 16  # work for all trials, in trainings of the config
_LEAST_WORK = 3.0  # seconds of an ordinary core that the search for a cure has in any case
_SHOWN = 0.45  # share of the trainings that may show what else would have cured
_BACKSTOP, _BACKSTOP_SECONDS = 4.0, 60.0  # times the expected time, and seconds, that end it anyway
_MOST_UNUSUAL = 10.0  # speed of a machine that is believed
_NOISE = "nothing-to-learn"
_OF_THE_DATA = (_NOISE, "mismatched-data")
_HALF = 0.5  # R² of the reference fit that refutes it
_SHUFFLES = 3  # orders of the targets that are fitted beside theirs


@dataclass(frozen=True, eq=False)
class Reference:
    """What the same network can reach.

    Attributes:
        fit: The strong optimizer's result.
        limit: What keeps the run from it.
        by_heart: R² that the same fits reach on shuffled targets, which hold nothing: the largest
            of a few orders; None where no noise is in question.
    """

    fit: ReferenceFit
    limit: Limit
    by_heart: float | None = None


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
        budget: Time that the trials were given, or that their work should take.
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

    @property
    def traces(self) -> dict[str, Trace]:
        """The run as it is, and the cured one where there is one, by what a picture calls them."""
        runs = {"as it is": self.baseline}
        if self.winner is not None and self.winner.trial.run is not None:
            runs[" + ".join(self.winner.trial.remedies)] = self.winner.trial.run
        return {label: run.trace for label, run in runs.items()}


def fix(
    experiment: Experiment,
    *,
    seconds: float | None = None,
    notice: Notice = lambda text: None,
    progress: Callable[[Progress], None] | None = None,
    folder: Path | None = None,
    read_only: bool = False,
) -> Fix:
    """Try the remedies on a config.

    Args:
        experiment: The config.
        seconds: Time for the trials; by default the work of 16 trainings is the limit.
        notice: Told what is being tried.
        progress: Called about ten times a second during the first training.
        folder: Where each run is recorded in a folder of its own; what is there is taken over.
        read_only: Whether nothing else is trained: what a search had found that was killed.

    Raises:
        OutOfTimeError: Nothing else is trained, and the config as it is was not.
        KeyboardInterrupt: Ctrl-C before the failure was reproduced.
        NndiagError: The config cannot be built.
    """
    start = time.monotonic()
    notice("the config as it is")
    place = None if folder is None else folder / AS_IT_IS
    baseline = measured(experiment, progress=progress, folder=place, read_only=read_only)
    budget = _budget(baseline, seconds)
    bench = TrialRunner(experiment, baseline, budget, notice, folder=folder, read_only=read_only)
    reference, winner, interrupted = None, None, False
    try:
        if baseline.needs_cure:
            reference = _examined(bench)
            baseline = bench.baseline
        curable = not _exhausted(baseline, reference) and not _is_in_the_data(baseline, reference)
        if reference is not None and curable:
            winner = found(bench, limit=limit_in(baseline.trace))  # as train has it
    except KeyboardInterrupt:
        winner, interrupted = first_cure(bench), True
    finally:
        bench.close()
    trials = tuple(bench.trials)
    return Fix(
        experiment=experiment,
        baseline=baseline,
        control=bench.control,
        reference=reference,
        trials=trials,
        winner=winner,
        diagnosis=confirmed(
            advised(baseline.diagnosis, baseline.trace), cure=_trial_of(winner), trials=trials
        ),
        interrupted=interrupted or (read_only and bench.missing),
        seconds=time.monotonic() - start,
        budget=bench.budget.expected_seconds,
    )


def confirm(run: Run, *, seconds: float | None = None, notice: Notice = lambda text: None) -> Run:
    """A run with its cause confirmed or demoted by trying the remedies against its findings.

    Args:
        run: The run; one without a cause is returned as it is.
        seconds: Time for the trials; by default the work of 16 trainings is the limit.
        notice: Told what is being tried.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    if run.diagnosis.cause is None:
        return run
    bench = TrialRunner(run.experiment, run, _budget(run, seconds), notice)
    try:
        search_against_cause(bench)
    finally:
        bench.close()
    cure = _trial_of(first_cure(bench))
    diagnosis = confirmed(run.diagnosis, cure=cure, trials=bench.trials)
    return replace(run, diagnosis=diagnosis)


def reference_of(run: Run, *, seconds: float = REFERENCE_SECONDS) -> Reference:
    """What the network of a run can reach, and what keeps the run from it."""
    fit = fitted(run.built, run.parameters, seconds=seconds)
    attainable = run.diagnosis.numbers.get("attainable")
    loss = run.loss if np.isfinite(run.loss) else np.inf
    return Reference(fit, limit_of(fit, loss=loss, attainable=attainable))


def _trial_of(winner: Winner | None) -> Trial | None:
    """The change that proves something: one that no other seed bears out does not."""
    return None if winner is None or not winner.holds else winner.trial


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
    r_squared = reference.fit.r_squared
    if r_squared is not None and reference.by_heart is not None:
        r_squared = _beyond_heart(r_squared, by_heart=reference.by_heart)
    return r_squared is None or r_squared < _HALF


def _beyond_heart(r_squared: float, *, by_heart: float) -> float:
    """The share that is explained of what shuffled targets leave; zero where they leave nothing."""
    return 1 - (1 - r_squared) / (1 - by_heart) if by_heart < 1 else 0.0


def _with_shuffled(reference: Reference, run: Run, *, seconds: float) -> Reference:
    """The same with what is learned by heart, where noise is told and the fit could refute it.

    Source: a permutation test; Zhang et al. 2017, Understanding deep learning requires rethinking
    generalization, section 2.1, fit random labels.
    """
    cause, r_squared = run.diagnosis.cause, reference.fit.r_squared
    if cause is None or cause.finding.problem != _NOISE or (r_squared or 0.0) < _HALF:
        return reference
    inputs, targets = run.built.training
    rng = np.random.default_rng(0)
    orders = [rng.permutation(len(targets)) for _ in range(_SHUFFLES)]
    shuffled = [replace(run.built, training=(inputs, targets[order])) for order in orders]
    reached = [fitted(built, run.parameters, seconds=seconds).r_squared for built in shuffled]
    return replace(reference, by_heart=max(one or 0.0 for one in reached))


def _examined(bench: TrialRunner) -> Reference:
    """What the network can reach; the bench knows of it and of its control afterwards."""
    bench.begin_control()
    bench.notice("what this network can reach")
    built, steps = bench.baseline.built, bench.baseline.trace.steps
    batch = batches_of(built).size
    seconds = bounded_seconds(
        built.shape, steps=steps, batch=batch, most=REFERENCE_SECONDS, thorough=True
    )
    reference = reference_of(bench.baseline, seconds=seconds)
    bench.baseline = with_reference(bench.baseline, reference.fit)
    reference = _with_shuffled(reference, bench.baseline, seconds=seconds)
    bench.end_control()
    bench.budget.start = time.monotonic()
    return reference


def _budget(baseline: Run, seconds: float | None) -> Budget:
    """The work of 16 trainings, whatever time it takes; or the time that was asked for."""
    made = work_of(baseline.built, steps=baseline.trace.steps)
    speed = float(np.clip(baseline.seconds / made, 1 / _MOST_UNUSUAL, _MOST_UNUSUAL))
    if seconds is not None:
        return Budget(np.inf, seconds, _SHOWN, speed)
    usual = _TRAININGS * work_of(baseline.built, steps=total_steps(baseline.built))
    work = max(usual, _LEAST_WORK)
    backstop = _BACKSTOP_SECONDS + _BACKSTOP * speed * work
    return Budget(work, backstop, _SHOWN * usual / work, speed)

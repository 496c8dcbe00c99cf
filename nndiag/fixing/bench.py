"""Where trials are made: one failing run, a time, and the record of what was tried."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nndiag.errors import NndiagError
from nndiag.experiment import Experiment
from nndiag.experiment.building import Built, build
from nndiag.fixing.measure import OutOfTimeError, Run, measured
from nndiag.fixing.trial import Trial, is_cured, verdict_on, with_remedies
from nndiag.remedies import changed, smallest_changes
from nndiag.training.schedule import batches_of, total_steps

_WORK_OF_A_STEP = 2e4  # in multiplications: what the calls of a step cost by themselves
_SECONDS_OF_WORK = 6e-10
_SECONDS_OF_A_RUN = 0.01  # building, probes, curvature, diagnosis
_MOST_UNUSUAL = 10.0

Notice = Callable[[str], None]


@dataclass(eq=False)
class Bench:
    """Trials on one failing run, within a time.

    Attributes:
        experiment: The failing config.
        baseline: Its run.
        seconds: Time for everything from `start`.
        notice: Told what is being tried.
        start: When the time began, as `time.monotonic` counts.
        control: The baseline from another seed; None where nothing is random.
        trials: What was tried, in order; combinations only where there was time for them.
    """

    experiment: Experiment
    baseline: Run
    seconds: float
    notice: Notice = lambda text: None
    start: float = field(default_factory=time.monotonic)
    control: Run | None = None
    trials: list[Trial] = field(default_factory=list)

    def tried(self, names: tuple[str, ...], *, until: float) -> Trial | None:
        """What came of some remedies, tried now unless they were; None where none of them applies.

        Remedies that do not apply beside the others are left out.

        Args:
            names: The remedies.
            until: Share of the time by which it has to be over.
        """
        try:
            experiment, applied = with_remedies(self.experiment, names)
            known = self.known(applied)
            if not applied or known is not None:
                return known
            self.notice(" + ".join(applied))
            changes = smallest_changes(self.experiment, experiment)
            trial = self._made(Trial(tuple(applied), changes, None, None), experiment, until=until)
        except NndiagError as error:
            trial = Trial(names, {}, None, None, str(error.problems[0].message))
        if trial.run is not None or len(names) == 1:
            self.trials.append(trial)
        return trial

    def known(self, names: Sequence[str]) -> Trial | None:
        """The trial of some remedies, if it was made."""
        wanted = set(names)
        made = (trial for trial in self.trials if trial.run is not None)
        return next((trial for trial in made if set(trial.remedies) == wanted), None)

    def other_seeds(self, trial: Trial, *, count: int) -> tuple[Run, ...]:
        """Runs of a trial from other seeds, as many as there is time for."""
        runs: list[Run] = []
        for number in range(1, count + 1):
            if trial.run is None or not self.has_time(trial.run.seconds):
                break
            self.notice(f"{' + '.join(trial.remedies)}, another seed ({number} of {count})")
            try:
                run = measured(
                    reseeded(trial.run.experiment, number), deadline=self.start + self.seconds
                )
            except OutOfTimeError:
                break
            if same_course(run, trial.run):
                break
            runs.append(run)
        return tuple(runs)

    def cured(self, run: Run) -> bool:
        """Whether the failure is gone from a run."""
        return is_cured(run, baseline=self.baseline)

    def has_time(self, seconds: float, *, until: float = 1.0) -> bool:
        """Whether so many seconds are left of a share of the time."""
        return time.monotonic() + seconds <= self.start + until * self.seconds

    def _made(self, trial: Trial, experiment: Experiment, *, until: float) -> Trial:
        """The trial with its run, if there is time for it."""
        needed = expected_seconds(build(experiment), baseline=self.baseline)
        if not self.has_time(needed, until=until):
            return replace(trial, reason="no time")
        try:
            run = measured(experiment, deadline=self.start + until * self.seconds)
        except OutOfTimeError:
            return replace(trial, reason="no time")
        verdict = verdict_on(run, baseline=self.baseline, control=self.control)
        return replace(trial, run=run, verdict=verdict)


def expected_seconds(built: Built, *, baseline: Run) -> float:
    """What a training should take: counted work, at the speed that the baseline had."""
    usual = _usual_seconds(baseline.built, steps=baseline.trace.steps)
    speed = np.clip(baseline.seconds / usual, 1 / _MOST_UNUSUAL, _MOST_UNUSUAL)
    return float(speed) * _usual_seconds(built, steps=total_steps(built))


def reseeded(experiment: Experiment, number: int) -> Experiment:
    """The experiment from other initial weights and in another order, on the same data."""
    settings = experiment.resolved
    seed = settings["seed"]
    changes = {
        "seed": seed + 1000 * number,
        "dataset": {"seed": settings["dataset"].get("seed", seed)},
    }
    if "seed" in settings["network"]:
        changes["network"] = {"seed": settings["network"]["seed"] + 1000 * number}
    return changed(experiment, changes, source="another seed")


def same_course(run: Run, other: Run) -> bool:
    """Whether two runs of one config are the same: nothing in them was drawn by chance."""
    same_start = np.array_equal(run.built.parameters, other.built.parameters)
    return same_start and batches_of(run.built).full


def _usual_seconds(built: Built, *, steps: int) -> float:
    """Seconds that so many steps take on an ordinary core; within a factor of 3."""
    shape, batches = built.shape, batches_of(built)
    batch = min(batches.size, batches.examples)
    work = _WORK_OF_A_STEP + batch * (shape.size + 5 * sum(shape.units))
    return _SECONDS_OF_A_RUN + _SECONDS_OF_WORK * work * steps

"""Where trials are made: one failing run, a budget, and the record of what was tried."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from nndiag.errors import NndiagError
from nndiag.experiment import Experiment
from nndiag.experiment.building import build
from nndiag.fixing.budget import Budget, work_of
from nndiag.fixing.measure import OutOfTimeError, Run, measured
from nndiag.fixing.speculative import Ahead
from nndiag.fixing.trial import Trial, TrialOutcome, is_cured, verdict_on, with_remedies
from nndiag.formatting import part_of
from nndiag.remedies import changed, smallest_changes
from nndiag.training.schedule import batches_of, total_steps

_WORTH_A_PROCESS = 0.25  # seconds of work; a process costs some hundredths
_LONGEST_LABEL = 80
_LOOK_AHEAD = 3  # trials that are prepared before their turn

Notice = Callable[[str], None]
Names = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Plan:
    """A training to be made.

    Attributes:
        experiment: What is trained.
        work: The work that it takes, at most.
        remedies: The remedies in it.
        label: What it is called where it is recorded.
    """

    experiment: Experiment
    work: float
    remedies: Names = ()
    label: str = "another-seed"


@dataclass(eq=False)
class TrialRunner:
    """Trials on one failing run, within a budget.

    Attributes:
        experiment: The failing config.
        baseline: Its run.
        budget: What may be spent on trials.
        notice: Told what is being tried.
        control: The baseline from another seed; None where nothing is random.
        trials: What was tried, in order; combinations only where the budget allowed them.
        folder: Where each run is recorded in a folder of its own; None where none is.
        read_only: Whether no run is made that is not recorded there.
        missing: Whether any would have had to be.
    """

    experiment: Experiment
    baseline: Run
    budget: Budget
    notice: Notice = lambda text: None
    control: Run | None = None
    trials: list[Trial] = field(default_factory=list)
    folder: Path | None = None
    read_only: bool = False
    missing: bool = False
    _seeds: dict[frozenset[str], tuple[Run, ...]] = field(default_factory=dict)
    _plans: dict[Names, _Plan] = field(default_factory=dict)
    _labels: dict[Experiment, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ahead = Ahead(place=self._place)

    def tried(self, names: Names, *, until: float, then: Sequence[Names] = ()) -> Trial | None:
        """What came of some remedies, tried now unless they were; None where none of them applies.

        Remedies that do not apply beside the others are left out.

        Args:
            names: The remedies.
            until: Share of the budget by which it has to be over.
            then: What will be tried next, as far as that is known.
        """
        try:
            plan = self._plan(names)
            known = self.known(plan.remedies)
            if not plan.remedies or known is not None:
                return known
            self._say(" + ".join(plan.remedies))
            trial = self._made(plan, until=until, then=then)
        except NndiagError as error:
            trial = Trial(names, {}, None, None, str(error.problems[0].message))
        if trial.run is not None or len(names) == 1:
            self.trials = [x for x in self.trials if x.remedies != trial.remedies]  # not made then
            self.trials.append(trial)
        return trial

    def _say(self, what: str) -> None:
        """Tell what is tried, how many were of how many the budget allows, and the time left."""
        done, seconds = len(self.trials), time.monotonic() - self.budget.start
        spent, allowed = self.budget.spent, self.budget.work
        if not done or not spent or not np.isfinite(allowed):
            self.notice(what)
            return
        total = round(done * allowed / spent)
        self.notice(f"{what} (trials: {part_of(done, total, seconds=seconds)})")

    def known(self, names: Sequence[str]) -> Trial | None:
        """The trial of some remedies, if it was made."""
        wanted = set(names)
        made = (trial for trial in self.trials if trial.run is not None)
        return next((trial for trial in made if set(trial.remedies) == wanted), None)

    def demote(self) -> None:
        """Count what cured from one start alone as a help."""
        self.trials = [
            replace(x, verdict=TrialOutcome.HELPS) if x.cures else x for x in self.trials
        ]

    def other_seeds(self, trial: Trial, *, count: int) -> tuple[Run, ...]:
        """Runs of a trial from other seeds, as many as the budget allows; made once."""
        key = frozenset(trial.remedies)
        if key not in self._seeds:
            self._seeds[key] = self._from_other_seeds(trial, count=count)
        return self._seeds[key]

    def _from_other_seeds(self, trial: Trial, *, count: int) -> tuple[Run, ...]:
        runs: list[Run] = []
        if trial.run is None:
            return ()
        work = work_of(trial.run.built, steps=trial.run.trace.steps)
        experiments = [reseeded(trial.run.experiment, number + 1) for number in range(count)]
        plans = [_Plan(experiment, work) for experiment in experiments]
        for number, plan in enumerate(plans, start=1):
            if not self.budget.allows(work):
                break
            seed = f"another seed ({number} of {count})"
            self._say(f"{' + '.join(trial.remedies)}, {seed}")
            try:
                run = self._run(plan, until=1.0, then=plans[number:])
            except OutOfTimeError:
                break
            if same_course(run, trial.run):
                break
            runs.append(run)
        return tuple(runs)

    def begin_control(self) -> None:
        """Begin the unchanged config from another seed, if that is worth a process."""
        if self._control.work >= _WORTH_A_PROCESS and not self.read_only:
            self._ahead.begin([self._control.experiment], deadline=self.budget.deadline())

    def end_control(self) -> None:
        """The unchanged config from another seed; none where nothing is random or time is over."""
        self.notice("the config as it is, from another seed")
        try:
            run = self._run(self._control, until=1.0, then=())
        except OutOfTimeError:
            return
        self.control = None if same_course(run, self.baseline) else run

    def cured(self, run: Run) -> bool:
        """Whether the failure is gone from a run."""
        return is_cured(run, baseline=self.baseline)

    def close(self) -> None:
        """End what was begun and not asked for."""
        self._ahead.close()

    @cached_property
    def _control(self) -> _Plan:
        work = work_of(self.baseline.built, steps=self.baseline.trace.steps)
        return _Plan(reseeded(self.experiment, 1), work)

    def _plan(self, names: Names) -> _Plan:
        """The training with some remedies, put together once.

        Raises:
            NndiagError: They do not fit the config.
        """
        if names not in self._plans:
            experiment, applied = with_remedies(self.experiment, names)
            built = build(experiment)
            work = work_of(built, steps=total_steps(built))
            label = "+".join(applied)[:_LONGEST_LABEL]
            self._plans[names] = _Plan(experiment, work, tuple(applied), label)
        return self._plans[names]

    def _made(self, plan: _Plan, *, until: float, then: Sequence[Names]) -> Trial:
        """The trial with its run, if the budget allows it."""
        changes = smallest_changes(self.experiment, plan.experiment)
        trial = Trial(plan.remedies, changes, None, None)
        if not self.budget.allows(plan.work, until=until):
            return replace(trial, reason="beyond the budget")
        try:
            run = self._run(plan, until=until, then=self._next(then))
        except OutOfTimeError:
            return replace(trial, reason="beyond the budget")
        verdict = verdict_on(run, baseline=self.baseline, control=self.control)
        return replace(trial, run=run, verdict=verdict)

    def _place(self, experiment: Experiment) -> Path | None:
        """Where the run of an experiment is recorded."""
        label = self._labels.get(experiment, "another-seed")
        return None if self.folder is None else self.folder / label

    def _next(self, then: Sequence[Names]) -> list[_Plan]:
        """The trainings that will be asked for, as far as they are known."""
        plans: list[_Plan] = []
        for names in then[:_LOOK_AHEAD]:
            try:
                plan = self._plan(names)
            except NndiagError:  # told when its turn comes
                continue
            if plan.remedies and self.known(plan.remedies) is None:
                plans.append(plan)
        return plans

    def _run(self, plan: _Plan, *, until: float, then: Sequence[_Plan]) -> Run:
        """The run of a plan, small ones here; its work is spent."""
        deadline = self.budget.deadline(until=until)
        self._labels |= {one.experiment: one.label for one in (plan, *then)}
        place = self._place(plan.experiment)
        if self.read_only:
            run = self._read(plan.experiment, place)
        elif plan.work < _WORTH_A_PROCESS:
            run = measured(plan.experiment, deadline=deadline, folder=place)
        else:
            later = [one.experiment for one in then if one.work >= _WORTH_A_PROCESS]
            run = self._ahead.run(plan.experiment, deadline=deadline, then=later)
        self.budget.spent += work_of(run.built, steps=run.trace.steps)
        return run

    def _read(self, experiment: Experiment, place: Path | None) -> Run:
        """The run of an experiment that was recorded.

        Raises:
            OutOfTimeError: None was, or not to its end.
        """
        try:
            return measured(experiment, folder=place, read_only=True)
        except OutOfTimeError:
            self.missing = True
            raise


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
    return same_start and batches_of(run.built).full and not run.built.shape.drops

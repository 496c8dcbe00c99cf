"""The search for the smallest change that cures: singles, combinations, pruning, other seeds."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from nndiag.errors import NndiagError
from nndiag.experiment import Experiment
from nndiag.finding import Outcome
from nndiag.fixing.measure import OutOfTimeError, Run, measured
from nndiag.fixing.trial import Trial, Verdict, is_cured, verdict_on, with_remedies
from nndiag.remedies import Case, Remedy, changed, remedies, smallest_changes
from nndiag.training.schedule import total_steps

_SINGLES = 0.55  # share of the time for single remedies
_AFTER_A_CURE = 0.4  # … once one of them has cured
_COMBINATIONS = 0.85  # share of the time until which combinations are begun
_MOST_TOGETHER = 4
_BETTER = 0.95  # share of the error that another remedy may leave to be kept in a combination
_SEEDS = 2  # more seeds for the winner
_POINTLESS_AFTER_DIVERGENCE = frozenset({"more-steps", "larger-rate"})
_SEED = "another-seed"
_CANDIDATES = 3  # cures that are tried with other seeds until one holds

Notice = Callable[[str], None]


@dataclass(eq=False)
class Search:
    """Trials on one failing run, within a time.

    Attributes:
        experiment: The failing config.
        baseline: Its run.
        control: The same from another seed; None where nothing is random.
        start: When the time began, as `time.monotonic` counts.
        seconds: Time for everything.
        notice: Told what is being tried.
        trials: What was tried, in order.
        unproven: Remedies of a combination that there was no time to leave out.
        interrupted: Whether Ctrl-C ended it.
    """

    experiment: Experiment
    baseline: Run
    control: Run | None
    start: float
    seconds: float
    notice: Notice
    trials: list[Trial] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    interrupted: bool = False

    def singles(self) -> None:
        """Try each remedy by itself, the most promising first."""
        names = self._singles()
        until = _SINGLES
        for number, name in enumerate(names, 1):
            self.notice(f"{name} ({number} of {len(names)})")
            trial = self.attempt((name,), until=until)
            if trial is not None and trial.cures:
                until = _AFTER_A_CURE

    def against_the_cause(self) -> None:
        """Try the remedies against the cause until one cures, then all that is suggested."""
        cause = self.baseline.diagnosis.cause
        catalogue = remedies()
        for name in self._singles():
            if cause is not None and cause.finding.problem in catalogue[name].cures:
                self.notice(name)
                trial = self.attempt((name,), until=_COMBINATIONS)
                if trial is not None and trial.cures:
                    return
        bundle = _compatible(x for x in self._pool() if not self._risky(catalogue[x]))
        trial = self._tried(bundle)
        if trial is not None and trial.cures:
            self.pruned(trial)

    def combinations(self) -> None:
        """Put remedies together, as long as that helps, until one combination cures.

        First all that the findings suggest and all that helped, at once; then grown one at a time
        from the best.
        """
        pool = self._pool()
        catalogue = remedies()
        bundle = _compatible(name for name in pool if not self._risky(catalogue[name]))
        grown = [trial for trial in [self._tried(bundle)] if trial is not None]
        if any(trial.cures for trial in grown):
            return
        helpers = [trial for trial in self.trials if trial.verdict is Verdict.HELPS]
        best = min([*helpers, *grown], key=lambda trial: trial.error, default=None)
        while best is not None and len(best.remedies) < _MOST_TOGETHER:
            better = self._grown(best, pool)
            if better is None or better.error > _BETTER * best.error:
                return
            best = better
            if best.cures:
                return

    def pruned(self, trial: Trial) -> Trial:
        """The combination without every remedy that it does not need."""
        needed = trial
        for name in trial.remedies:
            if len(needed.remedies) < 2:
                break
            fewer = self._tried(tuple(one for one in needed.remedies if one != name), until=1.0)
            if fewer is not None and fewer.cures:
                needed = fewer
            elif fewer is not None and fewer.run is None:
                self.unproven.append(name)
        return needed

    def winner(self) -> tuple[Trial | None, tuple[Run, ...]]:
        """The smallest cure that holds for other seeds, and its runs from them."""
        best: tuple[Trial | None, tuple[Run, ...]] = (None, ())
        most = -1.0
        for trial in self._cures()[:_CANDIDATES]:
            runs = self._other_seeds(trial)
            cured = [self.cured(run) for run in runs]
            share = sum(cured) / len(cured) if cured else 0.5
            if share > most:
                most, best = share, (trial, runs)
            if all(cured):
                break
        return best

    def first_cure(self) -> Trial | None:
        """The smallest cure, without asking other seeds; None where there is none."""
        return next(iter(self._cures()), None)

    def cured(self, run: Run) -> bool:
        """Whether the failure is gone from a run."""
        return is_cured(run, baseline=self.baseline)

    def attempt(self, names: tuple[str, ...], *, until: float = 1.0) -> Trial | None:
        """Train with some remedies and judge the run; None where they do not apply.

        Args:
            names: The remedies.
            until: Share of the time by which it has to be over.
        """
        try:
            experiment, applied = with_remedies(self.experiment, names)
            if not applied or set(applied) != set(names):
                return None
            trial = Trial(tuple(applied), smallest_changes(self.experiment, experiment), None, None)
            trial = self._run(trial, experiment, until=until)
        except NndiagError as error:
            trial = Trial(names, {}, None, None, str(error.problems[0].message))
        if trial.run is not None or len(names) == 1:
            self.trials.append(trial)
        return trial

    def _run(self, trial: Trial, experiment: Experiment, *, until: float) -> Trial:
        deadline = self.start + until * self.seconds
        needed = _expected_seconds(self.baseline, experiment)
        if time.monotonic() + needed > deadline:
            return replace(trial, reason=f"no time: it would take about {needed:.2g} s")
        try:
            run = measured(experiment, deadline=deadline)
        except OutOfTimeError:
            return replace(trial, reason="the time was over")
        verdict = verdict_on(run, baseline=self.baseline, control=self.control)
        return replace(trial, run=run, verdict=verdict)

    def _singles(self) -> list[str]:
        """The remedies to try by themselves, the most promising first."""
        pointless = set[str]()
        if self.baseline.diagnosis.outcome is Outcome.DIVERGED:
            pointless |= _POINTLESS_AFTER_DIVERGENCE
        if self.control is not None and not self.cured(self.control):
            pointless.add(_SEED)  # the control has shown it
        names = applicable(self.experiment, self.baseline)
        return [name for name in names if name not in pointless]

    def _risky(self, remedy: Remedy) -> bool:
        """Whether a remedy belongs into the first combination only if it helped by itself."""
        helped = any(
            trial.remedies == (remedy.name,) and trial.verdict is Verdict.HELPS
            for trial in self.trials
        )
        return (remedy.group == "rate" or remedy.price > 2) and not helped

    def _pool(self) -> list[str]:
        """Remedies worth putting together: those that helped, then those that are suggested."""
        helped = [t for t in self.trials if len(t.remedies) == 1 and t.verdict is Verdict.HELPS]
        helped.sort(key=lambda trial: trial.error)
        names = [trial.remedies[0] for trial in helped]
        catalogue = remedies()
        for name in self._singles():
            if catalogue[name].cures & self.baseline.problems and catalogue[name].price < 3:
                names.append(name)
        return list(dict.fromkeys(names))

    def _grown(self, trial: Trial, pool: Sequence[str]) -> Trial | None:
        """The best of a combination with one more remedy; the first that cures."""
        tried = []
        others = [name for name in self._singles() if name not in pool]
        for name in (*pool, *others):
            names = (*trial.remedies, name)
            if name in trial.remedies or _compatible(names) != names:
                continue
            one = self._tried(names)
            if one is None:
                continue
            if one.cures:
                return one
            if one.run is None:
                break  # the time is over
            tried.append(one)
        return min(tried, key=lambda one: one.error, default=None)

    def _tried(self, names: tuple[str, ...], *, until: float = _COMBINATIONS) -> Trial | None:
        """The trial of a combination, made now if it has not been made."""
        for trial in self.trials:
            if set(trial.remedies) == set(names):
                return trial
        if not names:
            return None
        self.notice(" + ".join(names))
        return self.attempt(names, until=until)

    def _cures(self) -> list[Trial]:
        """All cures, the smallest first: fewest remedies, against the cause, cheap, least error."""
        catalogue = remedies()
        cause = self.baseline.diagnosis.cause
        problem = cause.finding.problem if cause is not None else ""

        def rank(trial: Trial) -> tuple[float, ...]:
            parts = [catalogue[name] for name in trial.remedies]
            aimed = any(problem in part.cures for part in parts)
            return (len(parts), not aimed, sum(part.price for part in parts), trial.error)

        return sorted((trial for trial in self.trials if trial.cures), key=rank)

    def _other_seeds(self, trial: Trial) -> tuple[Run, ...]:
        """Runs of a cure from other seeds, as many as there is time for."""
        runs: list[Run] = []
        assert trial.run is not None
        for number in range(1, _SEEDS + 1):
            self.notice(f"{' + '.join(trial.remedies)}, another seed ({number} of {_SEEDS})")
            experiment = reseeded(trial.run.experiment, number)
            if time.monotonic() + trial.run.seconds > self.start + self.seconds:
                break
            try:
                run = measured(experiment, deadline=self.start + self.seconds)
            except OutOfTimeError:
                break
            if same_start(run, trial.run):
                break
            runs.append(run)
        return tuple(runs)


def applicable(experiment: Experiment, baseline: Run) -> list[str]:
    """Names of the remedies that apply, the most promising first.

    First those against the cause, then those against other findings, then the rest; among them
    the cheap ones first.
    """
    case = Case(experiment)
    cause = baseline.diagnosis.cause
    aims: list[frozenset[str]] = [] if cause is None else [frozenset({cause.finding.problem})]
    aims.append(baseline.problems)

    def rank(remedy: Remedy) -> tuple[int, int]:
        aimed = [bool(remedy.cures & aim) for aim in aims]
        return (aimed.index(True) if any(aimed) else len(aims), remedy.price)

    fitting = [one for one in remedies().values() if one.changes(case) is not None]
    return [one.name for one in sorted(fitting, key=rank)]


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


def same_start(run: Run, other: Run) -> bool:
    """Whether two runs were one: nothing in them was drawn by chance."""
    return bool((run.trace.loss[:1] == other.trace.loss[:1]).all()) and run.loss == other.loss


def _compatible(names: Iterable[str]) -> tuple[str, ...]:
    """The names without those whose group an earlier one has taken."""
    catalogue, taken, kept = remedies(), set[str](), []
    for name in names:
        group = catalogue[name].group
        if group is None or group not in taken:
            kept.append(name)
        if group is not None:
            taken.add(group)
    return tuple(kept)


def _expected_seconds(baseline: Run, experiment: Experiment) -> float:
    """What training should take, from what the baseline took for each step."""
    steps = max(baseline.trace.steps, 1)
    config = experiment.config.training
    wanted = config.steps or total_steps(Case(experiment).built)
    return baseline.seconds * wanted / steps if steps > 100 else 0.0

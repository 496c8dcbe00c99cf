"""The search for the smallest change that cures: singles, combinations, pruning, other seeds."""

from dataclasses import dataclass

from nndiag.analysis.reference_fit import Limit
from nndiag.fixing.measure import Run
from nndiag.fixing.ranking import bundle, by_size, recipe, worth_combining
from nndiag.fixing.trial import Trial, TrialOutcome
from nndiag.fixing.trial_runner import TrialRunner
from nndiag.remedies import Case, remedies
from nndiag.remedies.advice import compatible, ranked

_SINGLES = 0.5  # share of the budget for single remedies
_COMBINATIONS = 0.75  # share of the budget until which combinations are begun
_MOST_TOGETHER = 4
_BETTER = 0.95  # share of the error that another remedy may leave to be kept in a combination
_LITTLE = 0.05  # share of the variance that a cure may leave without a look for a better one
_CLEARLY = 0.75  # share of its error from which a longer cure is no better than a shorter one
_FURTHER = 4  # changes that are added to the best cure, one at a time
_USUAL = ("adam", "more-steps", "wider-layers")
"""What brings most runs further, where their own diagnosis asks for nothing."""
_SEEDS = 2  # more seeds for the winner
_ROUNDS = 2  # searches beyond the first, for cures that hold
_CANDIDATES, _SUREST = 3, 2  # cures that are tried with other seeds until one holds
_ANOTHER_SEED, _MORE_STEPS, _LARGER_RATE = "another-seed", "more-steps", "larger-rate"


@dataclass(frozen=True, eq=False)
class Winner:
    """The smallest change that cures.

    Attributes:
        trial: The change.
        seeds: Its runs from other seeds.
        held: How many of those were cured.
        unproven: Remedies in it that the budget did not allow to try without.
    """

    trial: Trial
    seeds: tuple[Run, ...] = ()
    held: int = 0
    unproven: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether any other seed bears it out, where others were tried."""
        return self.held > 0 or not self.seeds


def search(bench: TrialRunner, *, limit: Limit | None = None) -> None:
    """Try what is suggested, alone and together; then the rest; then combinations.

    Where a scale is at fault, inputs and targets are scaled together before most else is tried.
    Combinations are all that is generally advised at once, and those that grow from what helped.
    Where the best cure leaves more than little, all that is advised is tried at once all the same,
    and then what the run of the best cure needs itself: a cure is near what can be reached.
    Whatever cures is pruned to what it needs. Once something cures, a part of the rest is tried, to
    show what else would have done.

    Args:
        bench: Where to try; holds what was tried.
        limit: What keeps the run from a smaller loss, by the reference fit.
    """
    suggested, rest = ranked(Case(bench.experiment), bench.baseline.diagnosis, limit=limit)
    if bench.control is not None and not bench.cured(bench.control):
        rest = [name for name in rest if name != _ANOTHER_SEED]  # the control has shown it
        suggested = [name for name in suggested if name != _ANOTHER_SEED]
    _singles(bench, suggested[:1])
    if _scalings(suggested):
        _together(bench, _scalings([*suggested, *rest]))
    _singles(bench, suggested[1:])
    if not _cured(bench):
        _together(bench, bundle(bench.trials, suggested))
    _singles(bench, rest)
    advised = recipe([*suggested, *rest])
    if _cured(bench) and not _well(bench):
        _together(bench, advised)
    for more in ((), (_LARGER_RATE,), (_MORE_STEPS,), (_LARGER_RATE, _MORE_STEPS)):
        if not _cured(bench):
            _together(bench, compatible((*advised, *more)))
    if not _cured(bench):
        _grow(bench, worth_combining(bench.trials, suggested), rest)
    _go_on(bench)


def search_against_cause(bench: TrialRunner) -> None:
    """Try the remedies against the cause until one cures, then all that is suggested together."""
    suggested, _ = ranked(Case(bench.experiment), bench.baseline.diagnosis)
    cause, catalogue = bench.baseline.diagnosis.cause, remedies()
    problem = cause.finding.problem if cause is not None else ""
    against = [(name,) for name in suggested if problem in catalogue[name].cures]
    for position, names in enumerate(against, start=1):
        trial = bench.tried(names, until=_COMBINATIONS, then=against[position:])
        if trial is not None and trial.cures:
            return
    _together(bench, bundle(bench.trials, suggested))


def found(bench: TrialRunner, *, limit: Limit | None = None) -> Winner | None:
    """What a search finds; it goes on for as long as no other seed bears a cure out.

    Args:
        bench: Where to try.
        limit: What keeps the run from a smaller loss, by the reference fit.
    """
    search(bench, limit=limit)
    winner = last = winner_of(bench)
    for _ in range(_ROUNDS):
        if last is None or last.holds:
            break
        bench.demote()
        search(bench, limit=limit)
        last = winner_of(bench)
    return last if last is not None and last.holds else winner


def winner_of(bench: TrialRunner) -> Winner | None:
    """The smallest cure that holds for other seeds; else the one that holds for most of them.

    Looked at are the smallest ones, and those with the least error.
    """
    best, most = None, -1.0
    cures = by_size(bench.trials, bench.baseline)
    surest = sorted(cures[_CANDIDATES:], key=lambda trial: trial.error)
    for trial in (*cures[:_CANDIDATES], *surest[:_SUREST]):
        runs = bench.other_seeds(trial, count=_SEEDS)
        held = sum(bench.cured(run) for run in runs)
        share = held / len(runs) if runs else 0.5
        if share > most:
            most, best = share, Winner(trial, runs, held, _unproven(bench, trial))
        if held == len(runs):
            break
    return best


def first_cure(bench: TrialRunner) -> Winner | None:
    """The smallest cure, without asking other seeds."""
    cures = by_size(bench.trials, bench.baseline)
    return Winner(cures[0], unproven=_unproven(bench, cures[0])) if cures else None


def _singles(bench: TrialRunner, names: list[str]) -> None:
    """Try each remedy by itself."""
    for position, name in enumerate(names, start=1):
        then = [(later,) for later in names[position:]]
        bench.tried((name,), until=bench.budget.shown if _cured(bench) else _SINGLES, then=then)


def _scalings(names: list[str]) -> tuple[str, ...]:
    """The remedies that bring inputs or targets to an ordinary size."""
    return tuple(name for name in names if remedies()[name].kind == "data")


def _together(bench: TrialRunner, names: tuple[str, ...]) -> None:
    """Try a combination; where it cures, take away what it does not need."""
    trial = bench.tried(names, until=_COMBINATIONS) if len(names) > 1 else None
    if trial is not None and trial.cures:
        _prune(bench, trial)


def _prune(bench: TrialRunner, trial: Trial) -> None:
    """Try a cure without each of its remedies, the dear ones first, until it needs all it has."""
    needed: Trial | None = trial
    while needed is not None:
        needed = _without_one(bench, needed)


def _without_one(bench: TrialRunner, cure: Trial) -> Trial | None:
    """A cure with one remedy less; None where each is needed."""
    catalogue = remedies()
    dear_first = sorted(cure.remedies, key=lambda one: -catalogue[one].price)
    parts = [tuple(one for one in cure.remedies if one != name) for name in dear_first]
    for position, fewer in enumerate(parts, start=1):
        rest = bench.tried(fewer, until=1.0, then=parts[position:]) if fewer else None
        if rest is not None and rest.cures and len(rest.remedies) < len(cure.remedies):
            return rest
    return None


def _grow(bench: TrialRunner, pool: list[str], rest: list[str]) -> None:
    """From the best that helped, add one remedy after another as long as that helps."""
    helpers = [trial for trial in bench.trials if trial.verdict is TrialOutcome.HELPS]
    best = min(helpers, key=lambda trial: trial.error, default=None)
    while best is not None and len(best.remedies) < _MOST_TOGETHER:
        better = _grown(bench, best, [*pool, *(name for name in rest if name not in pool)])
        if better is None or better.error > _BETTER * best.error:
            return
        best = better
        if best.cures:
            _prune(bench, best)
            return


def _grown(bench: TrialRunner, trial: Trial, names: list[str]) -> Trial | None:
    """The best of a combination with one more remedy; the first that cures."""
    tried = []
    longer = [(*trial.remedies, name) for name in names if name not in trial.remedies]
    fitting = [more for more in longer if compatible(more) == more]
    for position, more in enumerate(fitting, start=1):
        one = bench.tried(more, until=_COMBINATIONS, then=fitting[position:])
        if one is not None and one.cures:
            return one
        if one is not None and one.run is not None:
            tried.append(one)
    return min(tried, key=lambda one: one.error, default=None)


def _go_on(bench: TrialRunner) -> None:
    """Add to the best cure what its own run needs, as long as that leaves clearly less."""
    best = _best_cure(bench)
    while best is not None and best.run is not None and not _well(bench):
        own, _ = ranked(Case(best.run.experiment), best.run.diagnosis)
        names = [name for name in dict.fromkeys((*own, *_USUAL)) if name not in best.remedies]
        longer = [(*best.remedies, name) for name in names]
        fitting = [more for more in longer if compatible(more) == more][:_FURTHER]
        for position, more in enumerate(fitting, start=1):
            bench.tried(more, until=_COMBINATIONS, then=fitting[position:])
        better = _best_cure(bench)
        if better is None or _left(bench, better) > _CLEARLY * _left(bench, best):
            return
        best = better


def _best_cure(bench: TrialRunner) -> Trial | None:
    cures = (trial for trial in bench.trials if trial.cures)
    return min(cures, key=lambda trial: _left(bench, trial), default=None)


def _left(bench: TrialRunner, trial: Trial) -> float:
    return trial.honest_error(bench.baseline.noise)


def _cured(bench: TrialRunner) -> bool:
    return any(trial.cures for trial in bench.trials)


def _well(bench: TrialRunner) -> bool:
    """Whether some cure leaves next to nothing unexplained: none can be much better.

    What a network that could know its examples by heart leaves of noise is not less than the noise.
    """
    noise = bench.baseline.noise
    cures = [trial for trial in bench.trials if trial.cures]
    return any(
        _left(bench, one) <= _LITTLE
        or (one.run is not None and one.run.could_know_by_heart and one.error <= noise + _LITTLE)
        for one in cures
    )


def _unproven(bench: TrialRunner, trial: Trial) -> tuple[str, ...]:
    """Remedies of a combination that were never left out of it."""
    made = {frozenset(one.remedies) for one in bench.trials if one.run is not None}
    whole = frozenset(trial.remedies)
    if len(whole) < 2:
        return ()
    return tuple(name for name in trial.remedies if whole - {name} not in made)

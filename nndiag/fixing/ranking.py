"""Which remedies are tried, in which order, and which are put together."""

from collections.abc import Iterable, Sequence

from nndiag.analysis.reference_fit import Limit
from nndiag.experiment import Experiment
from nndiag.finding import Outcome
from nndiag.fixing.measure import Run
from nndiag.fixing.trial import Trial, Verdict
from nndiag.remedies import Case, Remedy, remedies

_POINTLESS_AFTER_DIVERGENCE = frozenset({"more-steps", "larger-rate", "rate-near-ceiling"})
_POINTLESS_WHERE_SLOW = frozenset({"smaller-rate", "much-smaller-rate"})
_SLOW = frozenset({"learning-rate-too-small", "not-enough-steps"})
_OF_THE_OPTIMIZER = frozenset({"training", "optimizer", "start"})
_RECIPE = (
    "standardized-inputs",
    "scaled-targets",
    "biases",
    "fitting-loss",
    "linear-output",
    "squared-error",
    "tanh-units",
    "hidden-layer",
    "fewer-layers",
    "wider-layers",
    "fitting-initializer",
    "mean-loss",
    "no-weight-decay",
    "constant-rate",
    "no-clipping",
    "adam",
)
_DEAR = 3  # price from which a remedy is put into the first combination only if it helped


def ranked(
    experiment: Experiment, baseline: Run, *, limit: Limit | None = None
) -> tuple[list[str], list[str]]:
    """The remedies that apply, the most promising first: those that are suggested, and the rest.

    Suggested are those against a finding, those against the cause first. Cheap ones come first.
    Where the reference fit shows the network to be the limit, remedies that change the optimizer,
    the start or the length of training come last. What can only make matters worse is left out.
    """
    case = Case(experiment)
    cause = baseline.diagnosis.cause
    aims: list[frozenset[str]] = [] if cause is None else [frozenset({cause.finding.problem})]
    aims.append(baseline.problems)
    diverged = baseline.diagnosis.outcome is Outcome.DIVERGED

    def rank(remedy: Remedy) -> tuple[int, int]:
        aimed = [bool(remedy.cures & aim) for aim in aims]
        return (aimed.index(True) if any(aimed) else len(aims), remedy.price)

    fitting = [
        one
        for one in remedies().values()
        if not (diverged and one.name in _POINTLESS_AFTER_DIVERGENCE)
        and one.changes(case) is not None
    ]
    late = {one.name for one in fitting if limit is Limit.MODEL and one.kind in _OF_THE_OPTIMIZER}
    ordered = sorted(fitting, key=rank)
    suggested = [x.name for x in ordered if rank(x)[0] < len(aims) and x.name not in late]
    slow = _POINTLESS_WHERE_SLOW if baseline.problems & _SLOW else frozenset[str]()
    rest = [x.name for x in ordered if x.name not in suggested and x.name not in slow]
    return suggested, sorted(rest, key=late.__contains__)


def compatible(names: Iterable[str]) -> tuple[str, ...]:
    """The names without those whose group an earlier one has taken."""
    catalogue, taken, kept = remedies(), set[str](), []
    for name in names:
        group = catalogue[name].group
        if group is None or group not in taken:
            kept.append(name)
        if group is not None:
            taken.add(group)
    return tuple(kept)


def worth_combining(trials: Sequence[Trial], suggested: Sequence[str]) -> list[str]:
    """Remedies to put together: those that helped, the best first, then those suggested."""
    helped = [t for t in trials if len(t.remedies) == 1 and t.verdict is Verdict.HELPS]
    helped.sort(key=lambda trial: trial.error)
    return list(dict.fromkeys([*(trial.remedies[0] for trial in helped), *suggested]))


def bundle(trials: Sequence[Trial], suggested: Sequence[str]) -> tuple[str, ...]:
    """The first combination: all that helped, and all that is suggested and no gamble.

    Another rate or more computing is a gamble where it did not help by itself: it may well undo
    what the others do.
    """
    catalogue = remedies()
    helped = {t.remedies for t in trials if t.verdict is Verdict.HELPS}
    names = [
        name
        for name in worth_combining(trials, suggested)
        if (name,) in helped or (catalogue[name].group != "rate" and catalogue[name].price < _DEAR)
    ]
    return compatible(names)


def recipe(names: Sequence[str]) -> tuple[str, ...]:
    """All that is generally advised, of the remedies that apply."""
    return compatible(name for name in _RECIPE if name in names)


def by_size(trials: Iterable[Trial], baseline: Run) -> list[Trial]:
    """Cures, the smallest first: fewest remedies, then against the cause, cheap, least error."""
    catalogue = remedies()
    cause = baseline.diagnosis.cause
    problem = cause.finding.problem if cause is not None else ""

    def rank(trial: Trial) -> tuple[float, ...]:
        parts = [catalogue[name] for name in trial.remedies]
        aimed = any(problem in part.cures for part in parts)
        return (len(parts), not aimed, sum(part.price for part in parts), trial.error)

    return sorted((trial for trial in trials if trial.cures), key=rank)

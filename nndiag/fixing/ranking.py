"""Which remedies are put together, and which of several cures is the smallest."""

from collections.abc import Iterable, Sequence

from nndiag.fixing.measure import Run
from nndiag.fixing.trial import Trial, TrialOutcome
from nndiag.remedies import remedies
from nndiag.remedies.advice import compatible

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
    "steep-first-layer",
    "mean-loss",
    "no-weight-decay",
    "no-dropout",
    "constant-rate",
    "no-clipping",
    "adam",
)
_NEAR, _ALIKE = 0.05, 0.25  # of the variance, and of the error
_DEAR = 3  # price from which a remedy is put into the first combination only if it helped


def worth_combining(trials: Sequence[Trial], suggested: Sequence[str]) -> list[str]:
    """Remedies to put together: those that helped, the best first, then those suggested."""
    helped = [t for t in trials if len(t.remedies) == 1 and t.verdict is TrialOutcome.HELPS]
    helped.sort(key=lambda trial: trial.error)
    return list(dict.fromkeys([*(trial.remedies[0] for trial in helped), *suggested]))


def bundle(trials: Sequence[Trial], suggested: Sequence[str]) -> tuple[str, ...]:
    """The first combination: all that helped, and all that is suggested and no gamble.

    Another rate or more computing is a gamble where it did not help by itself: it may well undo
    what the others do.
    """
    catalogue = remedies()
    helped = {t.remedies for t in trials if t.verdict is TrialOutcome.HELPS}
    names = [
        name
        for name in worth_combining(trials, suggested)
        if (name,) in helped or (catalogue[name].group != "rate" and catalogue[name].price < _DEAR)
    ]
    return compatible(names)


def recipe(names: Sequence[str]) -> tuple[str, ...]:
    """All that is generally advised, of the remedies that apply."""
    return compatible(name for name in _RECIPE if name in names)


def near_the_best(trials: Iterable[Trial], *, noise: float = 0.0) -> list[Trial]:
    """Cures that leave little more of the variance unexplained than the best of them.

    What is within 5 points of the best, or within a quarter of its error, counts as near, and what
    so few validation examples cannot tell from it. Noise that is known by heart makes none better.

    Args:
        trials: The trials.
        noise: Share of the variance that no model explains.
    """
    cures = [trial for trial in trials if trial.cures]
    best = min(cures, key=lambda trial: trial.honest_error(noise), default=None)
    if best is None or best.run is None:
        return []
    least = best.honest_error(noise)
    near = least + max(_NEAR, _ALIKE * max(least - noise, 0.0), best.run.chance)
    return [trial for trial in cures if trial.honest_error(noise) <= near]


def by_size(trials: Iterable[Trial], baseline: Run) -> list[Trial]:
    """Cures near the best, the smallest first: fewest remedies, then against the cause, then those
    that bring the data to an ordinary size, cheap, least error.
    """
    catalogue = remedies()
    cause = baseline.diagnosis.cause
    problem = cause.finding.problem if cause is not None else ""

    def rank(trial: Trial) -> tuple[float, ...]:
        parts = [catalogue[name] for name in trial.remedies]
        aimed = any(problem in part.cures for part in parts)
        scales = any(part.kind == "data" for part in parts)
        error = trial.honest_error(baseline.noise)
        return (len(parts), not aimed, not scales, sum(x.price for x in parts), error)

    return sorted(near_the_best(trials, noise=baseline.noise), key=rank)

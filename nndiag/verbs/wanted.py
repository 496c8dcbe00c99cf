"""Which problems are looked for, by a config and a caller together."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from nndiag.detectors import DETECTORS, checked_thresholds
from nndiag.errors import ConfigError, NndiagError, Problem
from nndiag.experiment import Experiment, experiment_of

Thresholds: TypeAlias = Mapping[str, Mapping[str, float]] | Sequence[str]
"""Problem → threshold → value, or `problem.threshold=value` each."""


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    Attributes:
        thresholds: Problem → threshold → value, where it differs from the default.
        ignore: Problems that are not looked for.
        select: The only problems that are looked for; None for all.
    """

    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    select: tuple[str, ...] | None = None


def wanted(
    settings: Mapping[str, Any],
    *,
    thresholds: Thresholds | None = None,
    ignore: Collection[str] | None = None,
    select: Collection[str] | None = None,
) -> Wanted:
    """What a config and a caller ask for together.

    Args:
        settings: The resolved config, or what is known of one.
        thresholds: They go before the config's own.
        ignore: Problems to ignore besides the config's own.
        select: The only problems to look for; None or empty for all.

    Raises:
        ConfigError: A threshold is not written like that, or does not exist.
        UnknownNameError: A problem does not exist.
    """
    section = settings.get("diagnosis") or {}
    own = section.get("thresholds") or {}
    merged = {problem: dict(values) for problem, values in own.items()}
    for problem, name, value in _each(thresholds or {}):
        merged.setdefault(problem, {})[name] = value
    found = Wanted(
        thresholds=checked_thresholds(merged),
        ignore=(*(section.get("ignore") or ()), *(ignore or ())),
        select=tuple(select) if select else None,
    )
    for problem in (*found.ignore, *(found.select or ())):
        DETECTORS.get(problem)
    return found


def narrowed(
    experiment: Experiment, *, ignore: Collection[str] | None, select: Collection[str] | None
) -> Experiment:
    """An experiment that looks for what is wanted besides what it asks for itself.

    Raises:
        UnknownNameError: A problem does not exist.
    """
    if not ignore and not select:
        return experiment
    asked = wanted(experiment.resolved, ignore=ignore, select=select)
    others = [one for one in DETECTORS.names() if asked.select and one not in asked.select]
    ignored = list(dict.fromkeys([*asked.ignore, *others]))
    section = {**experiment.resolved["diagnosis"], "ignore": ignored}
    found = experiment_of({**experiment.resolved, "diagnosis": section})
    return replace(found, source=experiment.source, tree=experiment.tree)


def check_diagnosis_section(experiment: Experiment) -> None:
    """Refuses thresholds and names of problems that do not exist.

    Raises:
        ConfigError: All of them, each at its line.
    """
    section = experiment.config.diagnosis
    problems: list[Problem] = []

    def check(call: Callable[[Any], object], argument: Any, *path: str | int) -> bool:
        try:
            call(argument)
        except NndiagError as error:
            place = experiment.location("diagnosis", *path)
            problems.extend(replace(problem, location=place) for problem in error.problems)
            return False
        return True

    for problem, values in section.thresholds.items():
        if check(checked_thresholds, {problem: {}}, "thresholds", problem):
            for name, value in values.items():
                check(checked_thresholds, {problem: {name: value}}, "thresholds", problem, name)
    for index, problem in enumerate(section.ignore):
        check(DETECTORS.get, problem, "ignore", index)
    if problems:
        raise ConfigError(problems)


def _each(thresholds: Thresholds) -> Iterator[tuple[str, str, float]]:
    """Problem, threshold and value, one after another."""
    if not isinstance(thresholds, Mapping):
        yield from map(_threshold, thresholds)
        return
    for problem, values in thresholds.items():
        yield from ((problem, name, value) for name, value in values.items())


def _threshold(text: str) -> tuple[str, str, float]:
    """The parts of `problem.threshold=value`."""
    key, equals, value = text.partition("=")
    problem, dot, name = key.partition(".")
    try:
        if not equals or not dot:
            raise ValueError
        number = float(value)
    except ValueError:
        raise ConfigError(
            Problem(
                f"{text!r} sets no threshold",
                allowed="problem.threshold=number",
                hint="vanishing-gradients.ratio=1e-4; `nndiag explain PROBLEM` has the names",
            )
        ) from None
    return problem, name, int(number) if number.is_integer() and "." not in value else number

"""Configs with changes on top, and the smallest changes that lead from one config to another."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from nndiag.errors import ConfigError, Location
from nndiag.experiment import Config, Experiment, experiment_of
from nndiag.experiment.merging import merged, normalised
from nndiag.experiment.node import planted
from nndiag.remedies.contract import Changes

_OWN = ("name", "expect", "extends")  # what a config does not inherit


def changed(experiment: Experiment, changes: Changes, *, source: str = "remedy") -> Experiment:
    """The experiment with changes on top, as a config that extends it would have them.

    Raises:
        ConfigError: The changes do not fit the config.
    """
    base = {key: value for key, value in experiment.resolved.items() if key != "expect"}
    place = Location(source)
    parent = normalised(planted(deepcopy(base), place), Config)
    child = normalised(planted(deepcopy(dict(changes)), place), Config)
    return experiment_of(merged(parent, child, Config).plain(), source=source)


def smallest_changes(before: Experiment, after: Experiment) -> dict[str, Any]:
    """The fewest keys that, on top of `before`, give `after`; names and expectations aside.

    Raises:
        ConfigError: `after` cannot be reached by changing keys.
    """
    changes = _difference(_comparable(before), _comparable(after))
    for path in list(_leaves(changes)):
        fewer = _without(changes, path)
        if _reaches(before, fewer, after):
            changes = fewer
    if not _reaches(before, changes, after):
        raise ConfigError("the change cannot be written on top of the config")
    return changes


def _reaches(before: Experiment, changes: Changes, after: Experiment) -> bool:
    try:
        return _comparable(changed(before, changes)) == _comparable(after)
    except ConfigError:
        return False


def _comparable(experiment: Experiment) -> dict[str, Any]:
    return {key: value for key, value in experiment.resolved.items() if key not in _OWN}


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of `after` that `before` has not, or has otherwise; None for those it loses."""
    result: dict[str, Any] = {}
    for key, value in after.items():
        if key not in before:
            result[key] = deepcopy(value)
        elif isinstance(value, Mapping) and isinstance(before[key], Mapping):
            inner = _difference(before[key], value)
            if inner:
                result[key] = inner
        elif value != before[key]:
            result[key] = deepcopy(value)
    if after.get("name") == before.get("name"):  # another component loses its keys by itself
        result.update(dict.fromkeys(before.keys() - after.keys()))
    return result


def _leaves(changes: Changes, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in changes.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key)


def _without(changes: Changes, path: tuple[str, ...]) -> dict[str, Any]:
    """The changes without one leaf, and without the mappings that it leaves empty."""
    result = deepcopy(dict(changes))
    if len(path) == 1:
        del result[path[0]]
        return result
    inner = _without(result[path[0]], path[1:])
    if inner:
        result[path[0]] = inner
    else:
        del result[path[0]]
    return result

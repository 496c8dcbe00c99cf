"""How runs differ in their settings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ABSENT = "–"
"""What stands for a setting that a run does not have."""


@dataclass(frozen=True)
class Difference:
    """One setting that is not the same in all runs.

    Attributes:
        key: Its dotted path: "optimizer.learning_rate".
        values: Its value in each run.
    """

    key: str
    values: tuple[Any, ...]


def differences(runs: Sequence[Mapping[str, Any]]) -> tuple[Difference, ...]:
    """The settings that differ, in the order in which they are written; names are left out.

    Args:
        runs: The settings of each run; empty where they are not known.
    """
    flat = [dict(_flat(settings)) for settings in runs]
    known = [place for place, settings in enumerate(flat) if settings]
    keys = dict.fromkeys(key for settings in flat for key in settings)
    rows = (
        Difference(key, tuple(settings.get(key, ABSENT) for settings in flat))
        for key in keys
        if key not in ("name", "expect")
    )
    return tuple(row for row in rows if len({repr(row.values[place]) for place in known}) > 1)


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their dotted paths; lists of mappings by their places."""
    for key, value in settings.items():
        path = f"{prefix}{key}"
        if path == "expect":
            continue
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{path}.")
        elif isinstance(value, list) and value and all(isinstance(x, Mapping) for x in value):
            yield from _flat({str(place): item for place, item in enumerate(value)}, f"{path}.")
        else:
            yield path, value

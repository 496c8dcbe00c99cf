"""How two runs differ in their settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ABSENT = "–"
"""What stands for a setting that one run does not have."""


@dataclass(frozen=True)
class Difference:
    """One setting that differs.

    Attributes:
        key: Its dotted path: "optimizer.learning_rate".
        left: Its value in the first run.
        right: Its value in the second run.
    """

    key: str
    left: Any
    right: Any


def differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> tuple[Difference, ...]:
    """The settings that differ, in the order in which they are written; names are left out."""
    ours, theirs = dict(_flat(left)), dict(_flat(right))
    keys = [key for key in dict.fromkeys([*ours, *theirs]) if key not in ("name", "expect")]
    return tuple(
        Difference(key, ours.get(key, ABSENT), theirs.get(key, ABSENT))
        for key in keys
        if _differ(ours.get(key, ABSENT), theirs.get(key, ABSENT))
    )


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


def _differ(left: Any, right: Any) -> bool:
    return repr(left) != repr(right)

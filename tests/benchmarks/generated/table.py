"""The table of a benchmark: shares with their 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

Record = dict[str, Any]


def interval(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share.

    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927).
    """
    if not count:
        return 0.0, 1.0
    z, share = 1.96, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count**2)) / (1 + z * z / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def share(records: list[Record], key: str) -> str:
    hits = sum(bool(record[key]) for record in records)
    low, high = interval(hits, len(records))
    return f"{100 * hits / max(len(records), 1):5.1f} % ({100 * low:.0f}–{100 * high:.0f})"


def times(records: list[Record]) -> str:
    seconds = [record["seconds"] for record in records]
    return f"{np.median(seconds):.1f} s, max {max(seconds):.1f} s" if seconds else "-"


KINDS = {
    "right": "right programs",
    "bugs": "one bug",
    "two": "two bugs",
    "healthy": "healthy programs, trained",
    "settings": "one wrong setting",
    "mixed": "a wrong setting and a bug",
}
CHECKED = {
    "called": "called wrong",
    "named": "named",
    "line": "right line",
    "repaired": "repair passes and trains",
}
TRAINED = {
    "called": "seen",
    "named": "right cause first",
    "repaired": "fixed",
    "claimed": "fixed as it says",
    "misled": "told a bug it has not",
}


def totals(kind: str, records: list[Record]) -> list[str]:
    """The figures of one kind of program."""
    refused = sum(bool(record["refused"]) for record in records)
    end = f"refused {refused}, time {times(records)}"
    if kind in {"right", "healthy"}:
        alarms = sum(record["called"] for record in records)
        low, high = interval(alarms, len(records))
        rate = f"({100 * low:.1f}–{100 * high:.1f} %)"
        return [f"{KINDS[kind]}: {len(records)}, called wrong {alarms} {rate}, {end}"]
    words = CHECKED if kind in {"bugs", "two"} else TRAINED
    told = ", ".join(f"{word} {share(records, key)}" for key, word in words.items())
    return [f"{KINDS[kind]}: {len(records)}, {told}, {end}"]


def grouped(records: Iterable[Record], key: Callable[[Record], str]) -> list[str]:
    """A line for each group: how many, and of how many what was seen."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    width = max((len(name) for name in groups), default=0)
    head = f"{'':{width}}  count called named  line repaired refused"
    lines = [head]
    for name, members in sorted(groups.items()):
        counts = [
            sum(bool(r[k]) for r in members)
            for k in ("called", "named", "line", "repaired", "refused")
        ]
        lines.append(f"{name:{width}}  {len(members):5} " + " ".join(f"{c:6}" for c in counts))
    return lines


def table(records: list[Record]) -> str:
    """Everything that may be shown of either half."""
    lines: list[str] = []
    for kind in KINDS:
        members = [record for record in records if record["kind"] == kind]
        if not members:
            continue
        lines += [*totals(kind, members), ""]
        if kind == "bugs":
            lines += [*grouped(members, lambda r: r["bugs"][0]), ""]
        if kind in {"settings", "mixed"}:
            lines += [*grouped(members, lambda r: r["setting"].partition(" ")[0]), ""]
        lines += [*grouped(members, lambda r: r["style"]), ""]
    return "\n".join(lines)

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


def totals(kind: str, records: list[Record]) -> list[str]:
    """The figures of one kind of program."""
    refused = sum(bool(record["refused"]) for record in records)
    if kind == "right":
        alarms = sum(record["called"] for record in records)
        low, high = interval(alarms, len(records))
        return [
            f"right programs: {len(records)}, called wrong {alarms} "
            f"({100 * low:.1f}–{100 * high:.1f} %), refused {refused}, time {times(records)}"
        ]
    names = {"called": "called wrong", "named": "named", "line": "right line",
             "repaired": "repair passes and trains"}  # fmt: skip
    told = ", ".join(f"{name} {share(records, key)}" for key, name in names.items())
    what = "one bug" if kind == "bugs" else "two bugs"
    return [f"{what}: {len(records)}, {told}, refused {refused}, time {times(records)}"]


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
    for kind in ("right", "bugs", "two"):
        members = [record for record in records if record["kind"] == kind]
        if not members:
            continue
        lines += [*totals(kind, members), ""]
        if kind == "bugs":
            lines += [*grouped(members, lambda r: r["bugs"][0]), ""]
        lines += [*grouped(members, lambda r: r["style"]), ""]
    return "\n".join(lines)

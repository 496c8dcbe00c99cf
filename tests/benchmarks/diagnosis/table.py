"""The counts: detection, causes, false alarms, cures."""

import math
from collections.abc import Iterable
from typing import Any

Found = dict[str, Any]

_WITHIN = 0.05  # of the variance
_NEARLY = 0.9  # share of the best score on a task from which a run counts as healthy


def summary(found: Iterable[Found]) -> list[str]:
    """The table, for the half that thresholds were calibrated on and for the other."""
    rows = list(found)
    lines = [f"{'':36}{'even seeds':>26}{'odd seeds':>26}"]
    halves = [[row for row in rows if row["seed"] % 2 == half] for half in (0, 1)]
    for name, measure in _MEASURES.items():
        cells = [measure(half) for half in halves]
        lines.append(f"{name:36}" + "".join(f"{cell:>26}" for cell in cells))
    return lines


def by_fault(found: Iterable[Found]) -> list[str]:
    """One line for each fault: how often it was seen, named first, and cured."""
    rows = [row for row in found if row["class"] == "broken"]
    head = f"{'runs':>6}{'seen':>6}{'first':>7}{'95 %':>10}{'in 3':>6}{'cured':>8}"
    lines = [f"{'fault':44}{head}  instead"]
    for name in dict.fromkeys(row["fault"] for row in rows):
        mine = [row for row in rows if row["fault"] == name]
        cured = [row for row in mine if "fixed" in row]
        other = [(row["ranked"] or ["nothing"])[0] for row in mine if not _first(row)]
        most = sorted(set(other), key=other.count, reverse=True)[:3]
        lines.append(
            f"{name:44}{len(mine):6}{sum(_seen(x) for x in mine):6}"
            f"{sum(_first(x) for x in mine):7}"
            f"{_between(sum(_first(x) for x in mine), len(mine)):>10}"
            f"{sum(_third(x) for x in mine):6}"
            f"{sum(x['fixed'] for x in cured):5}/{len(cured):<3}"
            + ", ".join(f"{problem} {other.count(problem)}" for problem in most)
        )
    return lines


def false_alarms(found: Iterable[Found]) -> list[str]:
    """The healthy runs about which something was said."""
    return [
        f"{row['key']}: {row['outcome']}, score {row['score']}: "
        + ", ".join([*row["ranked"], *(f"doctor: {x}" for x in row.get("failed_checks", ()))])
        for row in _healthy(list(found))
        if row["ranked"] or row.get("failed_checks")
    ]


def failures(found: Iterable[Found]) -> list[str]:
    """The runs at which nndiag itself failed."""
    return [f"{row['key']}: {row['error']}" for row in found if row["class"] == "failure"]


def _seen(row: Found) -> bool:
    return bool(row["ranked"]) or row["outcome"] in ("diverged", "stalled")


def _first(row: Found) -> bool:
    return bool(set(row["ranked"][:1]) & set(row["labels"]))


def _third(row: Found) -> bool:
    return bool(set(row["ranked"][:3]) & set(row["labels"]))


def _broken(rows: list[Found]) -> list[Found]:
    return [row for row in rows if row["class"] == "broken"]


def _doubly(rows: list[Found]) -> list[Found]:
    return [row for row in _broken(rows) if row.get("parts")]


def _both(row: Found) -> bool:
    """Whether each of two faults is named among the first three."""
    return all(set(row["ranked"][:3]) & set(part) for part in row["parts"])


def _near(row: Found) -> bool:
    """Whether a fix explains within 5 points of what the network does without the fault."""
    return bool(row["fixed"] and (row["fix_score"] or 0.0) >= (row["base_score"] or 0.0) - _WITHIN)


def _healthy(rows: list[Found]) -> list[Found]:
    """Runs that reached nearly what the best network reached on their task, whoever judges them."""
    unbroken = [row for row in rows if row["class"] == "healthy" and row["score"] is not None]
    best: dict[str, float] = {}
    for row in unbroken:
        best[row["base"][0]] = max(best.get(row["base"][0], 0.0), row["score"])
    return [row for row in unbroken if row["score"] >= _NEARLY * best[row["base"][0]]]


def _share(hits: int, count: int) -> str:
    return f"{hits}/{count} {hits / count:.1%} ({_between(hits, count)})" if count else "–"


def _between(hits: int, count: int) -> str:
    """The 95 % interval of a share in per cent.

    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference.
    """
    z, share = 1.96, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count**2)) / (1 + z * z / count)
    return f"{100 * max(middle - half, 0):.0f}–{100 * min(middle + half, 1):.0f}"


_MEASURES = {
    "broken runs seen": lambda rows: _share(
        sum(_seen(x) for x in _broken(rows)), len(_broken(rows))
    ),
    "right cause first": lambda rows: _share(
        sum(_first(x) for x in _broken(rows)), len(_broken(rows))
    ),
    "right cause in the first three": lambda rows: _share(
        sum(_third(x) for x in _broken(rows)), len(_broken(rows))
    ),
    "two faults, both in the first three": lambda rows: _share(
        sum(_both(x) for x in _doubly(rows)), len(_doubly(rows))
    ),
    "top-level findings per broken run": lambda rows: (
        f"{sum(x['top_level'] for x in _broken(rows)) / max(len(_broken(rows)), 1):.2f}"
    ),
    "false alarms on healthy runs": lambda rows: _share(
        sum(bool(x["ranked"]) for x in _healthy(rows)), len(_healthy(rows))
    ),
    "harmless faults, left out": lambda rows: str(sum(x["class"] == "harmless" for x in rows)),
    "bases that did not train, left out": lambda rows: str(
        sum(x["class"] == "healthy" for x in rows) - len(_healthy(rows))
    ),
    "cured by fix, of the curable": lambda rows: _share(
        sum(x["fixed"] for x in _curable(rows)), len(_curable(rows))
    ),
    "fixed within 5 % of reachable": lambda rows: _share(
        sum(_near(x) for x in _curable(rows)), len(_curable(rows))
    ),
    "doctor fails a healthy run": lambda rows: _share(
        sum(bool(x["failed_checks"]) for x in _checked_up(rows)), len(_checked_up(rows))
    ),
    "cause confirmed, of the cured": lambda rows: _share(
        sum(x["confidence"] == "confirmed" for x in _curable(rows) if x["fixed"]),
        sum(x["fixed"] for x in _curable(rows)),
    ),
}


def _checked_up(rows: list[Found]) -> list[Found]:
    return [row for row in _healthy(rows) if "failed_checks" in row]


def _curable(rows: list[Found]) -> list[Found]:
    """Runs that were handed to `fix` and whose data hold something to learn."""
    incurable = ("targets-shuffled", "inputs-constant", "range-held-out")
    return [row for row in _broken(rows) if "fixed" in row and row["kind"] not in incurable]

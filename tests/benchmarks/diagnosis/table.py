"""The counts: detection, causes, false alarms, cures."""

from collections.abc import Iterable
from typing import Any

Found = dict[str, Any]

_NEARLY = 0.9  # share of the best score on a task from which a run counts as healthy


def summary(found: Iterable[Found]) -> list[str]:
    """The table, for the half that thresholds were calibrated on and for the other."""
    rows = list(found)
    lines = [f"{'':34}{'even seeds':>16}{'odd seeds':>16}"]
    halves = [[row for row in rows if row["seed"] % 2 == half] for half in (0, 1)]
    for name, measure in _MEASURES.items():
        cells = [measure(half) for half in halves]
        lines.append(f"{name:34}" + "".join(f"{cell:>16}" for cell in cells))
    return lines


def by_fault(found: Iterable[Found]) -> list[str]:
    """One line for each fault: how often it was seen, named first, and cured."""
    rows = [row for row in found if row["class"] == "broken"]
    lines = [f"{'fault':28}{'runs':>6}{'seen':>6}{'first':>7}{'in 3':>6}{'cured':>8}  instead"]
    for name in dict.fromkeys(row["fault"] for row in rows):
        mine = [row for row in rows if row["fault"] == name]
        cured = [row for row in mine if "fixed" in row]
        other = [(row["ranked"] or ["nothing"])[0] for row in mine if not _first(row)]
        most = sorted(set(other), key=other.count, reverse=True)[:3]
        lines.append(
            f"{name:28}{len(mine):6}{sum(_seen(x) for x in mine):6}"
            f"{sum(_first(x) for x in mine):7}{sum(_third(x) for x in mine):6}"
            f"{sum(x['fixed'] for x in cured):5}/{len(cured):<3}"
            + ", ".join(f"{problem} {other.count(problem)}" for problem in most)
        )
    return lines


def false_alarms(found: Iterable[Found]) -> list[str]:
    """The healthy runs about which something was said."""
    return [
        f"{row['key']}: {row['outcome']}, score {row['score']}: {', '.join(row['ranked'])}"
        for row in _healthy(list(found))
        if row["ranked"]
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


def _healthy(rows: list[Found]) -> list[Found]:
    """Runs that reached nearly what the best network reached on their task, whoever judges them."""
    unbroken = [row for row in rows if row["class"] == "healthy" and row["score"] is not None]
    best: dict[str, float] = {}
    for row in unbroken:
        best[row["base"][0]] = max(best.get(row["base"][0], 0.0), row["score"])
    return [row for row in unbroken if row["score"] >= _NEARLY * best[row["base"][0]]]


def _share(hits: int, count: int) -> str:
    return f"{hits}/{count} {hits / count:7.1%}" if count else "–"


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
    "cause confirmed, of the cured": lambda rows: _share(
        sum(x["confidence"] == "confirmed" for x in _curable(rows) if x["fixed"]),
        sum(x["fixed"] for x in _curable(rows)),
    ),
}


def _curable(rows: list[Found]) -> list[Found]:
    """Runs that were handed to `fix` and whose data hold something to learn."""
    incurable = ("targets-shuffled", "inputs-constant")
    return [row for row in _broken(rows) if "fixed" in row and row["kind"] not in incurable]

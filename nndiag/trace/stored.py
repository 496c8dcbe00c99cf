"""The folders of runs below one folder, such as `runs`, and what is kept in a run's beside it."""

import json
from pathlib import Path
from typing import Any

from nndiag.finding import Evidence, Finding, Severity


def runs_in(folder: Path) -> list[Path]:
    """The runs that are stored in a folder of runs, the newest last; none in a run itself.

    Where none lies directly in it, those in the folders of what was tried. Runs that were killed
    before their first step come first: nothing is known of them.
    """
    try:
        if (folder / "trace.json").exists():
            return []
        paths = list(folder.glob("*/trace.json")) or list(folder.glob("*/*/trace.json"))
        headers = [(_has_steps(path.parent), path.stat().st_mtime, path) for path in paths]
    except OSError:  # a name that is too long, a folder that is gone or may not be read
        return []
    return [path.parent for _, _, path in sorted(headers)]


def _has_steps(run: Path) -> bool:
    steps = run / "steps.f64"
    return steps.exists() and steps.stat().st_size > 0


def newest_sweep(folder: Path) -> Path | None:
    """The newest sweep in a folder of runs; None where there is none."""
    try:
        found = [(path.stat().st_mtime, path) for path in folder.iterdir() if holds_sweep(path)]
    except OSError:
        return None
    return max(found)[1] if found else None


def holds_sweep(folder: Path) -> bool:
    """Whether a folder is that of a sweep, which is many runs; one that was killed counts."""
    try:
        return (folder / "sweep.json").exists() or (folder / "runs.jsonl").exists()
    except OSError:
        return False


def findings_in(folder: Path) -> tuple[str | None, tuple[Finding, ...]]:
    """The problem that was said to be the cause when a run was made, and all that was found then.

    Nothing where that was not stored, or cannot be read.
    """
    try:
        told = json.loads((folder / "diagnosis.json").read_text(encoding="utf-8"))
        found = tuple(_finding_of(entry) for entry in told["findings"])
        return None if told["cause"] is None else str(told["cause"]["problem"]), found
    except (OSError, ValueError, KeyError, TypeError):
        return None, ()


def _finding_of(entry: dict[str, Any]) -> Finding:
    evidence = tuple(
        Evidence(
            one["series"],
            float(one["observed"]),
            None if one["limit"] is None else float(one["limit"]),
            one["layer"],
            None if one["steps"] is None else (int(one["steps"][0]), int(one["steps"][1])),
            one["measure"],
        )
        for one in entry["evidence"]
    )
    return Finding(
        str(entry["problem"]),
        Severity(entry["severity"]),
        str(entry["message"]),
        evidence=evidence,
        layer=entry["layer"],
        tensor=entry["tensor"],
        remedies=tuple(entry["remedies"]),
    )

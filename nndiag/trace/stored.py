"""The folders of runs below one folder, such as `runs`, and what is kept in a run's beside it."""

import json
from pathlib import Path
from typing import Any

from nndiag.finding import Evidence, Finding, Severity

AS_IT_IS = "as-it-is"
"""The folder of the unchanged config's run, in that of a search for its fix."""


def runs_in(folder: Path) -> list[Path]:
    """The runs that are stored in a folder of runs, the newest last; none in a run itself.

    Where none lies directly in it, those in the folders of what was tried. Runs that were killed
    before their first step come first: nothing is known of them.
    """
    try:
        if (folder / "trace.json").exists():
            return []
        paths = list(folder.glob("*/trace.json")) or list(folder.glob("*/*/trace.json"))
        headers = [(begun(path.parent), path.stat().st_mtime, path) for path in paths]
    except OSError:  # a name that is too long, a folder that is gone or may not be read
        return []
    return [path.parent for _, _, path in sorted(headers)]


def begun(run: Path) -> bool:
    """Whether a step of a run is recorded."""
    steps = run / "steps.f64"
    return steps.exists() and steps.stat().st_size > 0


def meant(path: Path) -> Path:
    """What is to be judged: the path itself, or the newest of what lies in it.

    That is a run, or a sweep or a search for a fix that was killed; where there is none, a search
    that has ended, or a sweep.
    """
    try:
        if not path.is_dir() or (path / "trace.json").exists() or holds_many(path):
            return path
        below = [one for one in path.iterdir() if one.is_dir()]
        single = [one for one in runs_in(path) if not holds_many(one.parent)]
        newest = [(_time(one), one) for one in (*single[-1:], *filter(_is_killed, below))]
        many = [(_time(one), one) for one in below if holds_many(one)]
        return max(newest or many, default=(0.0, path))[1]
    except OSError:  # a name that is too long, a folder that is gone or may not be read
        return path


def _time(folder: Path) -> float:
    """When it was last written to."""
    inside = [one.stat().st_mtime for one in folder.iterdir()]
    return max([folder.stat().st_mtime, *inside])


def _is_killed(folder: Path) -> bool:
    ended = any((folder / name).exists() for name in ("sweep.json", "fix.json"))
    return holds_many(folder) and not ended


def holds_many(folder: Path) -> bool:
    """Whether a folder is that of many runs: of a sweep, or of a search for a config's fix."""
    return holds_sweep(folder) or holds_search(folder)


def holds_search(folder: Path) -> bool:
    """Whether a folder is that of a search for a config's fix; one that was killed counts."""
    try:
        return (folder / AS_IT_IS / "config.yaml").exists()
    except OSError:
        return False


def killed_search(runs: Path, *, config: str) -> Path | None:
    """The newest search for the fix of this resolved config that was killed; None for none."""
    found = []
    try:
        for path in runs.glob(f"*-fix-*/{AS_IT_IS}/config.yaml"):
            folder = path.parent.parent
            if path.read_text(encoding="utf-8") == config and _is_killed(folder):
                found.append((path.stat().st_mtime, folder))
    except (OSError, UnicodeDecodeError):
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

"""The folders of runs below one folder, such as `runs`."""

from pathlib import Path


def runs_in(folder: Path) -> list[Path]:
    """The runs that are stored in a folder of runs, the newest last; none in a run itself."""
    try:
        if (folder / "trace.json").exists():
            return []
        headers = [(path.stat().st_mtime, path) for path in folder.glob("*/trace.json")]
    except OSError:  # a name that is too long, a folder that is gone or may not be read
        return []
    return [path.parent for _, path in sorted(headers)]


def holds_sweep(folder: Path) -> bool:
    """Whether a folder is that of a sweep, which is many runs; one that was killed counts."""
    try:
        return (folder / "sweep.json").exists() or (folder / "runs.jsonl").exists()
    except OSError:
        return False

"""What a sweep has measured, on disk while it goes on: one line of JSON for each short run.

A sweep that is killed leaves all of its whole lines. The same sweep takes them over and makes the
others only: its runs depend on nothing but their rate, their seed and their number of steps. With
a record that is only read none is made: its sweep ends where it was killed, and says what it knows.
While a sweep goes on it holds a lock on the file, which ends with its process however that ends;
where there are no such locks nothing is taken over.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from nndiag import __version__
from nndiag.errors import unwritable, warn
from nndiag.plain import to_plain
from nndiag.training.sweep_runs import ShortRun

Key = tuple[float, int, int]
_FLOATS = ("rate", "initial", "reference", "final", "peak", "swing", "amplitude")


class SweepRecord:
    """The short runs of one sweep.

    Args:
        path: Where they stand; read where the file is there, else written anew.
        asked: What is asked of the sweep, by the names of its options; None to read only.

    Attributes:
        asked: The same; where it is only read, what stands in the record.
        read_only: Whether no run is to be made that is not in it.
    """

    def __init__(self, path: Path, *, asked: Mapping[str, Any] | None = None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._known, stored = _read(path)
        self.asked, self.read_only = asked or stored, asked is None
        if asked is not None:
            self._open(asked)

    def _open(self, asked: Mapping[str, Any]) -> None:
        """Hold the file, and write down what is asked, behind a line that was cut off."""
        try:
            self._file = self._path.open("a", encoding="utf-8", buffering=1)
            _lock(self._file)
            begun = "\n" if self._path.stat().st_size else ""
            self._file.write(f"{begun}{_line(options=dict(asked))}")
        except OSError as error:
            self._give_up(error)

    @property
    def count(self) -> int:
        """Number of runs that were taken over."""
        return len(self._known)

    def run(self, rate: float, seed: int, *, steps: int) -> ShortRun | None:
        """A run that was made already."""
        return self._known.get((rate, seed, steps))

    def add(self, runs: Iterable[ShortRun], *, steps: int) -> None:
        """Write runs down; a file that cannot be written is a warning, once."""
        lines = [_line(asked=steps, **_plain(run)) for run in runs]
        if self._file is None or not lines:
            return
        try:
            self._file.write("".join(lines))
            self._file.flush()
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _give_up(self, error: OSError) -> None:
        warn(f"the sweep is not recorded: {unwritable(self._path, error)}")
        self._file = None


def unfinished(runs: Path, *, config: str) -> Path | None:
    """The newest folder of a sweep of this resolved config that was killed; None where none is."""
    found = []
    try:
        for record in runs.glob("*-sweep-lr-*/runs.jsonl"):
            folder = record.parent
            same = (folder / "config.yaml").read_text(encoding="utf-8") == config
            if same and not (folder / "sweep.json").exists() and not _is_held(record):
                found.append((record.stat().st_mtime, folder))
    except (OSError, UnicodeDecodeError):
        return None
    return max(found)[1] if found else None


def _lock(file: TextIO) -> bool:
    """Lock a file for as long as it is open; whether that was possible."""
    try:
        import fcntl  # noqa: PLC0415 (not on every system)

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _is_held(record: Path) -> bool:
    """Whether the sweep that writes it goes on, as far as can be told."""
    with closing(record.open("a", encoding="utf-8")) as file:
        return not _lock(file)


def _line(**entry: Any) -> str:
    return json.dumps({"version": __version__, **entry}) + "\n"


def _plain(run: ShortRun) -> dict[str, Any]:
    plain: dict[str, Any] = to_plain(run)
    return plain


def _read(path: Path) -> tuple[dict[Key, ShortRun], Mapping[str, Any]]:
    """The runs of a file, by rate, seed and steps, and what was asked last.

    What was cut off, or written by another version, is left.
    """
    known: dict[Key, ShortRun] = {}
    asked: dict[str, Any] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return known, asked
    for line in lines:
        try:
            entry = json.loads(line)
            if entry.pop("version") != __version__:
                continue
            if "options" in entry:
                asked = dict(entry["options"])
            else:
                steps = int(entry.pop("asked"))
                run = _run_of(entry)
                known[run.rate, run.seed, steps] = run
        except (ValueError, KeyError, TypeError, AttributeError):  # cut off, or not ours
            continue
    return known, asked


def _run_of(entry: dict[str, Any]) -> ShortRun:
    """A run from its line.

    Raises:
        ValueError, KeyError, TypeError: It is none.
    """
    values = {field.name: entry[field.name] for field in fields(ShortRun)}
    values |= {name: float(values[name]) for name in _FLOATS}
    values["steps"] = np.array(values["steps"], dtype=np.int64)
    values["curve"] = np.array([float(value) for value in values["curve"]])
    if values["flat_share"] is not None:
        values["flat_share"] = float(values["flat_share"])
    if values["curve"].shape != values["steps"].shape:
        raise ValueError("a curve has not one loss for each of its steps")
    return ShortRun(**values)

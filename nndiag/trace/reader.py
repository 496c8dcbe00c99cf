"""Reads a trace back from its run's folder; `files` describes what is in there.

What is read may have been cut short, damaged, or written by anybody: nothing is executed, sizes
are bounded, and whatever is wrong is told with its place.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nndiag.archive import ArchiveError, arrays_in, names_in
from nndiag.arrays import FloatArray
from nndiag.errors import Location, Problem, RunError, warn
from nndiag.trace.documents import ending_of, facts_of
from nndiag.trace.files import CHECKSUM_TYPE, ROW_TYPE, VERSION, checksum, checksums
from nndiag.trace.layout import Layout, series_of_rows
from nndiag.trace.stored import holds_sweep
from nndiag.trace.trace import Facts, Trace

LARGEST_DOCUMENT = 64 * 2**20
LARGEST_DATA = 4 * 2**30
"""Bytes; what a file may hold before it is refused unread."""

_MOST_LAYERS, _TELLING = 100, 9  # that are looked for without a header; rows that tell

R = TypeVar("R")


def read_trace(folder: Path) -> Trace:
    """The trace in a run's folder, up to its last whole row.

    Raises:
        RunError: There is no trace, no step, or a file that no run of nndiag has written.
    """
    header = _read_header(folder / "trace.json")
    layers, columns = tuple(header["layers"]), tuple(header["steps"])
    steps = _read_rows(folder / "steps.f64", columns=len(columns), required=True)
    series = series_of_rows(steps, columns)
    loss = series.pop("loss", None)
    if loss is None or len(loss.values) < len(steps):
        raise _damaged(folder / "steps.f64", "a row has no loss")
    probe_columns = tuple(header["probes"])
    probes = _read_rows(folder / "probes.f64", columns=len(probe_columns), required=False)
    series |= series_of_rows(probes, probe_columns)
    return Trace(
        step=loss.steps,
        loss=loss.values,
        series=series,
        layers=layers,
        facts=_read_record(folder, "facts", facts_of) or Facts(),
        ending=_read_record(folder, "ending", ending_of),
        source=str(folder),
    )


def _read_header(path: Path) -> dict[str, Any]:
    """The layers' names and the columns; of a damaged header, those that fit the rows.

    Raises:
        RunError: There is none, or none that fits.
    """
    if not _is_changed(path):
        return _whole_header(path)
    try:
        header = _whole_header(path)
    except RunError:
        fitting = _fitting_header(path.parent)
        if fitting is None:
            raise
        header = fitting
    warn(f"{path}: damaged since it was written; names may be others than they were")
    return header


def _fitting_header(folder: Path) -> dict[str, Any] | None:
    """The header of as many layers as the rows have columns for, by their checksums."""
    for count in range(1, _MOST_LAYERS):
        layout = Layout(tuple(f"layer{number}" for number in range(1, count + 1)))
        columns = {"steps": list(layout.step_columns), "probes": list(layout.probe_columns)}
        if all(_fits(folder / f"{name}.f64", len(each)) for name, each in columns.items()):
            return {"layers": list(layout.layers), **columns}
    return None


def _fits(path: Path, columns: int) -> bool:
    """Whether a file's rows have so many columns: most of its first ones have their checksum."""
    data = _read_bytes(path, largest=LARGEST_DATA) or b""
    stored = _read_bytes(path.with_suffix(".crc"), largest=LARGEST_DATA) or b""
    row_bytes, count = columns * ROW_TYPE.itemsize, min(_TELLING, len(stored) // 4)
    found = checksums(memoryview(data)[: count * row_bytes], row_bytes=row_bytes)
    same = found == np.frombuffer(stored, CHECKSUM_TYPE, count)[: len(found)]
    return bool(2 * same.sum() > len(same)) or not data


def _whole_header(path: Path) -> dict[str, Any]:
    header = _read_document(path)
    if header is None:
        raise RunError(_no_run(path.parent))
    if header.get("version") != VERSION:
        raise RunError(
            Problem(
                "a trace of another version",
                Location(str(path)),
                got=repr(header.get("version")),
                allowed=str(VERSION),
            )
        )
    for key in ("layers", "steps", "probes"):
        names = header.get(key)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise _damaged(path, f"{key!r} is no list of names")
    if header["steps"][:2] != ["step", "loss"] or header["probes"][:1] != ["step"]:
        raise _damaged(path, "the first columns are not the step and the loss")
    for columns in (header["steps"], header["probes"]):
        if not _whole_series(columns, len(header["layers"])):
            raise _damaged(path, "a series has not one column per layer")
    return header


def _no_run(folder: Path) -> Problem:
    """What a folder without a trace holds instead."""
    place = Location(str(folder))
    if holds_sweep(folder):
        message, hint = "this is a sweep of many runs", "its numbers are in sweep.json"
        return Problem(message, place, allowed="the folder of one run", hint=hint)
    hint = "give a folder that `nndiag train` has written, such as runs/<config>-<time>"
    return Problem("no run is stored here", place, hint=hint)


def _whole_series(columns: list[str], layers: int) -> bool:
    counts: dict[str, int] = {}
    for column in columns:
        counts[column.partition("[")[0]] = counts.get(column.partition("[")[0], 0) + 1
    return all(
        counts[column.partition("[")[0]] == (layers if column.endswith("]") else 1)
        for column in columns
    )


def _read_rows(path: Path, *, columns: int, required: bool) -> FloatArray:
    """All whole rows, shape (N, columns)."""
    data = _read_bytes(path, largest=LARGEST_DATA) or b""
    whole = len(data) // (columns * ROW_TYPE.itemsize)
    if required and whole == 0:
        raise RunError(
            Problem(
                "no step was recorded before the run ended",
                Location(str(path)),
                hint="train it again",
            )
        )
    rows = np.frombuffer(data, ROW_TYPE, count=whole * columns).astype(np.float64)
    rows = _undamaged(path, data, rows.reshape(whole, columns))
    steps = rows[:, 0]
    valid = (steps >= 0) & (steps < 2**53) & (steps == np.floor(steps))
    valid[1:] &= steps[1:] > steps[:-1]
    if not valid.all():
        row = int(np.argmin(valid))
        raise _damaged(path, f"row {row + 1} has step {steps[row]:g}; steps are whole and increase")
    return rows


def _undamaged(path: Path, data: bytes, rows: FloatArray) -> FloatArray:
    """The rows that are as they were written; others are told and left out.

    Raises:
        RunError: None is.
    """
    stored = _read_bytes(path.with_suffix(".crc"), largest=LARGEST_DATA)
    if stored is None or not len(rows):
        return rows
    count = min(len(rows), len(stored) // CHECKSUM_TYPE.itemsize)
    row_bytes = rows.shape[1] * ROW_TYPE.itemsize
    found = checksums(memoryview(data)[: count * row_bytes], row_bytes=row_bytes)
    whole = np.ones(len(rows), bool)
    whole[:count] = found == np.frombuffer(stored, CHECKSUM_TYPE, count)
    damaged = np.flatnonzero(~whole) + 1
    if len(damaged) == len(rows):
        raise _damaged(path, "no row has its checksum")
    if len(damaged):
        shown = ", ".join(str(row) for row in damaged[:5]) + (", …" if len(damaged) > 5 else "")
        warn(f"{path}: damaged since it was written, left out: row {shown} of {len(rows):,}")
    return rows[whole]


def _read_record(
    folder: Path,
    name: str,
    parse: Callable[[Mapping[str, Any], Mapping[str, NDArray[Any]]], R],
) -> R | None:
    """Facts or ending; None where they were not written."""
    path = folder / f"{name}.json"
    if _is_changed(path):
        warn(f"{path}: damaged since it was written, left out; what needs it is not checked")
        return None
    document = _read_document(path)
    if document is None:
        return None
    arrays, lost = _read_arrays(folder / f"{name}.npz")
    if lost is not None:
        warn(f"{folder / f'{name}.npz'}: {lost}; what needs these arrays is not checked")
        document |= dict.fromkeys({"initial_weights", "initial_biases"} & document.keys(), 0)
    try:
        return parse(document, arrays)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise _damaged(path, f"{name} cannot be understood: {error}") from error


def _is_changed(path: Path) -> bool:
    """Whether a document is not as it was written; without a checksum nothing tells."""
    stored = _read_bytes(path.with_suffix(".crc"), largest=LARGEST_DOCUMENT)
    data = _read_bytes(path, largest=LARGEST_DOCUMENT)
    return stored is not None and data is not None and checksum(data) != stored


def _read_document(path: Path) -> dict[str, Any] | None:
    data = _read_bytes(path, largest=LARGEST_DOCUMENT)
    if data is None:
        return None
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"no JSON: {error}") from error
    if not isinstance(document, dict):
        raise _damaged(path, "no JSON object")
    return document


def _read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], str | None]:
    """The arrays of an archive that can be read, and what is wrong with the others."""
    data = _read_bytes(path, largest=LARGEST_DATA)
    if data is None:
        return {}, "the file is missing"
    try:
        names = names_in(data, largest=LARGEST_DATA)
    except ArchiveError as error:
        large = "larger than a run can be"
        return {}, f"no archive of arrays: {error}" if error.size is None else large
    arrays: dict[str, NDArray[Any]] = {}
    lost = []
    for name in names:
        try:
            arrays |= arrays_in(data, [name])
        except ArchiveError as error:
            lost.append(f"{name} cannot be read: {error}")
    return arrays, "; ".join(lost) or None


def _read_bytes(path: Path, *, largest: int) -> bytes | None:
    """The file's content; None where there is no such file."""
    try:
        if path.stat().st_size > largest:
            raise _damaged(path, "larger than a run can be")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(Problem(f"cannot be read: {error.strerror}", Location(str(path)))) from error


def _damaged(path: Path, what: str) -> RunError:
    return RunError(
        Problem(
            f"not a file that nndiag has written: {what}",
            Location(str(path)),
            hint="train it again; no run is changed after it ended",
        )
    )

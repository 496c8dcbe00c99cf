"""A trace on disk, in its run's folder: append-safe, binary, and never executable.

    trace.json    version, names of the layers and of the columns
    facts.json    facts.npz    what was known before the first step
    steps.f64     rows of little-endian float64: step, loss, gradient norm of each layer
    probes.f64    rows of little-endian float64: step and every probe; see `layout`
    *.crc         the CRC-32 of each row of these, and of each JSON file, little-endian; missing in
                  older runs
    ending.json   ending.npz   written last; missing where the run was killed

Rows have a fixed width and go straight to the operating system: a process that is killed at any
moment leaves at most a part of its last row, which reading drops. Nothing is pickled. Checksums
are written before their rows, so that each whole row has one.
"""

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.errors import unwritable
from nndiag.plain import json_text
from nndiag.trace.documents import ending_document, facts_document
from nndiag.trace.layout import Layout
from nndiag.trace.run_folder import write_file
from nndiag.trace.trace import Ending, Facts

VERSION = 1
ROW_TYPE = np.dtype("<f8")
CHECKSUM_TYPE = np.dtype("<u4")


def checksums(data: bytes | memoryview, *, row_bytes: int) -> NDArray[np.uint32]:
    """The CRC-32 of each whole row, shape (rows,)."""
    rows = range(0, len(data) // row_bytes * row_bytes, row_bytes)
    view = memoryview(data)
    found = (zlib.crc32(view[place : place + row_bytes]) for place in rows)
    return np.fromiter(found, CHECKSUM_TYPE, len(rows))


def checksum(data: bytes) -> bytes:
    """The CRC-32 of a document, as it is stored."""
    return np.array(zlib.crc32(data), CHECKSUM_TYPE).tobytes()


class TraceWriter:
    """Writes one trace into a run's folder while the run goes on.

    Args:
        folder: The run's folder; it exists.
        layers: Names of the layers, from the input side.

    Raises:
        RunError: The folder cannot be written. So do all methods.
    """

    def __init__(self, folder: Path, *, layers: tuple[str, ...]) -> None:
        self._folder = folder
        self._layout = Layout(layers)
        header = {
            "version": VERSION,
            "layers": layers,
            "steps": self._layout.step_columns,
            "probes": self._layout.probe_columns,
        }
        write_document(folder / "trace.json", header)
        self._steps = _RowFile(folder / "steps.f64", columns=len(self._layout.step_columns))
        self._probes = _RowFile(folder / "probes.f64", columns=len(self._layout.probe_columns))

    def write_facts(self, facts: Facts) -> None:
        """Store what is known before the first step."""
        self._write_document("facts", *facts_document(facts))

    def write_steps(self, rows: FloatArray, *, first: int) -> None:
        """Store step rows, shape (N, columns), from row number `first` on."""
        self._steps.write(rows, first=first)

    def write_probes(self, rows: FloatArray, *, first: int) -> None:
        """Store probe rows, shape (N, columns), from row number `first` on."""
        self._probes.write(rows, first=first)

    def write_ending(self, ending: Ending) -> None:
        """Store what was measured at the last parameters."""
        self._write_document("ending", *ending_document(ending))

    def close(self) -> None:
        """Close the files."""
        self._steps.close()
        self._probes.close()

    def _write_document(
        self, name: str, document: dict[str, Any], arrays: dict[str, NDArray[Any]]
    ) -> None:
        packed = io.BytesIO()
        np.savez(packed, allow_pickle=False, **arrays)
        write_file(self._folder / f"{name}.npz", packed.getvalue())
        write_document(self._folder / f"{name}.json", document)


def write_document(path: Path, document: dict[str, Any]) -> None:
    """Write a JSON document, and its checksum before it.

    Raises:
        RunError: One of them cannot be written.
    """
    data = json_text(document).encode()
    write_file(path.with_suffix(".crc"), checksum(data))
    write_file(path, data)


class _RowFile:
    """A file of rows of a fixed width."""

    def __init__(self, path: Path, *, columns: int) -> None:
        self._path = path
        self._row_bytes = columns * ROW_TYPE.itemsize
        try:
            self._file = path.open("wb", buffering=0)
            self._checksums = path.with_suffix(".crc").open("wb", buffering=0)
        except OSError as error:
            raise unwritable(path, error) from error

    def write(self, rows: FloatArray, *, first: int) -> None:
        data = rows.astype(ROW_TYPE).tobytes()
        sums = checksums(data, row_bytes=self._row_bytes).tobytes()
        try:
            _write_at(self._checksums, first * CHECKSUM_TYPE.itemsize, sums)
            _write_at(self._file, first * self._row_bytes, data)
        except OSError as error:
            raise unwritable(self._path, error) from error

    def close(self) -> None:
        self._file.close()
        self._checksums.close()


def _write_at(file: io.FileIO, place: int, data: bytes) -> None:
    """Write all of the data."""
    rest = memoryview(data)
    file.seek(place)
    while rest:
        rest = rest[file.write(rest) :]

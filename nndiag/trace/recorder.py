"""Keeps what a run measures: growing arrays in memory, and a sink that takes blocks of rows."""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from nndiag.arrays import FloatArray
from nndiag.errors import RunError
from nndiag.trace.layout import ABSENT_BITS, Layout, series_of_rows
from nndiag.trace.trace import Ending, Facts, Series, Trace

WRITE_INTERVAL = 0.2
"""Seconds between two writes to the sink; a run that is killed loses no more than this."""


class Sink(Protocol):
    """Where a recorder's rows go; `trace.files.TraceWriter` puts them on disk.

    Rows are given with the number of the first of them, so that a write that was cut short by a
    signal is repeated in place.
    """

    def write_facts(self, facts: Facts) -> None:
        """Take what is known before the first step."""

    def write_steps(self, rows: FloatArray, *, first: int) -> None:
        """Take step rows, shape (N, columns)."""

    def write_probes(self, rows: FloatArray, *, first: int) -> None:
        """Take probe rows, shape (N, columns)."""

    def write_ending(self, ending: Ending) -> None:
        """Take what was measured at the last parameters."""

    def close(self) -> None:
        """Let go of the files."""


class TraceRecorder:
    """Records one run.

    A sink that fails (a full disk, a folder that was removed) does not end the run: everything is
    still kept in memory, and the error stands in `sink_error`.

    Args:
        layers: Names of the layers, from the input side.
        sink: Where rows are written while the run goes on; None keeps them in memory only.
    """

    def __init__(self, *, layers: Sequence[str], sink: Sink | None = None) -> None:
        self.layout = Layout(tuple(layers))
        self.sink_error: RunError | None = None
        self._sink = sink
        self._facts = Facts()
        self._ending: Ending | None = None
        self._steps = Rows(len(self.layout.step_columns))
        self._probes = Rows(len(self.layout.probe_columns))
        self._next_write = time.monotonic() + WRITE_INTERVAL

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, from the input side."""
        return self.layout.layers

    def record_facts(self, facts: Facts) -> None:
        """Record what is known before the first step."""
        self._facts = facts
        if self._sink is not None:
            try:
                self._sink.write_facts(facts)
            except RunError as error:
                self._drop_sink(error)

    def record_steps(self, steps: ArrayLike, losses: ArrayLike, gradient_norms: ArrayLike) -> None:
        """Record consecutive steps.

        Args:
            steps: Increasing step numbers, shape (N,).
            losses: Loss of each step before its update, shape (N,).
            gradient_norms: Gradient norm of each layer at each step, shape (N, L).
        """
        block = self._steps.room(len(np.atleast_1d(steps)))
        block[:, 0] = steps
        block[:, 1] = losses
        block[:, 2:] = gradient_norms
        self._steps.count += len(block)
        if self._sink is not None and time.monotonic() >= self._next_write:
            self.flush()

    def record_probe(self, step: int, values: Mapping[str, ArrayLike]) -> None:
        """Record what the probes measured at one step; may be called again for the same step.

        Args:
            step: The step.
            values: A number, or one per layer (L,), for each series of `SERIES` that was measured.

        Raises:
            KeyError: A name is no probe series of `SERIES`.
            ValueError: The step lies before one that was recorded.
        """
        row = self.layout.probe_row(step, values)
        last = self._probes.filled()[-1:]
        if len(last) and last[0, 0] == step:
            measured = row.view(np.uint64) != ABSENT_BITS
            last[measured] = row[measured]
            self._probes.written = min(self._probes.written, self._probes.count - 1)
            return
        if len(last) and last[0, 0] > step:
            raise ValueError(f"step {step} comes after step {last[0, 0]:g}")
        self._probes.room(1)[:] = row
        self._probes.count += 1

    def record_ending(self, ending: Ending) -> None:
        """Record what was measured at the last parameters; the run is over."""
        self._ending = ending
        self.flush()
        if self._sink is not None:
            try:
                self._sink.write_ending(ending)
            except RunError as error:
                self._drop_sink(error)

    def flush(self) -> None:
        """Hand all rows that it does not have yet to the sink."""
        if self._sink is None:
            return
        try:
            for rows, write in (
                (self._steps, self._sink.write_steps),
                (self._probes, self._sink.write_probes),
            ):
                if rows.written < rows.count:
                    write(rows.filled()[rows.written :], first=rows.written)
                    rows.written = rows.count
        except RunError as error:
            self._drop_sink(error)
        self._next_write = time.monotonic() + WRITE_INTERVAL

    def close(self) -> None:
        """Write what is left and let go of the files."""
        self.flush()
        if self._sink is not None:
            self._sink.close()

    def trace(self, *, source: str = "memory") -> Trace:
        """All that was recorded until now.

        Args:
            source: Where the trace comes from, for the reader of a report.
        """
        series = series_of_rows(self._steps.filled(), self.layout.step_columns)
        loss = series.pop("loss", Series(np.empty(0, np.int64), np.empty(0)))
        series |= series_of_rows(self._probes.filled().copy(), self.layout.probe_columns)
        return Trace(
            step=loss.steps,
            loss=loss.values,
            series=series,
            layers=self.layers,
            facts=self._facts,
            ending=self._ending,
            source=source,
        )

    def _drop_sink(self, error: RunError) -> None:
        self.sink_error = error
        if self._sink is not None:
            self._sink.close()
        self._sink = None


class Rows:
    """A matrix that grows by whole blocks of rows."""

    def __init__(self, columns: int) -> None:
        self._data = np.empty((1024, columns))
        self.count = 0
        self.written = 0

    def room(self, rows: int) -> FloatArray:
        """Space for the next rows, shape (rows, columns); they count once `count` is raised."""
        needed = self.count + rows
        if needed > len(self._data):
            grown = np.empty((max(needed, 2 * len(self._data)), self._data.shape[1]))
            grown[: self.count] = self._data[: self.count]
            self._data = grown
        return self._data[self.count : needed]

    def filled(self) -> FloatArray:
        """All rows until now, shape (count, columns)."""
        return self._data[: self.count]

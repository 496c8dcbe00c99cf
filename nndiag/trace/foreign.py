"""A trace from the log of another program: CSV or JSON with at least a loss.

    step,loss,learning_rate,gradient_norm[layer1],gradient_norm[layer2]
    0,0.693,0.1,0.21,0.44

The columns are described in `log_columns`. Without a step, or with an epoch that has several rows,
rows are counted. Rows of one step are put together, as some loggers write training and validation
apart. NaN and infinity are data. A log does not say whether its run was finished: it is taken to
be.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nndiag.errors import Location, Problem, RunError
from nndiag.trace.log_columns import CONSTANTS, EPOCH, STEP, Column, column_of
from nndiag.trace.log_rows import Log
from nndiag.trace.reader import read_trace
from nndiag.trace.series import SERIES
from nndiag.trace.trace import Ending, Facts, FloatArray, Series, Trace

_LARGEST_STEP = 2**53
_WHOLE_NETWORK = "network"
_COMMANDS = {".yaml": "train", ".yml": "train", ".py": "gradcheck", ".ipynb": "gradcheck"}


def read_run(path: Path) -> Trace:
    """The trace of a run's folder, or of a log that another program wrote.

    Raises:
        RunError: There is none, or it cannot be understood.
    """
    try:
        inside, folder = path.name == "trace.json" and path.is_file(), path.is_dir()
    except OSError as error:  # a name that is too long
        place = Location(str(path))
        raise RunError(Problem(f"cannot be read: {error.strerror}", place)) from error
    if inside:
        return read_trace(path.parent)
    return read_trace(path) if folder else read_log(path)


def read_log(path: Path) -> Trace:
    """The trace of a log, CSV or JSON.

    Raises:
        RunError: The file cannot be read, has no loss, or a single one, or has rows that cannot be
            understood; all of them are told, with their lines.
    """
    command = _COMMANDS.get(path.suffix)
    if command is not None and path.exists():
        hint = f"nndiag {command} {path}"
        raise RunError(Problem("this is no log of a run", Location(str(path)), hint=hint))
    table = _Table(Log(path))
    table.read()
    steps = table.steps()
    series = table.series(steps)
    loss = series.pop("loss", series.get("training_loss"))
    if loss is None or not len(loss.steps):
        raise RunError(
            Problem(
                "no column holds a loss",
                Location(str(path)),
                got=", ".join(table.titles[:20]) or "no columns",
                allowed="loss, training_loss, train_loss, …",
                hint="name the columns step and loss; `gradient_norm[layer1]` for each layer",
            )
        )
    held_out = series.get("validation_loss")
    if held_out is not None and np.array_equal(held_out.steps, loss.steps):
        series.setdefault("training_loss", loss)  # a row is an epoch, and its loss that of all
    if len(loss.steps) < 2:
        hint = "write a row at each step, or at every tenth"
        message = "a single loss does not tell how a run went"
        raise RunError(Problem(message, Location(str(path)), hint=hint))
    return Trace(
        step=loss.steps,
        loss=loss.values,
        series=series,
        layers=table.layers,
        facts=_facts(path, table, series),
        ending=_ending(loss.values),
        source=str(path),
    )


class _Table:
    """The numbers of a log, by column."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._columns: dict[str, Column | None] = {}
        self._numbers: dict[Column, tuple[list[int], list[float]]] = {}  # rows, values
        self._lines: list[int] = []

    @property
    def titles(self) -> list[str]:
        """The titles of all columns."""
        return list(self._columns)

    @property
    def unused(self) -> list[str]:
        """The titles of the columns that nothing is known of."""
        return [title for title, column in self._columns.items() if column is None]

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in the order in which they appear."""
        layers = tuple(dict.fromkeys(one.layer for one in self._numbers if one.layer is not None))
        return layers or ((_WHOLE_NETWORK,) if self._whole_network else ())

    @property
    def _whole_network(self) -> list[str]:
        """Per-layer series that were given for the whole network only."""
        return [x.name for x in self._numbers if x.name in SERIES and _is_layered(x.name)]

    def read(self) -> None:
        """Read all rows.

        Raises:
            RunError: Something in them cannot be understood.
        """
        table = self._log.table(lambda title: self._column(title) is not None)
        if table is not None:
            self._take(*table)
            return
        for row in self._log.rows():
            place = len(self._lines)
            self._lines.append(row.line)
            taken: set[Column] = set()
            for title, value in row.values.items():
                column = self._column(title)
                if column is None or column in taken:
                    continue
                taken.add(column)
                if isinstance(value, str):
                    hint = "leave it empty where there is no number"
                    self._log.wrong(f"{title!r} is no number", row.line, got=repr(value), hint=hint)
                    continue
                rows, values = self._numbers.setdefault(column, ([], []))
                rows.append(place)
                values.append(value)
        if self._log.problems:
            raise RunError(self._log.problems)

    def _take(self, titles: list[str], numbers: FloatArray) -> None:
        """Take a table that was read at once."""
        rows = list(range(len(numbers)))
        self._lines = [row + 2 for row in rows]
        for title, values in zip(titles, numbers.T, strict=True):
            column = self._column(title)
            if column is not None:
                self._numbers.setdefault(column, (rows, values.tolist()))

    def constant(self, name: str) -> float | None:
        """The first value of a column."""
        values = self._numbers.get(Column(name), ([], []))[1]
        return values[0] if values and math.isfinite(values[0]) else None

    def steps(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The step of each row, increasing or equal.

        Raises:
            RunError: Steps are no whole numbers, or go back.
        """
        counted = np.arange(len(self._lines))
        epochs = self._whole(EPOCH)
        steps = self._whole(STEP)
        if steps is None:
            repeated = epochs is None or self._repeats(epochs) or np.any(np.diff(epochs) < 0)
            return counted if epochs is None or repeated else epochs
        back = np.flatnonzero(np.diff(steps) < 0)
        if len(back) and epochs is not None and bool(np.all(np.diff(epochs)[back] > 0)):
            return counted  # steps within epochs
        for row in back + 1:
            self._log.wrong(
                f"step {steps[row]} comes after step {steps[row - 1]}",
                self._lines[row],
                hint="one run a file, its steps in order",
            )
        twice = self._repeats(steps)
        if twice:
            self._log.wrong(f"step {steps[twice]} has two losses", self._lines[twice])
        if self._log.problems:
            raise RunError(self._log.problems)
        return steps

    def series(self, steps: np.ndarray[tuple[int], np.dtype[np.int64]]) -> dict[str, Series]:
        """All series, per-layer ones with NaN where a layer has no number."""
        found: dict[str, Series] = {}
        layers = self.layers
        for name in SERIES:
            columns = {x: y for x, y in self._numbers.items() if x.name == name}
            if _is_layered(name) and layers != (_WHOLE_NETWORK,):
                columns = {x: y for x, y in columns.items() if x.layer is not None}
            if not columns:
                continue
            present = np.zeros(len(steps), bool)
            for rows, _ in columns.values():
                present[rows] = True
            own = steps[present]
            begins = np.append(True, np.diff(own) > 0)  # rows of one step are put together
            place = np.zeros(len(steps), np.intp)
            place[present] = np.cumsum(begins) - 1
            values = np.full((begins.sum(), len(layers) if _is_layered(name) else 1), np.nan)
            for column, (rows, numbers) in columns.items():
                index = layers.index(column.layer) if column.layer in layers else 0
                values[place[rows], index] = numbers
            found[name] = Series(own[begins], values if _is_layered(name) else values[:, 0])
        return found

    def _column(self, title: str) -> Column | None:
        if title not in self._columns:
            self._columns[title] = column_of(title)
        return self._columns[title]

    def _whole(self, name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
        """A column of whole numbers, one in each row; None where it is not one.

        Raises:
            RunError: Steps are no whole numbers.
        """
        rows, values = self._numbers.get(Column(name), ([], []))
        if len(rows) < len(self._lines):
            return None
        numbers: FloatArray = np.array(values)
        with np.errstate(all="ignore"):
            whole = (numbers >= 0) & (numbers < _LARGEST_STEP) & (numbers == np.floor(numbers))
        if whole.all():
            return numbers.astype(np.int64)
        if name != STEP:
            return None
        row = int(np.argmin(whole))
        problem = "a step is a whole number that is not negative"
        place = Location(str(self._log.path), self._lines[row])
        raise RunError(Problem(problem, place, got=f"{values[row]:g}"))

    def _repeats(self, steps: np.ndarray[tuple[int], np.dtype[np.int64]]) -> int:
        """The first row whose loss belongs to a step that has one already; 0 for none."""
        for name in ("loss", "training_loss"):
            rows = self._numbers.get(Column(name), ([], []))[0]
            again = np.flatnonzero(np.diff(steps[rows]) == 0)
            if len(again):
                return int(rows[again[0] + 1])
        return 0


def _is_layered(name: str) -> bool:
    return name in SERIES and SERIES[name].per_layer


def _facts(path: Path, table: _Table, series: Mapping[str, Series]) -> Facts:
    """What little a log says of its run."""
    baseline, batch, total = (table.constant(name) for name in CONSTANTS)
    rates = series.get("learning_rate")
    return Facts(
        baseline_loss=baseline,
        batch_size=None if batch is None or not 1 <= batch < _LARGEST_STEP else int(batch),
        total_steps=None if total is None or not 1 <= total < _LARGEST_STEP else int(total),
        learning_rate=None if rates is None else float(rates.values[0]),
        settings={"name": path.stem, "columns_not_used": table.unused},
    )


def _ending(losses: FloatArray) -> Ending:
    """The ending that a log has: its last loss."""
    last = float(losses[-1])
    return Ending("finished" if math.isfinite(last) else "non-finite", last)

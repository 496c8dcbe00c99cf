"""A trace from the log of another program: any table or text with at least a loss.

    step,loss,learning_rate,gradient_norm[layer1],gradient_norm[layer2]
    0,0.693,0.1,0.21,0.44

`log_table` reads the forms, `log_titles` knows the names. Steps count where the log has them, else
epochs, else rows. Rows of one step are put together, as some loggers write training and validation
apart. NaN and infinity are data. A log does not say whether its run was finished: it is taken to
be.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.errors import DataError, Location, Problem, RunError, similar_path
from nndiag.tables import Table, number_in, text_of
from nndiag.tables.cells import ABSENT
from nndiag.trace.log_runs import refuse_several_runs
from nndiag.trace.log_steps import LogSteps, steps_of
from nndiag.trace.log_table import log_table
from nndiag.trace.log_titles import (
    CONSTANTS,
    EPOCH,
    STEP,
    TRAINING,
    VALIDATION,
    Column,
    Losses,
    column_of,
    loss_title,
    losses_among,
)
from nndiag.trace.reader import read_trace
from nndiag.trace.series import SERIES
from nndiag.trace.trace import Ending, Facts, Series, Trace

_LARGEST_STEP = 2**53
_WHOLE_NETWORK = "network"
_COMMANDS = {".yaml": "train", ".yml": "train", ".py": "gradcheck", ".ipynb": "gradcheck"}
_MOST_PROBLEMS = 8
_SUMMARY = 2  # losses over all examples that are a summary beside many others, and no curve

Numbers = tuple[np.ndarray[tuple[int], np.dtype[np.intp]], FloatArray]
"""The rows in which a column has a number, and the numbers."""


def read_run(path: Path, *, loss: str | None = None) -> Trace:
    """The trace of a run's folder, or of a log that another program wrote.

    Args:
        path: The folder or the log.
        loss: The column of a log that is the loss, where it is not found.

    Raises:
        RunError: There is none, or it cannot be understood.
    """
    try:
        inside, folder = path.name == "trace.json" and path.is_file(), path.is_dir()
    except OSError as error:  # a name that is too long
        place = Location(str(path))
        raise RunError(Problem(f"cannot be read: {error.strerror}", place)) from error
    if not (inside or folder):
        return read_log(path, loss=loss)
    if loss is not None:
        place = Location(str(path))
        raise RunError(Problem("a column of a log is named, but this is a run's folder", place))
    return read_trace(path.parent if inside else path)


def read_log(path: Path, *, loss: str | None = None) -> Trace:
    """The trace of a log.

    Args:
        path: The log.
        loss: The column that is the loss, where it is not found.

    Raises:
        RunError: The file cannot be read, has no loss, or a single one, holds several runs, or has
            rows that cannot be understood; all of them are told, with their lines.
    """
    command = _COMMANDS.get(path.suffix)
    if command is not None and path.exists():
        hint = f"nndiag {command} {path}"
        raise RunError(Problem("this is no log of a run", Location(str(path)), hint=hint))
    if not path.exists():
        place = Location(str(path))
        raise RunError(Problem("no such run or log", place, hint=similar_path(path)))
    try:
        table = log_table(text_of(path), str(path))
        if not table.lines:
            raise DataError(Problem("no rows below the titles", Location(table.file)))
        losses = _losses(table, loss)
        refuse_several_runs(table, losses, chosen=loss is not None)
        return _trace(path, _Log(table, losses))
    except DataError as error:
        raise RunError(error.problems) from error


def _losses(table: Table, wanted: str | None) -> Losses:
    """Which columns are the losses.

    Raises:
        DataError: None is, or the one that is wanted does not exist.
    """
    titles = [title for title in table.names if title]
    if wanted is not None and wanted not in titles:
        alike = [title for title in titles if title.lower() == wanted.lower()]
        if not alike:
            allowed = ", ".join(repr(title) for title in titles[:20])
            place = Location(table.file, table.lines[0])
            raise DataError(Problem(f"no column {wanted!r}", place, allowed=allowed))
        wanted = alike[0]
    losses = losses_among(titles, wanted)
    if wanted is None and losses.others:
        losses = losses_among([title for title in titles if not _is_idle(table, title)])
    if not losses.columns:
        raise DataError(
            Problem(
                "no column holds a loss",
                Location(table.file),
                got=", ".join(titles[:20]) or "no columns",
                allowed="loss, training_loss, train_loss, …",
                hint=_naming(table, titles),
            )
        )
    return losses


def _is_idle(table: Table, title: str) -> bool:
    """Whether a loss is zero throughout, as that of a part that is not trained."""
    values = table.numbers(table.names.index(title)) if loss_title(title) is not None else None
    return values is not None and not values.any()


def _naming(table: Table, titles: Sequence[str]) -> str | None:
    """How to name the loss: by a column of numbers that does not just count."""
    for number, title in enumerate(table.names):
        values = table.numbers(number, comma=";" in table.delimiter)
        if title and values is not None and len(values) > 1 and np.ptp(np.diff(values)) > 0:
            return f"name it: nndiag diagnose {Path(table.file).name} loss={title!r}"
    return f"name it: loss={titles[-1]!r}" if titles else None


def _trace(path: Path, log: "_Log") -> Trace:
    """The trace of what was read.

    Raises:
        DataError: A single loss, or steps that cannot be understood.
    """
    steps = steps_of(log.table, log.numbers, log.rows)
    series = log.series(steps)
    probed = series.get(TRAINING)
    loss = series.pop("loss", probed)
    if probed is not None and loss is not None and _is_summary(probed, of=loss):
        del series[TRAINING]
    if loss is None or len(loss.steps) < 2:
        hint = "write a row at each step, or at every tenth"
        message = "a single loss does not tell how a run went"
        raise DataError(Problem(message, Location(str(path)), hint=hint))
    held_out = series.get(VALIDATION)
    if held_out is not None and np.array_equal(held_out.steps, loss.steps):
        series.setdefault(TRAINING, loss)  # a row is an epoch, and its loss that of all
    return Trace(
        step=loss.steps,
        loss=loss.values,
        series=series,
        layers=log.layers,
        facts=_facts(path, log, series, unit=steps.unit),
        ending=_ending(loss.values),
        source=str(path),
    )


def _is_summary(probed: Series, *, of: Series) -> bool:
    """Whether the loss over all examples was written once or twice only, beside many others."""
    return len(probed.steps) <= _SUMMARY < len(of.steps) / 2


class _Log:
    """The numbers of a log, by what they are.

    Args:
        table: Its table.
        losses: Which columns are the losses.

    Raises:
        DataError: A column that is used holds something else than numbers.
    """

    def __init__(self, table: Table, losses: Losses) -> None:
        self.table = table
        self.losses = losses
        self.numbers: dict[Column, Numbers] = {}
        self.unused: list[str] = []
        problems: list[Problem] = []
        for number, title in enumerate(table.names):
            column = self._column(title)
            if title in table.names[:number] and column is not None:
                problems.append(Problem(f"two columns are called {title!r}", table.place(0)))
            elif column is None or column in self.numbers:
                self.unused += [title] if title and column is None else []
            else:
                self.numbers[column] = self._read(number, title, problems)
        if problems:
            more = [Problem("there may be more; reading ended here")]
            raise DataError(problems[:_MOST_PROBLEMS] + more * (len(problems) > _MOST_PROBLEMS))

    @property
    def rows(self) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
        """The rows that hold something of a run."""
        held = [rows for column, (rows, _) in self.numbers.items() if column.name in SERIES]
        present = np.zeros(len(self.table.lines), bool)
        for rows in held:
            present[rows] = True
        return np.flatnonzero(present)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in the order in which they appear."""
        layers = tuple(dict.fromkeys(one.layer for one in self.numbers if one.layer is not None))
        whole = any(_is_layered(column.name) for column in self.numbers)
        return layers or ((_WHOLE_NETWORK,) if whole else ())

    def constant(self, name: str) -> float | None:
        """The first value of a column."""
        _, values = self.numbers.get(Column(name), (None, np.empty(0)))
        return float(values[0]) if len(values) and math.isfinite(values[0]) else None

    def series(self, steps: LogSteps) -> dict[str, Series]:
        """All series, per-layer ones with NaN where a layer has no number."""
        found: dict[str, Series] = {}
        layers = self.layers
        for name in SERIES:
            columns = {x: y for x, y in self.numbers.items() if x.name == name and len(y[0])}
            if _is_layered(name) and layers != (_WHOLE_NETWORK,):
                columns = {x: y for x, y in columns.items() if x.layer is not None}
            if not columns:
                continue
            present = np.zeros(len(steps.of_row), bool)
            for rows, _ in columns.values():
                present[rows] = True
            own = steps.of_row[present]
            begins = np.append(True, np.diff(own) > 0)  # rows of one step are put together
            place = np.zeros(len(steps.of_row), np.intp)
            place[present] = np.cumsum(begins) - 1
            values = np.full((begins.sum(), len(layers) if _is_layered(name) else 1), np.nan)
            for column, (rows, numbers) in columns.items():
                index = layers.index(column.layer) if column.layer in layers else 0
                values[place[rows], index] = numbers
            found[name] = Series(own[begins], values if _is_layered(name) else values[:, 0])
        return found

    def _column(self, title: str) -> Column | None:
        column = column_of(title)
        if title in self.losses.columns:
            return Column(self.losses.columns[title])
        return None if column and column.name in ("loss", TRAINING, VALIDATION) else column

    def _read(self, number: int, title: str, problems: list[Problem]) -> Numbers:
        """The numbers of a column, and what is wrong with it."""
        numbers = self.table.numbers(number)
        if numbers is not None:
            return np.arange(len(numbers)), numbers
        comma = self.table.delimiter not in (",", "")
        column = self._column(title)
        counts = column is not None and column.name in (STEP, EPOCH)
        rows: list[int] = []
        values: list[float] = []
        for row, cell in enumerate(self.table.cells(number)):
            if cell is None or (isinstance(cell, str) and cell.strip().lower() in ABSENT):
                continue
            text = cell.partition("/")[0] if counts and isinstance(cell, str) else cell  # 3/10
            value = number_in(text, comma=comma) if isinstance(text, str) else text
            if value is not None:
                rows.append(row)
                values.append(value)
            elif len(problems) <= _MOST_PROBLEMS:
                hint = "leave it empty where there is no number"
                message = f"{title!r} is no number"
                problems.append(Problem(message, self.table.place(row), repr(cell), hint=hint))
        return np.array(rows, np.intp), np.array(values)


def _is_layered(name: str) -> bool:
    return name in SERIES and SERIES[name].per_layer


def _facts(path: Path, log: _Log, series: Mapping[str, Series], *, unit: str) -> Facts:
    """What little a log says of its run."""
    baseline, batch, total = (log.constant(name) for name in CONSTANTS)
    rates = series.get("learning_rate")
    return Facts(
        baseline_loss=baseline,
        batch_size=None if batch is None or not 1 <= batch < _LARGEST_STEP else int(batch),
        total_steps=None if total is None or not 1 <= total < _LARGEST_STEP else int(total),
        learning_rate=None if rates is None else float(rates.values[0]),
        settings={
            "name": path.stem,
            "read_as": log.table.form,
            "losses": dict(log.losses.columns),
            "other_losses": list(log.losses.others),
            "columns_not_used": log.unused,
        },
        unit=unit,
    )


def _ending(losses: FloatArray) -> Ending:
    """The ending that a log has: its last loss."""
    last = float(losses[-1])
    return Ending("finished" if math.isfinite(last) else "non-finite", last)

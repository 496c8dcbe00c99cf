"""When each row of a log was written: its step, else its epoch, else its number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.errors import DataError, Location, Problem
from nndiag.tables import Table
from nndiag.trace.log_titles import EPOCH, STEP, TRAINING, VALIDATION, Column

_LARGEST_STEP = 2**53
_MOST_PROBLEMS = 8

Integers = np.ndarray[tuple[int], np.dtype[np.int64]]
Places = np.ndarray[tuple[int], np.dtype[np.intp]]


@dataclass(frozen=True, eq=False)
class LogSteps:
    """When the rows of a log were written.

    Attributes:
        of_row: Step of each row, increasing or equal, shape (rows,).
        unit: What is counted: "step", "epoch" or "row".
    """

    of_row: Integers
    unit: str


def steps_of(
    table: Table, numbers: Mapping[Column, tuple[Places, FloatArray]], used: Places
) -> LogSteps:
    """When each row was written.

    Args:
        table: The table.
        numbers: Column → rows in which it has a number, and the numbers.
        used: The rows that hold something of a run; all others get the step before them.

    Raises:
        DataError: Steps are no whole numbers, go back, or begin anew.
    """
    epochs = _whole(table, numbers, EPOCH, used)
    steps = _whole(table, numbers, STEP, used)
    if steps is not None:
        steps = _with_those_of_losses(numbers, steps, used)
        back = np.flatnonzero(np.diff(steps) < 0)
        within = epochs is not None and bool(np.all(np.diff(epochs)[back] > 0))
        if not (len(back) and within):  # else they are steps within epochs
            _refuse_going_back(table, steps, back + 1, used, unit="step")
            twice = _repeated(numbers, steps, used)
            if twice is None:
                return _steps_of_all(table, steps, used, "step")
            if epochs is None or epochs[twice] == epochs[twice - 1]:
                message = f"step {steps[twice]} has two losses"
                raise DataError(Problem(message, table.place(int(used[twice]))))
    if epochs is not None:
        begins = np.flatnonzero(np.diff(epochs) < 0) + 1
        if len(begins) and np.all(epochs[begins] <= epochs[0]):
            _refuse_going_back(table, epochs, begins, used, unit="epoch")
        if not len(begins) and _repeated(numbers, epochs, used) is None:
            return _steps_of_all(table, epochs, used, "epoch")
    return _steps_of_all(table, np.arange(len(used)), used, "row")


def _steps_of_all(table: Table, steps: Integers, used: Places, unit: str) -> LogSteps:
    """Steps of all rows, from those of the rows that are used."""
    if not len(used):
        return LogSteps(np.zeros(len(table.lines), np.int64), unit)
    places = np.searchsorted(used, np.arange(len(table.lines)), side="right") - 1
    return LogSteps(steps[np.maximum(places, 0)], unit)


def _whole(
    table: Table, numbers: Mapping[Column, tuple[Places, FloatArray]], name: str, used: Places
) -> Integers | None:
    """A column of whole numbers, for each used row; None where it is not one.

    A row without any loss may lack it: it belongs to the one before it, else to the first.

    Raises:
        DataError: Steps are no whole numbers.
    """
    rows, values = numbers.get(Column(name), (np.empty(0, np.intp), np.empty(0)))
    if not len(rows) or not np.isin(_of_losses(numbers, used), rows).all():
        return None
    values = values[np.maximum(np.searchsorted(rows, used, side="right") - 1, 0)]
    with np.errstate(all="ignore"):
        whole = (values >= 0) & (values < _LARGEST_STEP) & (values == np.floor(values))
    if whole.all():
        return values.astype(np.int64)
    if name != STEP:
        return None
    row = int(np.argmin(whole))
    problem = "a step is a whole number that is not negative"
    raise DataError(Problem(problem, table.place(int(used[row])), got=f"{values[row]:g}"))


def _of_losses(numbers: Mapping[Column, tuple[Places, FloatArray]], used: Places) -> Places:
    """The rows that have a loss; all that are used where none has."""
    kinds = ("loss", TRAINING, VALIDATION)
    rows = [numbers[Column(name)][0] for name in kinds if Column(name) in numbers]
    return np.concatenate(rows) if rows else used


def _with_those_of_losses(
    numbers: Mapping[Column, tuple[Places, FloatArray]], steps: Integers, used: Places
) -> Integers:
    """The steps, where a row without a loss counts something else the last step of a loss.

    Some loggers count the batches of the validation data in the same column.
    """
    rows = [numbers[Column(name)][0] for name in ("loss", TRAINING) if Column(name) in numbers]
    if not rows:
        return steps
    own = np.isin(used, np.concatenate(rows))
    last = np.maximum.accumulate(np.where(own, np.arange(len(used)), 0))
    return np.where(own, steps, np.maximum(steps, steps[last]))


def _refuse_going_back(
    table: Table, steps: Integers, back: "np.ndarray[Any, Any]", used: Places, *, unit: str
) -> None:
    """Refuse steps that are smaller than those before them.

    Raises:
        DataError: There are some; where all begin anew, the file holds several runs.
    """
    if not len(back):
        return
    if np.all(steps[back] <= steps[0]) and len(steps) >= 2 * (len(back) + 1):
        lines = ", ".join(str(table.lines[used[place]]) for place in back[:5])
        lines += ", …" if len(back) > 5 else ""
        message = f"the file holds {len(back) + 1} runs: its {unit}s begin anew"
        place = Location(table.file, table.lines[used[back[0]]])
        hint = "one run a file; `nndiag compare` takes several files"
        raise DataError(
            Problem(message, place, got=f"{unit} {steps[0]} in line {lines}", hint=hint)
        )
    raise DataError(
        [
            Problem(
                f"{unit} {steps[place]} comes after {unit} {steps[place - 1]}",
                Location(table.file, table.lines[used[place]]),
                hint="one run a file, its steps in order",
            )
            for place in back[:_MOST_PROBLEMS]
        ]
    )


def _repeated(
    numbers: Mapping[Column, tuple[Places, FloatArray]], steps: Integers, used: Places
) -> int | None:
    """The first used row whose loss belongs to a step that has one already."""
    for name in ("loss", TRAINING):
        rows = numbers.get(Column(name), (np.empty(0, np.intp), None))[0]
        places = np.searchsorted(used, rows)
        again = np.flatnonzero(np.diff(steps[places]) == 0)
        if len(again):
            return int(places[again[0] + 1])
    return None

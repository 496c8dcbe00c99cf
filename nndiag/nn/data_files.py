"""Data sets from files of the user's own: CSV text and NumPy archives.

Whatever is wrong with a file is told with its line; no file can run code.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nndiag.archive import ArchiveError, arrays_in, names_in
from nndiag.arrays import FloatArray
from nndiag.errors import DataError, Location, Problem
from nndiag.nn.columns import counts_rows, labels_in, numbers_of, parsed
from nndiag.nn.datasets import DATASETS, Dataset
from nndiag.registry import suggestion
from nndiag.tables import (
    LARGEST_FILE,
    Table,
    content_of,
    delimited_table,
    marked_table,
    text_of,
    too_large,
)

FileEncoding = Literal["none", "binary", "one_hot"]
Columns = str | int | list[str | int] | None


@DATASETS.register("csv")
def csv(
    rng: np.random.Generator,
    *,
    path: Path,
    x: Columns = None,
    y: Columns = None,
    encoding: FileEncoding = "none",
) -> Dataset:
    """A CSV file, with or without a header line; separated by commas, semicolons, tabs or spaces.

    A JSON file of a list of objects, or of an object of lists, is read too.
    `x` and `y` are names of columns, or their numbers from 0. By default the last column is the
    target and all others are inputs. A decimal comma is read where commas do not separate. With
    `encoding: one_hot` the target column holds the names of classes, or their numbers from 0, and
    becomes one column per class; with `encoding: binary` there are two, which become 0 and 1, in
    the order of the alphabet.

    Raises:
        DataError: The file cannot be read as numbers; each problem has its line. Or the target
            column holds no classes.
    """
    table = data_table(path)
    chosen_y = numbers_of(table, y if y is not None else len(table.names) - 1, option="y")
    chosen_x = numbers_of(table, x, option="x") if x is not None else _others(table, chosen_y)
    labels = None
    if encoding != "none" and len(chosen_y) == 1:
        labels = labels_in(table, chosen_y[0])
    numeric = chosen_y if labels is None else []
    values = parsed(table, sorted({*chosen_x, *numeric}), targets=numeric)
    inputs = np.stack([values[number] for number in chosen_x], axis=1)
    input_names, target_names = (
        tuple(table.names[number] for number in chosen) for chosen in (chosen_x, chosen_y)
    )
    if labels is not None:
        classes, label = np.unique(np.array(labels), return_inverse=True)
        names = tuple(str(name) for name in classes)
    elif encoding != "none":
        label = _class_numbers([values[number] for number in chosen_y], table.file, encoding)
        names = tuple(f"{target_names[0]}{k}" for k in range(int(label.max()) + 1))
    else:
        targets = np.stack([values[number] for number in chosen_y], axis=1)
        return Dataset(inputs, targets, input_names, target_names)
    if encoding == "binary":
        _refuse_more_than_two(names, table.file)
        return Dataset(inputs, label[:, None].astype(np.float64), input_names, target_names, label)
    return Dataset(inputs, np.eye(len(names))[label], input_names, names, label)


def data_table(path: Path) -> Table:
    """The table in a file of examples: CSV of any dialect, or JSON.

    Raises:
        DataError: The file cannot be read, or holds no table.
    """
    text = text_of(path)
    return marked_table(text, str(path)) or delimited_table(text, str(path))


def _others(table: Table, targets: Sequence[int]) -> list[int]:
    """The columns that are no targets, which are the inputs by default.

    Raises:
        DataError: There are none, or the first one counts the rows.
    """
    others = [number for number in range(len(table.names)) if number not in targets]
    if not others:
        raise DataError(
            Problem(
                "no column is left for the inputs",
                table.place(0),
                got=f"columns {', '.join(table.names[:20])}",
                hint="a file needs at least one input and one target column; commas, semicolons, "
                "tabs or spaces separate columns",
            )
        )
    if 0 in others and counts_rows(table):
        named = ", ".join(table.names[number] for number in others[1:20])
        raise DataError(
            Problem(
                "the first column has no name and counts the rows: it is no input",
                Location(table.file, 1),
                hint=f"leave it out, or choose the inputs: x: [{named}]",
            )
        )
    return others


def _class_numbers(
    columns: Sequence[FloatArray], file: str, encoding: FileEncoding
) -> NDArray[np.int64]:
    """The class of each example, (B,).

    Raises:
        DataError: The targets are not one column of class numbers 0, 1, 2, …
    """
    classes = np.unique(columns[0])
    if len(columns) != 1 or not np.array_equal(classes, np.arange(len(classes))):
        found = ", ".join(f"{value:g}" for value in classes[:5])
        raise DataError(
            Problem(
                f"encoding {encoding!r} needs one target column with the names of classes, or "
                "with class numbers 0, 1, 2, …",
                Location(file),
                got=f"{len(columns)} columns" if len(columns) != 1 else f"values {found}, …",
                hint="leave the encoding out",
                option="encoding",
            )
        )
    return columns[0].astype(np.int64)


def _refuse_more_than_two(names: Sequence[str], file: str) -> None:
    """Refuses another number of classes than two.

    Raises:
        DataError: There are more, or only one.
    """
    if len(names) != 2:
        got = f"{len(names)} classes: {', '.join(names[:5])}"
        message, hint = "encoding 'binary' needs two classes", "encoding: one_hot"
        raise DataError(Problem(message, Location(file), got, hint=hint, option="encoding"))


@DATASETS.register("npz")
def npz(rng: np.random.Generator, *, path: Path, x: str = "x", y: str = "y") -> Dataset:
    """A NumPy archive (`numpy.savez`) with one array of inputs and one of targets.

    Each has shape (B,) or (B, columns). Arrays of objects are refused: they could run code.

    Raises:
        DataError: The file is no archive, or an array is missing, not numeric or not finite.
    """
    arrays = _arrays(path, (x, y))
    inputs, targets = (_matrix(path, name, arrays[name]) for name in (x, y))
    if len(inputs) != len(targets):
        raise DataError(
            Problem(
                f"arrays {x!r} and {y!r} differ in length",
                Location(str(path)),
                got=f"{len(inputs)} and {len(targets)} rows",
                allowed="one row per example in both",
            )
        )
    return Dataset(
        inputs, targets, _column_names(x, inputs.shape[1]), _column_names(y, targets.shape[1])
    )


def _arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The named arrays of an archive."""
    content = content_of(path)
    try:
        there = names_in(content, largest=LARGEST_FILE)
    except ArchiveError as error:
        if error.size is not None:
            raise DataError(too_large("the arrays are too large", path, error.size)) from error
        hint = "write it with numpy.savez"
        raise DataError(Problem("not an .npz archive", Location(str(path)), hint=hint)) from error
    absent = [name for name in names if name not in there]
    if absent:
        raise DataError([_absent_array(path, name, there) for name in absent])
    try:
        return arrays_in(content, names)
    except ArchiveError as error:
        hint = "save plain numeric arrays: numpy.savez(path, x=x, y=y)"
        problem = Problem(f"cannot read the arrays: {error}", Location(str(path)), hint=hint)
        raise DataError(problem) from error


def _absent_array(path: Path, name: str, names: Sequence[str]) -> Problem:
    return Problem(
        f"no array {name!r}",
        Location(str(path)),
        allowed=", ".join(repr(other) for other in names) or "the archive is empty",
        hint=suggestion(name, names),
    )


def _matrix(path: Path, name: str, array: NDArray[Any]) -> FloatArray:
    """An array as finite numbers, shape (B, columns).

    Raises:
        DataError: It is not numeric, not finite, empty, or of more than two axes.
    """
    message = got = None
    if array.dtype.kind not in "biuf":
        message, got = f"array {name!r} does not hold real numbers", f"type {array.dtype}"
    elif array.ndim not in (1, 2) or array.size == 0:
        message, got = f"array {name!r} is not (B,) or (B, columns)", f"shape {array.shape}"
    elif not np.isfinite(array).all():
        first = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
        index = ", ".join(str(k) for k in first)
        message = f"array {name!r} has {int((~np.isfinite(array)).sum())} values not finite"
        got = f"{array[first]} at [{index}]"
    if message is not None:
        raise DataError(Problem(message, Location(str(path)), got=got))
    return array.astype(np.float64).reshape(len(array), -1)


def _column_names(name: str, columns: int) -> tuple[str, ...]:
    return (name,) if columns == 1 else tuple(f"{name}{k}" for k in range(columns))

"""A commented config to start from, for one of the data sets or a CSV file."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nndiag.errors import DataError, Location, Problem, warn
from nndiag.experiment.scalars import resolved_scalar
from nndiag.nn.columns import counts_rows, labels_in, numbers_of, parsed
from nndiag.nn.data_files import FileEncoding, csv, data_table
from nndiag.tables import Table

_TEMPLATE = """\
# yaml-language-server: $schema=nndiag.schema.json
# {title} Editors check it after: nndiag schema > nndiag.schema.json
# Edit what you like: `nndiag list` names everything that can stand here, and every setting can be
# changed on the command line too: nndiag train {file} optimizer.learning_rate=0.01
dataset:
{dataset}
network:
  layers:                      # from the input side; the last one gives the output
    - {{units: {hidden}, activation: tanh}}
    - {{units: {outputs}, activation: {output}}}{about_output}
  initializer: glorot_uniform  # he_normal suits relu; a layer may have its own
  # bias: false
loss: {loss}{about_loss}
optimizer: {{name: adam, learning_rate: 0.01}}
  # {{name: sgd, learning_rate: 0.1, momentum: 0.9}}; `nndiag sweep-lr {file}` finds the rate
training:
  steps: 2000                  # or epochs: 100
  batch_size: full             # or a number of examples
seed: 0

# What may be added:
# diagnosis:
#   ignore: [dead-units]       # problems that are not to be looked for
#   thresholds: {{vanishing-gradients: {{ratio: 1.0e-4}}}}
"""

SYNTHETIC: Mapping[str, tuple[str, ...]] = {
    "sine": ("name: sine", "samples: 200"),
    "linear_doubling": ("name: linear_doubling", "samples: 20"),
    "quadratic_cosine": (
        "name: quadratic_cosine",
        "samples: 400",
        "scale_inputs: standardize",
        "scale_targets: standardize",
    ),
    "logic_gate": ("name: logic_gate", "gate: xor"),
    "circles": ("name: circles", "samples: 200", "noise: 0.05"),
    "moons": ("name: moons", "samples: 200", "noise: 0.1"),
    "blobs": ("name: blobs", "samples: 200"),
    "spirals": ("name: spirals", "samples: 200"),
}
"""Data set → its lines in a config."""

_CURVES = ("sine", "linear_doubling", "quadratic_cosine")
_MOST_CLASSES = 20
_MOST_COLUMNS = 20  # that are named in a config


@dataclass(frozen=True)
class _Task:
    """What depends on the data.

    Attributes:
        title: What the config is for.
        dataset: Lines of the section.
        outputs: Units of the last layer.
        classes: 0 for numbers to predict, else the number of classes.
    """

    title: str
    dataset: tuple[str, ...]
    outputs: int = 1
    classes: int = 0


def starter_config(data: str, *, file: Path, target: str | None = None) -> str:
    """The text of a config that trains as it is; columns that cannot be used are left out.

    Args:
        data: A data set of `SYNTHETIC`, or the path of a CSV file.
        target: For a CSV file: the column that is predicted, by name or number; the last one by
            default, which is told.
        file: Where the config will stand: paths are relative to its folder.

    Raises:
        DataError: The CSV file cannot be read as numbers.
    """
    own = data not in SYNTHETIC
    task = _of_csv(Path(data), file=file, target=target) if own else _synthetic(data)
    output, loss, about_output, about_loss = "linear", "mean_squared_error", "", ""
    if task.classes:
        about_output = "   # probabilities: the targets are classes"
        output, loss = ("sigmoid", "binary_cross_entropy")
        if task.classes > 2:
            output, loss = ("softmax", "softmax_cross_entropy")
    else:
        about_output = "    # linear: any number can be reached"
        about_loss = "       # or {name: mean_squared_error, reduction: sum}, huber, …"
    return _TEMPLATE.format(
        title=task.title,
        file=file,
        dataset="\n".join(f"  {line}" for line in task.dataset),
        hidden=20,
        outputs=task.outputs,
        output=output,
        about_output=about_output,
        loss=loss,
        about_loss=about_loss,
    )


def _synthetic(name: str) -> _Task:
    return _Task(f"A small network for {name}.", SYNTHETIC[name], 1, 0 if name in _CURVES else 2)


def _of_csv(path: Path, *, file: Path, target: str | None) -> _Task:
    """A task for a CSV file: one column is the target, all others that hold numbers are inputs."""
    table = data_table(path)
    chosen = _target(table, target)
    encoding = _encoding(table, chosen)
    inputs = _inputs(table, chosen)
    names = [*inputs] or None
    found = csv(np.random.default_rng(0), path=path, x=names, y=chosen, encoding=encoding)
    try:
        shown = path.resolve().relative_to(file.resolve().parent)
    except ValueError:
        shown = path.resolve()
    lines = ["name: csv", f"path: {_scalar(shown.as_posix())}"]
    every = inputs == [number for number in range(len(table.names)) if number != chosen]
    if len(inputs) <= _MOST_COLUMNS or not every:
        lines.append(f"x: [{', '.join(_column(table, number) for number in inputs)}]")
    lines += [
        f"y: {_column(table, chosen)}",
        "scale_inputs: standardize    # each column to mean 0 and std 1",
    ]
    values = np.unique(found.targets)
    if encoding == "binary":
        lines.append("encoding: binary             # 0 and 1, in the order of the alphabet")
    if encoding == "binary" or (encoding == "none" and np.array_equal(values, [0, 1])):
        return _Task(f"Two classes from {path.name}.", tuple(lines), 1, 2)
    classes = found.targets.shape[1] if encoding == "one_hot" else len(values)
    numbered = np.array_equal(values, np.arange(classes)) and 2 < classes <= _MOST_CLASSES
    if encoding == "one_hot" or numbered:
        lines.append("encoding: one_hot            # one output per class")
        return _Task(f"Classes from {path.name}.", tuple(lines), classes, classes)
    lines.append("scale_targets: standardize")
    return _Task(f"A column of {path.name} from its others.", tuple(lines))


def _target(table: Table, wanted: str | None) -> int:
    """The number of the target's column; that it is the last one is told where none was asked for.

    Raises:
        DataError: There is no such column.
    """
    if wanted is None:
        last = len(table.names) - 1
        told = f"column {_column(table, last)}, the last one, is what is predicted"
        warn(f"{told}; --target NAME takes another")
        return last
    by_number = wanted.isdecimal() and wanted not in table.names
    (number,) = numbers_of(table, int(wanted) if by_number else wanted, option="target")
    return number


def _inputs(table: Table, target: int) -> list[int]:
    """The other columns that hold a number in each row; those that do not are told.

    Raises:
        DataError: None does.
    """
    first = 1 if counts_rows(table) else 0
    others = [number for number in range(first, len(table.names)) if number != target]
    left_out: dict[int, str] = {}
    for number in others:
        try:
            parsed(table, [number], targets=[])
        except DataError as error:
            left_out[number] = error.problems[0].message.partition(" in column")[0]
            if labels_in(table, number) is not None:
                left_out[number] = "text"
    usable = [number for number in others if number not in left_out]
    words = ", ".join(f"{_column(table, number)} ({why})" for number, why in left_out.items())
    if left_out and not usable:
        message = f"no column beside {_column(table, target)} holds a number in each row"
        hint = "fill the empty cells, write text as numbers, or name another --target"
        raise DataError(Problem(message, Location(table.file), got=words, hint=hint))
    if left_out:
        warn(f"left out, as not every cell is a number: {words}")
    return usable


def _encoding(table: Table, target: int) -> FileEncoding:
    """How a target column of class names is read; one of numbers stays as it is."""
    names = set(labels_in(table, target) or ())
    if not 2 <= len(names) <= _MOST_CLASSES:
        return "none"
    return "binary" if len(names) == 2 else "one_hot"


def _column(table: Table, number: int) -> str:
    """A column by its name, or by its number where another one has the name too."""
    name = table.names[number]
    return _scalar(name) if name and table.names.count(name) == 1 else str(number)


def _scalar(text: str) -> str:
    """Text as YAML has it, in quotes where it would be something else without."""
    plain = re.fullmatch(r"[\w./-]+", text) and resolved_scalar(text) == text and text[0] != "-"
    return text if plain else json.dumps(text, ensure_ascii=False)

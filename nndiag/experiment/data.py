"""The examples of an experiment: generated or read, parted, scaled."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.errors import DataError, Problem
from nndiag.experiment.condition import ConditionError, rows_where
from nndiag.experiment.config import Config, Validation
from nndiag.experiment.loading import Experiment
from nndiag.formatting import number
from nndiag.nn.datasets import DATASETS, Dataset
from nndiag.nn.scaling import SCALINGS, Scaling

_DATA_STREAM, _SPLIT_STREAM = 0, 3  # of the seed; 1 is the weights', 2 the order's


@dataclass(frozen=True, eq=False)
class Data:
    """Scaled examples, parted into training and validation.

    Attributes:
        training: Scaled inputs (B, D) and targets (B, O) of the training examples.
        validation: The same of the examples held out; None where there are none.
        raw_inputs: Training inputs before scaling, shape (B, D); None where they are not scaled.
        scalings: From raw to scaled inputs, and targets.
        classes: Class of each training example, shape (B,); None where targets are not classes.
    """

    training: tuple[FloatArray, FloatArray]
    validation: tuple[FloatArray, FloatArray] | None
    raw_inputs: FloatArray | None
    scalings: tuple[Scaling, Scaling]
    classes: NDArray[np.int64] | None


def dataset_of(experiment: Experiment) -> Dataset:
    """The examples before scaling.

    Raises:
        DataError: As the data set; problems without a place get the config's, and those of a file
            tell where the config asks for it.
    """
    section = experiment.config.dataset
    rng = _rng(experiment.config, _DATA_STREAM)
    try:
        dataset: Dataset = DATASETS.get(section.name)(rng, **section.options)
    except DataError as error:
        place = experiment.location("dataset")
        problems = [
            replace(p, location=place)
            if p.location is None
            else replace(p, asked=experiment.location("dataset", p.option or "path"))
            for p in error.problems
        ]
        raise DataError(problems) from error
    return dataset


def data_of(experiment: Experiment, dataset: Dataset) -> Data:
    """The examples, parted and scaled by what the training part shows.

    Raises:
        DataError: Scaling leads out of the range of numbers.
    """
    section = experiment.config.dataset
    held_out = _held_out(experiment, dataset)
    scalings, training, validation = [], [], []
    for part, values, name in (
        ("inputs", dataset.inputs, section.scale_inputs),
        ("targets", dataset.targets, section.scale_targets),
    ):
        with np.errstate(all="ignore"):
            scaling = SCALINGS.get(name)(values[~held_out])
            scaled = scaling.apply(values)
        numbers = (scaled, scaling.shift, scaling.divisor)
        if not all(np.isfinite(number).all() for number in numbers):
            place = experiment.location("dataset", f"scale_{part}")
            largest = f"{part} up to {number(np.abs(values).max())}"
            hint = f"bring the {part} to an ordinary size first"
            problem = Problem(f"scaling {name!r} of the {part} overflows", place, largest)
            raise DataError(replace(problem, hint=hint))
        scalings.append(scaling)
        training.append(np.ascontiguousarray(scaled[~held_out]))
        validation.append(np.ascontiguousarray(scaled[held_out]))
    return Data(
        training=(training[0], training[1]),
        validation=(validation[0], validation[1]) if held_out.any() else None,
        raw_inputs=None if section.scale_inputs == "none" else dataset.inputs[~held_out],
        scalings=(scalings[0], scalings[1]),
        classes=None if dataset.classes is None else dataset.classes[~held_out],
    )


def _held_out(experiment: Experiment, dataset: Dataset) -> NDArray[np.bool_]:
    """Which examples are held out, shape (B,): of a share that is asked for, at least one.

    Raises:
        DataError: No example would be left to train on, or none to validate with.
    """
    validation, examples = experiment.config.dataset.validation, len(dataset.inputs)
    if isinstance(validation, Validation) and validation.where is not None:
        held_out = _where(experiment, dataset, validation.where)
    else:
        share = validation.last if isinstance(validation, Validation) else validation
        count = min(max(1, round(share * examples)), examples) if share else 0
        held_out = np.zeros(examples, dtype=bool)
        if isinstance(validation, Validation):
            held_out[examples - count :] = True
        else:
            rng = _rng(experiment.config, _SPLIT_STREAM)
            held_out[rng.permutation(examples)[:count]] = True
    if held_out.all():
        place = experiment.location("dataset", "validation")
        message = "no example is left for training"
        raise DataError(Problem(message, place, got=f"{examples} of {examples} for validation"))
    return held_out


def _where(experiment: Experiment, dataset: Dataset, condition: str) -> NDArray[np.bool_]:
    """The examples that meet a condition on the raw columns, shape (B,).

    Raises:
        DataError: It is no condition on these columns, or none meets it.
    """
    names = (*dataset.input_names, *dataset.target_names)
    values = np.concatenate([dataset.inputs, dataset.targets], axis=1)  # (B, D + O)
    place = experiment.location("dataset", "validation", "where")
    try:
        found = rows_where(condition, dict(zip(names, values.T, strict=True)))
    except ConditionError as error:
        problem = Problem(error.message, place, error.got, error.allowed, error.hint)
        raise DataError(problem) from error
    if not found.any():
        columns = zip(dataset.input_names, dataset.inputs.T, strict=True)
        ranges = ", ".join(f"{name} {number(x.min())} to {number(x.max())}" for name, x in columns)
        raise DataError(Problem("no example meets the condition", place, condition, ranges))
    return found


def _rng(config: Config, stream: int) -> np.random.Generator:
    """An own stream of the data's seed, which is the config's where it has none itself."""
    seed = config.seed if config.dataset.seed is None else config.dataset.seed
    return np.random.default_rng([seed, stream])

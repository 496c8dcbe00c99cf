"""The data sets, from simple to complex; files of the user's own are in `data_files`.

A data set is a function of a generator and its options. It draws from the generator only what its
options ask for.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.bounds import NonNegative, Positive, Share
from nndiag.errors import DataError, Problem
from nndiag.registry import Registry

Samples = Annotated[int, Ge(1), Le(1_000_000)]
Classes = Annotated[int, Ge(2), Le(1_000)]
Placement = Literal["grid", "uniform", "normal"]
Encoding = Literal["binary", "one_hot", "signed"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples with targets.

    Attributes:
        inputs: Shape (B, D).
        targets: Shape (B, O).
        input_names: Name of each input column.
        target_names: Name of each target column.
        classes: Class of each example from 0, shape (B,); None where targets are not classes.
    """

    inputs: FloatArray
    targets: FloatArray
    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    classes: NDArray[np.int64] | None = None


DATASETS: Registry[Callable[..., Dataset]] = Registry("dataset", package="nndiag.nn.data_files")


@DATASETS.register("linear_doubling")
def linear_doubling(
    rng: np.random.Generator,
    *,
    samples: Samples = 20,
    low: float = 0.025,
    high: float = 0.5,
    inputs: Placement = "grid",
    noise: NonNegative = 0.0,
) -> Dataset:
    """The line y = 2x."""
    x = _placed(rng, samples=samples, low=low, high=high, inputs=inputs)
    return _curve(rng, x, 2 * x, noise=noise)


@DATASETS.register("sine")
def sine(
    rng: np.random.Generator,
    *,
    samples: Samples = 200,
    low: float = -math.pi,
    high: float = math.pi,
    inputs: Placement = "grid",
    noise: NonNegative = 0.0,
) -> Dataset:
    """The curve y = sin x."""
    x = _placed(rng, samples=samples, low=low, high=high, inputs=inputs)
    return _curve(rng, x, np.sin(x), noise=noise)


@DATASETS.register("quadratic_cosine")
def quadratic_cosine(
    rng: np.random.Generator,
    *,
    samples: Samples = 1000,
    low: float = -4.0,
    high: float = 4.0,
    inputs: Placement = "normal",
    noise: NonNegative = 0.0,
) -> Dataset:
    """The curve y = x² − 0.2·cos(3πx)."""
    x = _placed(rng, samples=samples, low=low, high=high, inputs=inputs)
    return _curve(rng, x, x**2 - 0.2 * np.cos(3 * math.pi * x), noise=noise)


@DATASETS.register("logic_gate")
def logic_gate(
    rng: np.random.Generator,
    *,
    gate: Literal["and", "or", "xor", "nand", "nor"],
    samples: Samples = 4,
    low: float = 0.0,
    high: float = 1.0,
    noise: NonNegative = 0.0,
    encoding: Encoding = "binary",
) -> Dataset:
    """A gate of two inputs: its four rows again and again; low and high stand for false and true.

    `noise` is the standard deviation added to the inputs.
    """
    row = np.arange(samples) % 4
    first, second = row // 2 == 1, row % 2 == 1
    truth = {
        "and": first & second,
        "or": first | second,
        "xor": first ^ second,
        "nand": ~(first & second),
        "nor": ~(first | second),
    }[gate]
    points = np.where(np.stack([first, second], axis=1), high, low)  # (B, 2)
    label = truth.astype(np.int64)
    return _classified(_noisy(rng, points, noise), label, encoding=encoding)


@DATASETS.register("blobs")
def blobs(
    rng: np.random.Generator,
    *,
    samples: Samples = 200,
    classes: Classes = 2,
    radius: NonNegative = 3.0,
    std: NonNegative = 1.0,
    encoding: Encoding = "binary",
) -> Dataset:
    """Normal clouds in the plane, their centres evenly spaced on a circle."""
    label = np.arange(samples) % classes
    points = _polar(np.full(samples, float(radius)), 2 * math.pi * label / classes)
    return _classified(_noisy(rng, points, std), label, classes=classes, encoding=encoding)


@DATASETS.register("circles")
def circles(
    rng: np.random.Generator,
    *,
    samples: Samples = 200,
    factor: Share = 0.5,
    noise: NonNegative = 0.0,
    encoding: Encoding = "binary",
) -> Dataset:
    """Two circles around one centre, radius 1 (class 0) and `factor` (class 1).

    `noise` is the standard deviation added to the inputs.
    """
    label = np.arange(samples) % 2
    turn = (np.arange(samples) // 2) / max(1, (samples + 1) // 2)
    points = _polar(np.where(label == 0, 1.0, factor), 2 * math.pi * turn)
    return _classified(_noisy(rng, points, noise), label, encoding=encoding)


@DATASETS.register("moons")
def moons(
    rng: np.random.Generator,
    *,
    samples: Samples = 200,
    noise: NonNegative = 0.0,
    encoding: Encoding = "binary",
) -> Dataset:
    """Two half circles of radius 1 that reach into each other.

    `noise` is the standard deviation added to the inputs. The lower one (class 1) is the upper one
    (class 0) turned around and moved by (1, 0.5), as in scikit-learn's `make_moons`.
    """
    label = np.arange(samples) % 2
    along = (np.arange(samples) // 2) / max(1, (samples + 1) // 2 - 1)
    upper = _polar(np.ones(samples), math.pi * along)
    points = np.where(label[:, None] == 0, upper, np.array([1.0, 0.5]) - upper)
    return _classified(_noisy(rng, points, noise), label, encoding=encoding)


@DATASETS.register("spirals")
def spirals(
    rng: np.random.Generator,
    *,
    samples: Samples = 200,
    classes: Classes = 2,
    turns: Positive = 1.0,
    noise: NonNegative = 0.0,
    encoding: Encoding = "binary",
) -> Dataset:
    """Arms that wind outward to radius 1, one per class.

    `noise` is the standard deviation added to the inputs.
    """
    label = np.arange(samples) % classes
    along = (np.arange(samples) // classes + 1) / (-(-samples // classes))  # (0, 1]
    points = _polar(along, 2 * math.pi * (turns * along + label / classes))
    return _classified(_noisy(rng, points, noise), label, classes=classes, encoding=encoding)


def _placed(
    rng: np.random.Generator, *, samples: int, low: float, high: float, inputs: Placement
) -> FloatArray:
    """Inputs between low and high, shape (B,); normal ones have 95 % of their mass there."""
    if not low < high:
        raise DataError(
            Problem("low must be below high", got=f"low {low!r}, high {high!r}", hint="swap them")
        )
    if inputs == "grid":
        return np.linspace(low, high, samples)
    if inputs == "uniform":
        return rng.uniform(low, high, samples)
    return rng.normal((low + high) / 2, (high - low) / 4, samples)


def _curve(rng: np.random.Generator, x: FloatArray, y: FloatArray, *, noise: float) -> Dataset:
    return Dataset(x[:, None], _noisy(rng, y[:, None], noise), ("x",), ("y",))


def _noisy(rng: np.random.Generator, values: FloatArray, deviation: float) -> FloatArray:
    return values + rng.normal(0.0, deviation, values.shape) if deviation > 0 else values


def _polar(radius: FloatArray, angle: FloatArray) -> FloatArray:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)  # (B, 2)


def _classified(
    points: FloatArray, label: NDArray[np.int64], *, classes: int = 2, encoding: Encoding
) -> Dataset:
    """Targets from classes: a 0/1 column, a −1/+1 column, or one column per class.

    Raises:
        DataError: One column for more than two classes.
    """
    if encoding != "one_hot" and classes > 2:
        raise DataError(
            Problem(
                f"encoding {encoding!r} has one column, which tells two classes apart",
                got=f"{classes} classes",
                hint="encoding: one_hot",
            )
        )
    targets = np.eye(classes)[label] if encoding == "one_hot" else label[:, None].astype(float)
    if encoding == "signed":
        targets = 2 * targets - 1
    names = tuple(f"class{k}" for k in range(classes)) if encoding == "one_hot" else ("y",)
    return Dataset(points, targets, ("x0", "x1"), names, label)

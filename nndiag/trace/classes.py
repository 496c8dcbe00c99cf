"""Targets that are classes: which one each example has, and which one is predicted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.trace.trace import Trace

IntArray = NDArray[np.int64]

_PLANE = 60  # points along each side of the plane of two inputs
_MARGIN = 0.05  # of an input's range, beyond its examples
_USUAL = ((0.0, 1.0), (-1.0, 1.0))


@dataclass(frozen=True, eq=False)
class Classes:
    """The classes of some examples.

    Attributes:
        labels: Class of each example, shape (B,).
        count: Number of classes K.
        middle: For targets in one column: what is above it is class 1; else None.
    """

    labels: IntArray
    count: int
    middle: float | None

    def of(self, values: FloatArray) -> IntArray:
        """The classes that predictions or targets (B, O) mean, shape (B,)."""
        if self.middle is None:
            return np.asarray(np.argmax(values, axis=1))
        return (values[:, 0] > self.middle).astype(np.int64)

    def ahead(self, values: FloatArray, one: int) -> FloatArray:
        """How far predictions (B, O) are ahead for one class, below 0 for another, shape (B,)."""
        if self.middle is not None:
            return (values[:, 0] - self.middle) * (1 if one else -1)
        others = np.delete(values, one, axis=1)
        return np.asarray(values[:, one] - others.max(axis=1))

    @property
    def shares(self) -> FloatArray:
        """Share of the examples that each class has, shape (K,)."""
        return np.bincount(self.labels, minlength=self.count) / len(self.labels)


def classes_of(targets: FloatArray | None, *, loss: str | None = None) -> Classes | None:
    """The classes of targets (B, O); None where they are none.

    One column of two values is two classes, parted halfway, where they are 0 and 1, −1 and 1, or
    the loss is a cross-entropy; several columns with a single one in each row are a class each.
    """
    if targets is None or not targets.size or not np.isfinite(targets).all():
        return None
    values = np.unique(targets)
    if len(values) != 2:
        return None
    if targets.shape[1] == 1:
        if (values[0], values[1]) not in _USUAL and not (loss or "").endswith("cross_entropy"):
            return None
        middle = float(values.mean())
        return Classes((targets[:, 0] > middle).astype(np.int64), 2, middle)
    if values.tolist() != [0, 1] or np.any(targets.sum(axis=1) != 1):
        return None
    return Classes(np.asarray(np.argmax(targets, axis=1)), targets.shape[1], None)


def confusion_of(trace: Trace) -> IntArray | None:
    """How many examples of each class are put into each at the end, shape (K, K); rows are right.

    None where the targets are no classes, or no predictions are known.
    """
    found = classes_of(trace.facts.targets, loss=trace.facts.loss)
    predictions = trace.ending.predictions if trace.ending is not None else None
    if found is None or predictions is None or trace.facts.targets is None:
        return None
    if predictions.shape != trace.facts.targets.shape or not np.isfinite(predictions).all():
        return None
    places = found.count * found.labels + found.of(predictions)
    return np.bincount(places, minlength=found.count**2).reshape(found.count, found.count)


def class_numbers(trace: Trace) -> dict[str, float]:
    """Accuracy, that of a constant, and that on the validation examples; empty without classes."""
    counts = confusion_of(trace)
    found = classes_of(trace.facts.targets, loss=trace.facts.loss)
    if counts is None or found is None:
        return {}
    numbers = {
        "accuracy": float(np.trace(counts) / counts.sum()),
        "baseline_accuracy": float(found.shares.max()),
    }
    targets, ending = trace.facts.validation_targets, trace.ending
    predictions = ending.validation_predictions if ending is not None else None
    if targets is not None and predictions is not None and predictions.shape == targets.shape:
        right = found.of(predictions) == found.of(targets)
        numbers["validation_accuracy"] = float(np.mean(right))
    return numbers


def plane_of(inputs: FloatArray) -> FloatArray:
    """Points of a grid over two inputs (B, 2), row by row from below, shape (G², 2)."""
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    margin = _MARGIN * np.where(high > low, high - low, 1.0)
    sides = np.linspace(low - margin, high + margin, _PLANE)  # (G, 2)
    return np.stack([np.tile(sides[:, 0], _PLANE), np.repeat(sides[:, 1], _PLANE)], axis=1)

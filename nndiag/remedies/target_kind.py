"""What the targets ask for: values, or classes in one of several encodings."""

from enum import StrEnum

import numpy as np

from nndiag.remedies.contract import Case


class TargetKind(StrEnum):
    """What the targets are."""

    VALUES = "values"
    """Numbers: a regression."""
    BINARY = "binary"
    """One column of 0 and 1."""
    SIGNED = "signed"
    """One column of −1 and 1."""
    ONE_HOT = "one_hot"
    """One column per class, one 1 in each row."""
    LABELS = "labels"
    """Several columns of 0 and 1, any number of 1s in a row."""
    CLASSES = "classes"
    """One column of class numbers 0, 1, 2, …, under a loss or output for classes."""


_OF_CLASSES = ("softmax_cross_entropy", "binary_cross_entropy")


def task_of(case: Case) -> TargetKind:
    """What the raw targets ask for.

    A column of whole numbers counts as classes only where the loss or the output layer is one for
    classes: otherwise they may as well be counts.
    """
    targets = case.raw_targets
    values = np.unique(targets)
    one = targets.shape[1] == 1
    if np.array_equal(values, [0, 1]):
        if one:
            return TargetKind.BINARY
        return TargetKind.ONE_HOT if (targets.sum(axis=1) == 1).all() else TargetKind.LABELS
    if one and np.array_equal(values, [-1, 1]):
        return TargetKind.SIGNED
    whole = one and len(values) > 2 and np.array_equal(values, np.arange(len(values)))
    for_classes = case.settings["loss"]["name"] in _OF_CLASSES or case.activations[-1] == "softmax"
    return TargetKind.CLASSES if whole and for_classes else TargetKind.VALUES

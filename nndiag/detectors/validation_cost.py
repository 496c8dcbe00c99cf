"""What a validation loss that is too high costs: accuracy of classes, R² of numbers.

A loss can rise without a cost: a cross-entropy grows with the confidence in a few wrong examples,
while as many are right as before. What counts is what the run would have got where it was best,
and what its training examples promise.
"""

from dataclasses import dataclass

import numpy as np

from nndiag.detectors.held_out import calm, calm_losses, validation_baseline
from nndiag.formatting import percent
from nndiag.trace import Trace
from nndiag.trace.classes import classes_of

MATERIAL = 0.05
"""Share of what a constant gets wrong that is worth a word: as near as a fix has to come."""

_CERTAIN = 2.0  # standard errors; chance in one of 40 validation splits


@dataclass(frozen=True)
class ValidationCost:
    """A run on its validation examples, on a scale where 1 is faultless and 0 a constant.

    Attributes:
        measure: "accuracy" or "R²".
        best: Accuracy or R² of the validation examples where their loss was smallest.
        end: The same at the end.
        training: That of the training examples at the end.
        unit: By how much a faultless model beats a constant, in the measure.
        count: Number of validation examples, of classes; None where that is not known.
    """

    measure: str
    best: float
    end: float
    training: float
    unit: float = 1.0
    count: int | None = None

    @property
    def of_time(self) -> bool:
        """Whether stopping at the best point would have been better by more than chance.

        The same n examples are compared: of those that only one point has right, k more than of
        the others is certain from two standard errors on, 2√k.
        """
        lost = self.best - self.end
        chance = _CERTAIN * float(np.sqrt(max(lost, 0.0) / self.count)) if self.count else 0.0
        return lost > max(MATERIAL * self.unit, chance)

    @property
    def of_others(self) -> bool:
        """Whether other examples get less than the training examples by more than chance.

        The standard error of a share of n examples, with two right and two wrong ones added.
        """
        chance = 0.0
        if self.count:
            share = (self.end * self.count + 2) / (self.count + 4)
            chance = _CERTAIN * float(np.sqrt(share * (1 - share) / (self.count + 4)))
        return self.training - self.end > max(MATERIAL * self.unit, chance)

    def __str__(self) -> str:
        values = (self.best, self.end, self.training)
        if self.measure == "accuracy":
            best, end, training = (percent(value) for value in values)
        else:
            best, end, training = (f"{value:.2f}" for value in values)
        return (
            f"{self.measure} of the validation examples {best} at its best and {end} at the end, "
            f"of the training examples {training}"
        )


def validation_cost(trace: Trace) -> ValidationCost | None:
    """What the validation examples lose; None where neither accuracy nor a constant is known."""
    both = calm_losses(trace)
    if both is None:
        return None
    best = int(np.argmin(both[0]))
    return _of_classes(trace, best) or _of_numbers(trace, best)


def _of_classes(trace: Trace, best: int) -> ValidationCost | None:
    """By the accuracies that were recorded beside the losses."""
    outside, inside = (trace.series.get(x) for x in ("validation_accuracy", "accuracy"))
    losses = trace.series["validation_loss"]
    if outside is None or inside is None or not len(inside.values):
        return None
    if not np.array_equal(outside.steps, losses.steps):
        return None
    shares, targets = calm(outside.values), trace.facts.validation_targets
    classes = classes_of(trace.facts.targets, loss=trace.facts.loss)
    unit = 1.0 if classes is None else 1 - float(classes.shares.max())
    count = None if targets is None else len(targets)
    ends = float(shares[best]), float(shares[-1]), float(inside.values[-1])
    return ValidationCost("accuracy", *ends, unit=unit, count=count)


def _of_numbers(trace: Trace, best: int) -> ValidationCost | None:
    """By the losses, beside those of the mean of the training targets."""
    both, constant = calm_losses(trace), validation_baseline(trace)
    if both is None or not constant or not trace.facts.baseline_loss:
        return None
    outside, inside = both
    explained = 1 - outside[best] / constant, 1 - outside[-1] / constant
    training = 1 - inside[-1] / trace.facts.baseline_loss
    return ValidationCost("R²", float(explained[0]), float(explained[1]), float(training))

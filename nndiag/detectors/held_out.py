"""What the validation examples say of a run: how much of them is explained, and where they lie.

Examples drawn at random lie among the training examples. Those that were kept out by a condition,
or as the last ones, may lie where no training example is, or follow another level, as where targets
drift with time: what the run does there tells nothing of noise or of examples known by heart.
"""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.trace import Trace
from nndiag.trace.classes import classes_of

_FEWEST = 12  # records of both losses
_FALLS = 0.05  # share of a loss by which it falls from one quarter of its records to the next
_MOST = 800  # training examples that distances are measured to
_NEAR = 0.95  # quantile of the distances between neighbours in the training examples
_FAR = 2.0  # … beyond which by this factor an example lies apart from all of them
_MANY = 0.5  # share of the validation examples that lie apart
_CHANCE = 4.0  # standard errors of a mean


def validation_r_squared(trace: Trace) -> float | None:
    """1 − validation loss / that of the training examples' mean, at the end; None where unknown."""
    losses = trace.series.get("validation_loss")
    baseline = trace.facts.validation_baseline_loss
    if losses is None or not len(losses.values) or not baseline:
        return None
    last = float(losses.values[-1])
    return 1 - last / baseline if np.isfinite(last) else None


def best_validation_r_squared(trace: Trace) -> float | None:
    """The same at the run's best; None where unknown."""
    outside = trace.series.get("validation_loss")
    if outside is None or not len(outside.values) or not np.isfinite(outside.values).all():
        return None
    baseline = validation_baseline(trace)
    return 1 - float(outside.values.min()) / baseline if baseline else None


def validation_baseline(trace: Trace) -> float | None:
    """Loss of the training examples' mean on the validation examples; None where unknown.

    Where it was not recorded it is taken to be the training examples' times the ratio of both
    losses before the first step, when nothing was fitted yet.
    """
    outside, inside = trace.series.get("validation_loss"), trace.series.get("training_loss")
    known = trace.facts.validation_baseline_loss
    if known is not None or outside is None or inside is None or not trace.facts.baseline_loss:
        return known
    return trace.facts.baseline_loss * float(outside.values[0] / inside.values[0])


def validation_correlation(trace: Trace) -> float:
    """By how many standard errors the predictions of validation examples follow their targets.

    The largest of the outputs; 0 where that is not known. Without any relation a correlation over
    n examples has a standard error of 1/√n.
    """
    targets = trace.facts.validation_targets
    predictions = trace.ending.validation_predictions if trace.ending is not None else None
    if targets is None or predictions is None or targets.shape != predictions.shape:
        return 0.0
    centred = [x - x.mean(axis=0) for x in (targets, predictions)]
    sizes = np.sqrt((centred[0] ** 2).sum(axis=0) * (centred[1] ** 2).sum(axis=0))
    with np.errstate(all="ignore"):
        errors = (centred[0] * centred[1]).sum(axis=0) / sizes * np.sqrt(len(targets))
    return float(np.max(np.where(sizes > 0, errors, 0.0), initial=0.0))


@dataclass(frozen=True)
class Turn:
    """A validation loss that rises while the training loss falls.

    Attributes:
        rise: By which share it ended above its best.
        learned: By which share the training loss fell meanwhile.
        steps: That of its best, and the last one.
    """

    rise: float
    learned: float
    steps: tuple[int, int]


def turn_of(trace: Trace, *, rise: float = 0.3, floor: float = 0.02) -> Turn | None:
    """Where the validation loss turned; None where it did not, or nothing tells.

    Args:
        trace: The run.
        rise: How far it ends above its best at least; as for `overfitting`.
        floor: Share of its first value below which nothing is wrong.
    """
    both = calm_losses(trace)
    stopped = trace.ending is not None and trace.ending.reason == "stopped early"
    if both is None or stopped:  # a run that was stopped there kept its best
        return None
    outside, inside = both
    best = int(np.argmin(outside))
    grown = float(outside[-1] / outside[best] - 1) if outside[best] > 0 else 0.0
    learned = float(1 - inside[-1] / inside[best]) if inside[best] > 0 else 0.0
    untouched = outside[-1] <= floor * outside[0]
    wavers = outside[-1] - outside[best] <= _waver(outside)
    if grown <= rise or learned <= rise or untouched or wavers:
        return None
    steps = trace.series["validation_loss"].steps
    return Turn(grown, learned, (int(steps[best]), int(steps[-1])))


def falls_outside(trace: Trace) -> bool:
    """Whether the validation loss is still falling at the end, from quarter to quarter.

    One epoch that was no better than the best says little where each is better or worse by chance.
    """
    both = calm_losses(trace)
    if both is None:
        return False
    quarter = max(len(both[0]) // 4, 1)
    last, before = both[0][-quarter:], both[0][-2 * quarter : -quarter]
    return bool(last.mean() < (1 - _FALLS) * before.mean() and last.mean() < before.min())


def calm_losses(trace: Trace) -> tuple[FloatArray, FloatArray] | None:
    """Validation and training loss, medians of three neighbours; None where there are too few."""
    held_out, training = (trace.series.get(f"{x}_loss") for x in ("validation", "training"))
    if held_out is None or training is None or len(held_out.steps) < _FEWEST:
        return None
    if not np.array_equal(held_out.steps, training.steps):
        return None
    if not (np.isfinite(held_out.values).all() and np.isfinite(training.values).all()):
        return None
    return calm(held_out.values), calm(training.values)


def calm(values: FloatArray) -> FloatArray:
    """Medians of three neighbours; the ends keep two."""
    padded = np.concatenate([values[:1], values, values[-1:]])
    return np.asarray(np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0))


def _waver(values: FloatArray) -> float:
    """By how much neighbouring records differ, typically, over the second half of them."""
    tail = values[len(values) // 2 :]
    return 3 * float(np.median(np.abs(np.diff(tail, n=2))))


def offset_of(trace: Trace) -> FloatArray | None:
    """By how much validation targets lie above what is predicted of them, in the mean, shape (O,).

    None where that is less than half of the squared error, or may be chance: examples drawn at
    random are on either side of what is predicted, however badly that is. Nor for classes.
    """
    targets = trace.facts.validation_targets
    predictions = trace.ending.validation_predictions if trace.ending is not None else None
    if targets is None or predictions is None or targets.shape != predictions.shape:
        return None
    if classes_of(trace.facts.targets, loss=trace.facts.loss) is not None:
        return None
    errors = targets - predictions  # (V, O)
    offset, spread = errors.mean(axis=0), errors.var(axis=0).sum()
    shifted = float((offset**2).sum())
    chance = _CHANCE**2 * float(spread) / len(errors)
    return offset if shifted > max(float(spread), chance) else None


def are_others(trace: Trace) -> bool:
    """Whether the validation examples are of another kind than what the run was shown."""
    return lie_apart(trace) or offset_of(trace) is not None


def lie_apart(trace: Trace) -> bool:
    """Whether most validation examples lie where no training example is."""
    apart = apart_of(trace)
    return apart is not None and bool(apart.mean() > _MANY)


_APART: "WeakKeyDictionary[Trace, NDArray[np.bool_] | None]" = WeakKeyDictionary()


def apart_of(trace: Trace) -> NDArray[np.bool_] | None:
    """Which validation examples lie apart from all training examples, shape (V,).

    Their nearest one is more than twice as far as nearly all training examples are from theirs, in
    columns of equal size. None where that is not known.
    """
    if trace not in _APART:
        _APART[trace] = _apart(trace.facts.inputs, trace.facts.validation_inputs)
    return _APART[trace]


def _apart(inputs: FloatArray | None, others: FloatArray | None) -> NDArray[np.bool_] | None:
    if inputs is None or others is None or inputs.shape[1:] != others.shape[1:]:
        return None
    if len(inputs) < 3 or not (np.isfinite(inputs).all() and np.isfinite(others).all()):
        return None
    kept = inputs[np.linspace(0, len(inputs) - 1, min(len(inputs), _MOST)).astype(int)]
    deviation = kept.std(axis=0)
    size = np.where(deviation > 0, deviation, 1.0)
    among = np.sqrt(_squared_distances(kept / size, kept / size, own=True).min(axis=1))
    usual = float(np.quantile(among, _NEAR))
    nearest = np.sqrt(_squared_distances(others / size, kept / size).min(axis=1))
    return np.asarray(nearest > _FAR * usual) if usual > 0 else None


def _squared_distances(first: FloatArray, second: FloatArray, *, own: bool = False) -> FloatArray:
    """Squared distances (N, M); infinite from a row to itself where both are the same."""
    lengths = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)
    distances = np.maximum(lengths - 2 * first @ second.T, 0.0)
    if own:
        np.fill_diagonal(distances, np.inf)
    return np.asarray(distances)

"""How much of the targets' variance any model could explain, estimated from the data alone.

Three cheap bounds, the largest of which is used:

- the best linear model (its adjusted coefficient of determination);
- the same of the columns with their squares, products and cubes, where there are four rows or more
  for each: with many columns no two rows are near, and a curve or a product of two is seen only so;
- the nearest neighbour: two examples with nearly equal inputs differ in their targets by the noise,
  so half the mean squared difference between neighbours estimates the noise variance from above.
  Where every input is a switch of two values, no two different examples are near: a rule such as
  parity turns with each of them. Then only examples with equal inputs tell of noise.

A share near zero says that the targets are noise to these inputs, or that there are too few
examples to tell. An imperfect heuristic: a function that varies faster than the examples are apart
looks like noise. It errs towards "nothing more to learn", and so towards silence.

Source: the nearest-neighbour estimate is the delta test (Pi and Peterson 1994).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.trace import Facts, Trace

_TWO = 2  # values of a switch, or of a class
_MOST_EXAMPLES = 800  # neighbours are searched among so many: 800² distances take 10 ms
FEWEST_EXAMPLES = 20
"""Below, neighbours are too far apart; a network can fit them all."""


ROUNDING = 1e-24
"""Best constant's loss over the first one below which targets differ by rounding only."""

_ROWS = 4  # for each column of a model: then its own noise adds 0.1 at most
_GOOD_R_SQUARED = 0.9
_LEAST_LEFT = 0.2  # below, the estimate of the noise is too rough to divide by
_AT_LIMIT = 0.15  # so close to what the data allow counts as all of it
_WORSE = 0.02  # share of the variance by which predictions are worse than the mean


@dataclass(frozen=True)
class Learned:
    """How much a run learned of what there was to learn.

    Attributes:
        r_squared: 1 − loss / loss of the mean baseline; None without either.
        attainable: Share of the targets' variance that a model could explain, by the data.
        shortfall: How much of it the run does not explain; None where that is not known.
        tolerance: A shortfall that may be the estimate's own error.
        roughness: The error of the estimate by the number of examples alone.
        done: Whether next to nothing is left of the loss, whatever the R².
    """

    r_squared: float | None
    attainable: float = 1.0
    shortfall: float | None = None
    tolerance: float = _AT_LIMIT
    done: bool = False
    roughness: float = 1.0

    @property
    def good(self) -> bool:
        """Whether the R² is high, or no more could be learned from these data."""
        if self.done or self.r_squared is None:
            return self.done
        worse_than_none = max(self.attainable, 0.0) + _WORSE
        at_limit = self.shortfall is not None and self.shortfall <= min(
            self.tolerance, worse_than_none
        )
        return self.r_squared >= _GOOD_R_SQUARED or at_limit

    @property
    def share(self) -> float | None:
        """Share of what the data allow that is learned; None where that is not known."""
        if self.shortfall is None:
            return None
        return (self.attainable - self.shortfall) / max(self.attainable, 1e-300)

    @property
    def left(self) -> float:
        """Share of what the predictions do not explain that a model could explain; at least 0.2.

        The rest is noise: a noisy run's loss falls little even while it learns much.
        """
        if self.shortfall is None:
            return 1.0
        unexplained = self.shortfall + 1 - self.attainable
        return max(self.shortfall / unexplained, _LEAST_LEFT) if unexplained > 0 else 1.0


def learned(trace: Trace, *, loss: float, last: float, first: float) -> Learned:
    """How much a run learned.

    Args:
        trace: The run.
        loss: Loss over all training examples at which it ended.
        last: The very last one, which belongs to the predictions.
        first: That before the first step.
    """
    facts, baseline = trace.facts, trace.facts.baseline_loss
    explained = explained_share(trace)
    if explained is not None and last > 0 and np.isfinite(loss):
        explained = 1 - (1 - explained) * loss / last
    if baseline is None or baseline <= ROUNDING * abs(first) or not np.isfinite(loss):
        return Learned(None, shortfall=None if explained is None else max(1 - explained, 0.0))
    r_squared = 1 - loss / baseline
    attainable = 1.0 if r_squared >= _GOOD_R_SQUARED else attainable_share(facts)
    examples = 0 if facts.inputs is None else min(len(facts.inputs), _MOST_EXAMPLES)
    # A variance estimated from n values is off by √(2/n); twice that in one of 20 cases.
    error = 2 * (1 - attainable) * float(np.sqrt(2 / examples)) if examples else 0.0
    shortfall = max(attainable - (r_squared if explained is None else explained), 0.0)
    tolerance = max(_AT_LIMIT, error)
    return Learned(r_squared, attainable, shortfall, tolerance, roughness=error)


def explained_share(trace: Trace) -> float | None:
    """Share of the targets' variance that the final predictions explain; None where unknown.

    Unlike the R² it does not depend on the loss: 1 − Σ(p − y)² / Σ(y − ȳ)².
    """
    targets = trace.facts.targets
    predictions = trace.ending.predictions if trace.ending is not None else None
    if targets is None or predictions is None or targets.shape != predictions.shape:
        return None
    spread = float(((targets - targets.mean(axis=0)) ** 2).sum())
    share = 1 - float(((predictions - targets) ** 2).sum()) / spread if spread > 0 else np.nan
    return share if np.isfinite(share) else None


def attainable_share(facts: Facts) -> float:
    """Share of the targets' variance that can be explained, between 0 and 1; 1 where unknown."""
    inputs, targets = facts.inputs, facts.targets
    if inputs is None or targets is None or len(inputs) != len(targets):
        return 1.0
    if len(inputs) > _MOST_EXAMPLES:
        kept = np.linspace(0, len(inputs) - 1, _MOST_EXAMPLES).astype(int)
        inputs, targets = inputs[kept], targets[kept]
    if not (np.isfinite(inputs).all() and np.isfinite(targets).all()):
        return 1.0
    deviations = targets - targets.mean(axis=0)
    variance = float((deviations**2).sum())
    if variance == 0:
        return 1.0
    if len(inputs) < FEWEST_EXAMPLES:
        return _line_s_share(inputs, deviations) if _only_lines(facts) else 1.0
    scaled = _standardized(inputs)
    shares = [_neighbour_share(scaled, deviations), _linear_share(scaled, deviations)]
    curved = _curved(scaled)
    if curved is not None:
        shares.append(_linear_share(curved, deviations))
    best = max(shares)
    return min(max(best, 0.0), 1.0)


def _only_lines(facts: Facts) -> bool:
    """Whether a model without a hidden curve is fitted to values of many sizes."""
    hidden = facts.layers[:-1]
    linear = bool(facts.layers) and all(x.activation == "linear" for x in hidden)
    assert facts.inputs is not None
    assert facts.targets is not None
    several = min(len(np.unique(facts.targets)), len(np.unique(facts.inputs))) > _TWO
    return linear and several


def _line_s_share(inputs: FloatArray, deviations: FloatArray) -> float:
    """What the best line explains of few examples, or, for certain, a curve."""
    centred = inputs - inputs.mean(axis=0)
    fit = np.linalg.lstsq(centred, deviations, rcond=None)[0]
    rest = float(((deviations - centred @ fit) ** 2).sum()) / float((deviations**2).sum())
    return max(1 - rest, curved_share(inputs, deviations))


def curved_share(inputs: FloatArray, deviations: FloatArray) -> float:
    """What squares and cubes of the inputs explain for certain; 0 with too few rows.

    Among few examples no neighbours tell noise from a curve. The share is adjusted for the number
    of columns, and twice its standard error is taken off: a variance estimated from n values is off
    by √(2/n).
    """
    scaled = _standardized(inputs)
    design = np.hstack([scaled, scaled**2, scaled**3])
    share = _linear_share(design - design.mean(axis=0), deviations)
    return max(share - 2 * (1 - share) * float(np.sqrt(2 / len(inputs))), 0.0)


def _curved(scaled: FloatArray) -> FloatArray | None:
    """Columns, squares, products and cubes, centred, shape (B, F); None where they are too many."""
    first, second = np.triu_indices(scaled.shape[1])
    if (2 * scaled.shape[1] + len(first)) * _ROWS > len(scaled):
        return None
    design = np.hstack([scaled, scaled[:, first] * scaled[:, second], scaled**3])
    return np.asarray(design - design.mean(axis=0))


def _standardized(inputs: FloatArray) -> FloatArray:
    """Columns with mean 0 and deviation 1; constant columns 0, shape (B, D)."""
    centred = inputs - inputs.mean(axis=0)
    deviation = centred.std(axis=0)
    return np.asarray(centred / np.where(deviation > 0, deviation, 1.0))


def _neighbour_share(inputs: FloatArray, deviations: FloatArray) -> float:
    """1 − noise variance / variance, the noise from nearest neighbours.

    Where inputs are equal, their targets' own variance is the noise: with several nearest
    neighbours at distance zero, picking one of them would take its chance for that of all.
    """
    groups = equal_rows(inputs)  # (B,)
    counts = np.bincount(groups)
    sums = np.stack([np.bincount(groups, column) for column in deviations.T], axis=1)  # (G, O)
    within = ((deviations - (sums / counts[:, None])[groups]) ** 2).sum(axis=1)  # (B,)
    repeated = counts[groups] > 1
    noise = (within * counts[groups] / np.maximum(counts[groups] - 1, 1))[repeated].sum()
    single = np.flatnonzero(~repeated)
    if len(single) and not only_switches(inputs):
        lengths = (inputs**2).sum(axis=1)
        distances = lengths[single][:, None] + lengths - 2 * inputs[single] @ inputs.T  # (S, B)
        distances[np.arange(len(single)), single] = np.inf
        nearest = distances.argmin(axis=1)
        noise += 0.5 * ((deviations[single] - deviations[nearest]) ** 2).sum()
    return float(1 - noise / (deviations**2).sum())


def only_switches(inputs: FloatArray) -> bool:
    """Whether every column of the inputs (B, D) has at most two values."""
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    return bool(((inputs == low) | (inputs == high)).all())


def equal_rows(inputs: FloatArray) -> NDArray[np.intp]:
    """A number for each row, the same for equal rows, shape (B,).

    They are found by a fixed generic weighting of the columns, which is far cheaper than comparing
    rows.
    """
    generic = np.sin(np.arange(1.0, inputs.shape[1] + 1))
    return np.unique((inputs * generic).sum(axis=1), return_inverse=True)[1]


def _linear_share(inputs: FloatArray, deviations: FloatArray) -> float:
    """Adjusted coefficient of determination of the best linear model."""
    examples, columns = inputs.shape
    if examples <= columns + 1:
        return 0.0
    fit = np.linalg.lstsq(inputs, deviations, rcond=None)[0]
    rest = float(((deviations - inputs @ fit) ** 2).sum()) / float((deviations**2).sum())
    return float(1 - rest * (examples - 1) / (examples - columns - 1))

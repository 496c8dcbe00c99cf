"""The targets are noise to these inputs.

What it sees
    Data in which no simple model, fitted on a part, predicts the rest better than the mean does.

Why it matters
    There is no fault in the network: no training can find what the inputs do not hold. A loss that
    falls nevertheless means that examples are learned by heart.

Fires when
    The run did not fit the data, there are at least `examples` of them, and two things hold of all
    models that are tried: nearest neighbours, linear and quadratic least squares, and kernels of
    three widths, from the whole cloud to neighbours only, each with every example left out of its
    own prediction. The largest share of the targets' variance that one of them explains is below
    `share`; and the same models explain as much of the same targets in one at least of 99 random
    orders, which hold nothing by construction: a test at the level of 1 %. So does the largest
    correlation of a target with a single column, which sees a weak line among many columns. And
    they explain more in one at least: targets that turn between neighbours, as on a chessboard, are
    harder for them than any order by chance.

Silent when
    Some estimate finds a signal; there are too few examples to tell; all inputs are switches of two
    values, where a rule such as parity cannot be told from noise; the run learned the data: it
    explains some of the validation examples, or its predictions follow their targets by more than
    chance; or, where there are none, it explains more than half of its own, or
    clearly more than as many parameters can learn by heart.

Thresholds
    share = 0.02, examples = 40: ours, measured on noise and on a sine under noise in 1 to 5
    columns. Noise is told in 7 of 10 cases at 40 examples, 8 of 10 at 80, 28 of 30 at 150; a signal
    of 20 % is taken for noise in 1 of 8 cases at 80 examples, 1 of 15 at 150, none of 90 at 300.

Fixes
    Other inputs; a look at whether rows of inputs and targets belong together.

Source
    Leave-one-out by the hat matrix: Allen 1974, PRESS. The comparison with shuffled targets is a
    permutation test: Fisher 1935, The design of experiments, sec. 21. Ours otherwise. What it
    cannot see: signals that are neither smooth at the distance of the examples nor quadratic.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.bounds import Count, Share
from nndiag.detectors.attainable import attainable_share, explained_share, only_switches
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.held_out import (
    best_validation_r_squared,
    lie_apart,
    validation_correlation,
)
from nndiag.detectors.run_summary import course_of
from nndiag.finding import Evidence, Finding, Severity, Skipped
from nndiag.formatting import count, percent
from nndiag.trace import Trace

PROBLEM = "nothing-to-learn"
_MOST = 600  # examples between which distances are looked at
_MOST_NUMBERS = 60_000  # inputs that are looked at by models of columns: a rare class needs many
_MOST_FEATURES = 80  # of the quadratic model
_NEIGHBOURS = 10
_DEPENDENT = 1e-10  # squared size of a direction, over the largest, that is rounding only
_FITTED = 0.5  # explained by the run itself
_BY_HEART = 1.5  # P parameters explain about P/B of B examples of noise; trained units some more
_CHANCE = 0.05
_CERTAIN = 3.0  # standard errors of a correlation; chance in one of 740 outputs
_HELD_OUT = 0.1  # share of validation examples' variance that is explained by chance
_HALF = 0.5
_SHUFFLES, _SIGNIFICANT = 99, 0.01
_WIDTHS = {"by a wide kernel": 1.0, "by a narrow one": 0.3, "by one of neighbours": 0.1}

Predictor = Callable[[FloatArray], FloatArray]
"""Targets (B, M) → what a model predicts of each from the others, (B, M)."""


@dataclass(frozen=True)
class LeftOut:
    """What models explain of examples that they have not seen.

    Attributes:
        shares: Model → share of the targets' variance.
        better: In how many random orders of the targets the best model explains as much or more.
        correlated: In how many the largest correlation with a single column is as large or larger.
        shuffles: Number of such orders.
    """

    shares: dict[str, float]
    better: int
    correlated: int
    shuffles: int


@detector(PROBLEM, stage=Stage.DATA, explained_by=("mismatched-data",), facts=("inputs", "targets"))
def nothing_to_learn(trace: Trace, *, share: Share = 0.02, examples: Count = 40) -> Findings:
    """The targets are noise to these inputs."""
    inputs, targets = trace.facts.inputs, trace.facts.targets
    if inputs is None or targets is None or len(inputs) < max(examples, 2 * _NEIGHBOURS):
        return Skipped(PROBLEM, f"fewer than {examples} examples: too few to tell")
    if _usable(inputs, targets) and only_switches(inputs):
        return Skipped(PROBLEM, "inputs of two values each: a rule such as parity looks like noise")
    if _has_learned(trace, len(inputs)):
        return []
    if len(inputs) != len(targets) or not _usable(inputs, targets):
        return []
    found = shares_left_out(inputs, targets)
    best = max(found.shares.values())
    harder = found.shuffles - found.better  # orders; none where neighbours always differ
    seldom = min(found.better, found.correlated, harder)
    if best >= share or seldom < _SIGNIFICANT * found.shuffles:
        return []
    return [
        Finding(
            PROBLEM,
            Severity.WARNING,
            "the inputs say nothing about the targets: the best of "
            f"{count(len(found.shares), 'model')} explains {percent(max(best, 0.0))} of the "
            "variance of examples that it has not seen, and as much or more of shuffled targets "
            f"in {found.better} of {found.shuffles} orders",
            evidence=(Evidence("targets", observed=best, limit=share, measure="learnable share"),),
        )
    ]


def _has_learned(trace: Trace, examples: int) -> bool:
    """Whether the run, or the data by themselves, show that there is something to learn.

    Where examples are held out from among the others, what the run explains of them counts, and
    nothing else: the others can be known by heart.
    """
    held_out = best_validation_r_squared(trace)
    if held_out is not None and not lie_apart(trace):
        found = held_out > _HELD_OUT or validation_correlation(trace) > _CERTAIN
        return found or attainable_share(trace.facts) > _HALF
    course, explained = course_of(trace), explained_share(trace)
    learned = course.r_squared if explained is None else explained
    return course.attainable > _HALF or (learned is not None and learned > _fitted(trace, examples))


def _fitted(trace: Trace, examples: int) -> float:
    """Share that a run can explain of noise; what explains more has found a signal."""
    parameters = sum(weights.size + len(weights) for weights in trace.facts.initial_weights)
    if not parameters:
        return _FITTED
    return min(_FITTED, _BY_HEART * parameters / examples + _CHANCE)


def _usable(inputs: FloatArray, targets: FloatArray) -> bool:
    varying = np.ptp(targets, axis=0).max() > 0 and np.ptp(inputs, axis=0).max() > 0
    return bool(varying and np.isfinite(inputs).all() and np.isfinite(targets).all())


def shares_left_out(inputs: FloatArray, targets: FloatArray) -> LeftOut:
    """What each model explains of the targets' variance on examples that it has not seen.

    Args:
        inputs: Shape (B, D); some column varies.
        targets: Shape (B, O).
    """
    deviation = inputs.std(axis=0)
    x = ((inputs - inputs.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0))[:, deviation > 0]
    most = max(_MOST, _MOST_NUMBERS // x.shape[1])
    tests = [(_of_features, _some(len(x), most)), (_of_distances, _some(len(x), _MOST))]
    found: dict[str, FloatArray] = {}
    correlated = _SHUFFLES
    for models, kept in tests:
        y = targets[kept] - targets[kept].mean(axis=0)
        if not (y**2).sum() > 0:
            return LeftOut({"a constant": 1.0}, 0, 0, _SHUFFLES)
        rng = np.random.default_rng(0)
        orders = [np.arange(len(y)), *(rng.permutation(len(y)) for _ in range(_SHUFFLES))]
        shuffled = np.concatenate([y[order] for order in orders], axis=1)  # (B, (1 + S)·O)
        for name, one in models(x[kept]).items():
            found[name] = _explained(shuffled, one(shuffled), y)
        largest = np.abs(x[kept].T @ shuffled).reshape(-1, len(orders), y.shape[1]).max(axis=(0, 2))
        correlated = min(correlated, int((largest[1:] >= largest[0]).sum()))
    best = np.max(list(found.values()), axis=0)  # (1 + S,)
    shares = {name: float(values[0]) for name, values in found.items()}
    return LeftOut(shares, int((best[1:] >= best[0]).sum()), correlated, _SHUFFLES)


def _some(count: int, most: int) -> NDArray[np.intp]:
    """So many rows at most, evenly among all."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.intp)


def _of_features(x: FloatArray) -> dict[str, Predictor]:
    """The models of columns and their products that are not too large for so many examples."""
    models: dict[str, Predictor] = {}
    if x.shape[1] <= len(x) // 4:
        models["by a linear model"] = _least_squares(x)
    quadratic = _with_products(x)
    if quadratic.shape[1] <= min(_MOST_FEATURES, len(x) // 4):
        models["by a quadratic one"] = _least_squares(quadratic)
    return models


def _of_distances(x: FloatArray) -> dict[str, Predictor]:
    """The models that go by which examples are near each other."""
    lengths = (x**2).sum(axis=1)
    distances = np.maximum(lengths[:, None] + lengths - 2 * x @ x.T, 0.0)  # (B, B), squared
    models: dict[str, Predictor] = {"by neighbours": _neighbours(distances)}
    for name, width in _WIDTHS.items():
        models[name] = _kernel(np.exp(-distances / (2 * x.shape[1] * width**2)))
    return models


def _neighbours(distances: FloatArray) -> Predictor:
    """The mean of each example's nearest neighbours."""
    others = distances.copy()
    np.fill_diagonal(others, np.inf)
    nearest = np.argpartition(others, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    return lambda y: np.asarray(y[nearest].mean(axis=1))


def _least_squares(x: FloatArray) -> Predictor:
    """Least squares, each example left out: residual / (1 − leverage)."""
    design = np.column_stack([x, np.ones(len(x))])
    sizes, axes = np.linalg.eigh(design.T @ design)  # far cheaper than of the design itself
    kept = sizes > _DEPENDENT * sizes[-1]
    basis = design @ axes[:, kept] / np.sqrt(sizes[kept])  # (B, rank), orthonormal
    return _left_out(lambda y: np.asarray(basis @ (basis.T @ y)), (basis**2).sum(axis=1))


def _kernel(kernel: FloatArray) -> Predictor:
    """Ridge regression with a kernel (B, B) and a ridge of 1, each example left out."""
    hat = np.linalg.solve(kernel + np.eye(len(kernel)), kernel)  # both are symmetric
    return _left_out(lambda y: np.asarray(hat @ y), np.diag(hat))


def _left_out(fit: Predictor, leverage: FloatArray) -> Predictor:
    share = 1 - np.minimum(leverage, 1 - 1e-6)[:, None]
    return lambda y: np.asarray(y - (y - fit(y)) / share)


def _with_products(x: FloatArray) -> FloatArray:
    """Columns, their squares and their products, as far as there may be."""
    first, second = np.triu_indices(x.shape[1])
    if x.shape[1] + len(first) > _MOST_FEATURES:
        return np.empty((len(x), _MOST_FEATURES + 1))
    return np.concatenate([x, x[:, first] * x[:, second]], axis=1)


def _explained(shuffled: FloatArray, predicted: FloatArray, y: FloatArray) -> FloatArray:
    """Share of the variance that is explained in each order of the targets, (1 + S,)."""
    squares = ((shuffled - predicted) ** 2).sum(axis=0)
    return np.asarray(1 - squares.reshape(-1, y.shape[1]).sum(axis=1) / (y**2).sum())

"""The targets are noise to these inputs.

What it sees
    Data in which no simple model, fitted on a part, predicts the rest better than the mean does.

Why it matters
    There is no fault in the network: no training can find what the inputs do not hold. A loss that
    falls nevertheless means that examples are learned by heart.

Fires when
    The run did not fit the data, there are at least `examples` of them, and each of three estimates
    of the share of the targets' variance that could be explained is below `share`·(1 − 100/B), for
    B examples: nearest neighbours, and linear and quadratic least squares, with each example left
    out of its own prediction.

Silent when
    Some estimate finds a signal; there are too few examples to tell; all inputs are switches of two
    values, where a rule such as parity cannot be told from noise; the run learned the data: it
    explains some of the held-out examples or, where there are none, more than half of its own, or
    clearly more than as many parameters can learn by heart.

Thresholds
    share = 0.02, examples = 40: ours, calibrated on noise and on a sine under noise in 1 to 5
    columns. Noise stays below the limit in 3 of 4 cases at 40 examples, in 19 of 20 from 100 on; a
    signal of 20 % is missed in 1 of 10 cases at 80 examples, hardly ever from 150 on.

Fixes
    Other inputs; a look at whether rows of inputs and targets belong together.

Source
    Leave-one-out by the hat matrix: Allen 1974, PRESS. Ours otherwise. What it cannot see: signals
    that are neither smooth at the distance of the examples nor quadratic.
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.bounds import Count, Share
from nndiag.detectors.attainable import attainable_share, explained_share, only_switches
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.held_out import best_validation_r_squared, lie_apart
from nndiag.detectors.run_summary import course_of
from nndiag.finding import Evidence, Finding, Severity, Skipped
from nndiag.formatting import percent
from nndiag.trace import Trace

PROBLEM = "nothing-to-learn"
_MOST = 600  # examples that are looked at
_MOST_FEATURES = 80  # of the quadratic model
_NEIGHBOURS = 10
_DEPENDENT = 1e-10  # squared size of a direction, over the largest, that is rounding only
_ENOUGH = 100  # examples; with fewer, an estimate above zero is no evidence of noise
_FITTED = 0.5  # explained by the run itself
_BY_HEART = 1.5  # P parameters explain about P/B of B examples of noise; trained units some more
_CHANCE = 0.05
_HELD_OUT = 0.1  # share of held-out examples' variance that is explained by chance
_HALF = 0.5


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
    found = _shares(inputs, targets)
    best, limit = max(found.values()), share * (1 - _ENOUGH / len(inputs))
    if best >= limit:
        return []
    told = ", ".join(f"{name} {percent(max(value, 0))}" for name, value in found.items())
    return [
        Finding(
            PROBLEM,
            Severity.WARNING,
            f"the inputs say nothing about the targets: {told} of the variance of examples that "
            "were left out is explained",
            evidence=(Evidence("targets", observed=best, limit=limit, measure="learnable share"),),
        )
    ]


def _has_learned(trace: Trace, examples: int) -> bool:
    """Whether the run, or the data by themselves, show that there is something to learn.

    Where examples are held out from among the others, what the run explains of them counts, and
    nothing else: the others can be known by heart.
    """
    held_out = best_validation_r_squared(trace)
    if held_out is not None and not lie_apart(trace):
        return held_out > _HELD_OUT or attainable_share(trace.facts) > _HALF
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


def _shares(inputs: FloatArray, targets: FloatArray) -> dict[str, float]:
    """What each model explains of the targets' variance on examples that it has not seen."""
    kept = np.linspace(0, len(inputs) - 1, min(len(inputs), _MOST)).astype(int)
    x, y = inputs[kept], targets[kept] - targets[kept].mean(axis=0)
    deviation = x.std(axis=0)
    x = ((x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0))[:, deviation > 0]
    if not (y**2).sum() > 0:
        return {"a constant": 1.0}
    shares = {"by neighbours": _by_neighbours(x, y)}
    if x.shape[1] <= len(x) // 4:
        shares["by a linear model"] = _by_least_squares(x, y)
    quadratic = _with_products(x)
    if quadratic.shape[1] <= min(_MOST_FEATURES, len(x) // 4):
        shares["by a quadratic one"] = _by_least_squares(quadratic, y)
    return shares


def _by_neighbours(x: FloatArray, y: FloatArray) -> float:
    """Share explained by the mean of each example's nearest neighbours."""
    lengths = (x**2).sum(axis=1)
    distances = lengths[:, None] + lengths - 2 * x @ x.T  # (B, B)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argpartition(distances, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    return _explained(y, y[nearest].mean(axis=1))


def _by_least_squares(x: FloatArray, y: FloatArray) -> float:
    """Share explained by least squares, each example left out: residual / (1 − leverage)."""
    design = np.column_stack([x, np.ones(len(x))])
    sizes, axes = np.linalg.eigh(design.T @ design)  # far cheaper than of the design itself
    kept = sizes > _DEPENDENT * sizes[-1]
    basis = design @ axes[:, kept] / np.sqrt(sizes[kept])  # (B, rank), orthonormal
    leverage = np.minimum((basis**2).sum(axis=1), 1 - 1e-6)
    residuals = (y - basis @ (basis.T @ y)) / (1 - leverage)[:, None]
    return _explained(y, y - residuals)


def _with_products(x: FloatArray) -> FloatArray:
    """Columns, their squares and their products, as far as there may be."""
    first, second = np.triu_indices(x.shape[1])
    if x.shape[1] + len(first) > _MOST_FEATURES:
        return np.empty((len(x), _MOST_FEATURES + 1))
    return np.concatenate([x, x[:, first] * x[:, second]], axis=1)


def _explained(y: FloatArray, predicted: FloatArray) -> float:
    return float(1 - ((y - predicted) ** 2).sum() / (y**2).sum())

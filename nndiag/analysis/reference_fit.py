"""What a network can reach: the same architecture fitted by a strong optimizer.

A run's loss alone does not tell a slow optimizer from a model that cannot do better. Fitted from
the run's own start, from its end and from other starts, the network shows which is the limit.
Squared errors are fitted by Levenberg–Marquardt where there are at least as many residuals as
parameters, everything else by L-BFGS, both from scipy with exact derivatives.

The work is counted from the sizes, not timed, so that a repeated fit gives the same numbers.

Source: Moré 1978 (Levenberg–Marquardt as in MINPACK); Liu and Nocedal 1989 (L-BFGS).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, TypeAlias

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.nn.calls import now, transposed
from nndiag.nn.losses import baseline
from nndiag.nn.network import (
    Architecture,
    Examples,
    forward,
    gradient_seconds,
    loss_and_gradient,
    workspace,
)

Fit: TypeAlias = Callable[[FloatArray], tuple[FloatArray, int]]
Told: TypeAlias = Callable[[int, int], None]
"""From a start (P,) to where a method ends, and the evaluations it made."""

_ELEMENT, _MULTIPLY, _CALL = (
    1e-8,
    0.12e-9,
    6e-6,
)  # seconds of a tanh and its passes; see `curvature`
_FACTORISE = 1e-9  # seconds per multiplication of MINPACK's unblocked QR factorisation
_VECTORS = 60  # that L-BFGS keeps, each gone through twice in every step
_FEWEST, _MOST = 30, 2_000  # evaluations of one fit
_PER_RUN = 3.0  # a fit may cost so many times the run that it explains
_LEAST = 0.05  # seconds that nobody notices
_TELLING = 50  # steps; a run of fewer has only begun: nothing that a fit reaches explains it
_JACOBIAN_NUMBERS = 4_000_000  # 32 MB
_PERFECT = 1e-10  # loss over the mean baseline's: no further start is needed
_SAME = 0.1  # losses that differ by this share are called equal
_EXPLAINED = 0.15  # error of the estimated share that the data allow, as the diagnosis assumes
_NOISY = 0.9  # data that allow less than this share are said to have noise


class Limit(StrEnum):
    """What keeps a run from a smaller loss."""

    NONE = "none"
    """Nothing: the loss is as good as zero."""
    OPTIMIZER = "optimizer"
    """From its own start or end, the same network reaches much less."""
    START = "start"
    """Only from other starts the same network reaches much less."""
    MODEL = "model"
    """The same network reaches no less, the data allow more."""
    DATA = "data"
    """The same network reaches no less, and the data promise no more."""


@dataclass(frozen=True, eq=False)
class ReferenceFit:
    """The best that was found.

    Attributes:
        loss: The smallest loss.
        start: Name of the start that led to it.
        losses: The smallest loss from each start that was tried.
        parameters: Where the smallest loss is, shape (P,).
        baseline: Loss of the mean baseline.
        evaluations: Number of gradients or Jacobians computed.
    """

    loss: float
    start: str
    losses: Mapping[str, float]
    parameters: FloatArray
    baseline: float
    evaluations: int

    @property
    def r_squared(self) -> float | None:
        """1 − loss / loss of the mean baseline; None where that is zero."""
        return 1 - self.loss / self.baseline if self.baseline > 0 else None


def reference_fit(
    shape: Architecture,
    starts: Mapping[str, FloatArray],
    data: Examples,
    *,
    seconds: float = 1.0,
    told: Told = lambda done, total: None,
) -> ReferenceFit:
    """The smallest loss found from several starts; the first start is fitted first.

    Args:
        shape: The network with its loss; weight decay is left out.
        starts: Name → parameters (P,); those that are not finite are left out, and the last ones
            where the work does not suffice for all.
        data: The examples.
        seconds: Work to spend on all starts together, in seconds of an ordinary core; thirty
            gradients from the first one are computed in any case.
        told: Called before each start, with how many are done and how many there are.

    Raises:
        ValueError: No start is finite.
    """
    affordable = seconds / (_FEWEST * _step_seconds(shape, data.count))
    count = int(np.clip(affordable, 1, max(_count(starts), 1)))
    starts = {name: one for name, one in starts.items() if np.isfinite(one).all()}
    starts = dict(islice(starts.items(), count))
    return best_fit(
        _fitter(shape, data, seconds=seconds / count),
        lambda parameters: _loss(shape, parameters, data),
        starts,
        baseline=baseline(shape.loss, data.targets),
        told=told,
    )


def best_fit(
    fit: Fit,
    loss: Callable[[FloatArray], float],
    starts: Mapping[str, FloatArray],
    *,
    baseline: float,
    told: Told = lambda done, total: None,
) -> ReferenceFit:
    """The smallest loss that a method finds from several starts.

    Args:
        fit: Gives where it ends, from a start, and the evaluations it made.
        loss: The loss at parameters (P,); inf where it is not finite.
        starts: Name → parameters (P,); those that are not finite are left out.
        baseline: Loss of the mean baseline; NaN where it is not known.
        told: Called before each start, with how many are done and how many there are.

    Raises:
        ValueError: No start is finite.
    """
    finite = {name: start for name, start in starts.items() if np.isfinite(start).all()}
    if not finite:
        raise ValueError("no start has finite parameters")
    losses: dict[str, float] = {}
    best, evaluations = (np.inf, "", next(iter(finite.values()))), 0
    for done, (name, start) in enumerate(finite.items()):
        told(done, len(finite))
        with np.errstate(all="ignore"):
            parameters, made = fit(start)
            reached = min(
                (loss(point), number, point) for number, point in enumerate((parameters, start))
            )
        losses[name] = reached[0]
        evaluations += made
        if not best[1] or reached[0] < best[0]:
            best = (reached[0], name, reached[2])
        if best[0] <= _PERFECT * baseline:
            break
    return ReferenceFit(best[0], best[1], losses, best[2], baseline, evaluations)


def bounded_seconds(shape: Architecture, *, steps: int, batch: int, most: float) -> float:
    """Work that the reference fit of a run may cost: some times the run's own, in seconds.

    Args:
        shape: The network.
        steps: Steps that the run took; 0 is returned for a run of few.
        batch: Examples of each.
        most: Seconds at most.
    """
    if steps < _TELLING:
        return 0.0
    own = steps * gradient_seconds(shape, batch)
    return min(most, max(_LEAST, _PER_RUN * own))


def limit_of(
    fit: ReferenceFit,
    *,
    loss: float,
    own: tuple[str, ...] = ("start", "end"),
    attainable: float | None = None,
) -> Limit:
    """What keeps a run with this loss from a smaller one.

    Args:
        fit: The reference fit of its network.
        loss: The loss that the run reached.
        own: Names of the starts that are the run's own.
        attainable: Share of the targets' variance that the data allow any model to explain; None
            where that is not known.
    """
    if loss <= _PERFECT * fit.baseline:
        return Limit.NONE
    if not fit.loss >= (1 - _SAME) * loss:
        target = fit.loss + _SAME * (min(loss, max(fit.baseline, fit.loss)) - fit.loss)
        mine = [fit.losses[name] for name in own if name in fit.losses]
        return Limit.OPTIMIZER if mine and min(mine) <= target else Limit.START
    r_squared = fit.r_squared
    if attainable is None or r_squared is None or attainable >= _NOISY:
        return Limit.MODEL
    return Limit.DATA if r_squared >= attainable - _EXPLAINED else Limit.MODEL


def jacobian(shape: Architecture, parameters: FloatArray, data: Examples) -> FloatArray:
    """Derivatives of the outputs (O, B) by the parameters, shape (O·B, P)."""
    return _outputs_and_jacobian(shape, parameters, data)[1]


def _fitter(shape: Architecture, data: Examples, *, seconds: float) -> Fit:
    """The stronger of both methods that `seconds` allow."""
    residuals = shape.outputs * data.count
    gradient = gradient_seconds(shape, data.count)
    step = gradient * shape.outputs + _FACTORISE * residuals * shape.size**2
    squared = shape.loss.name == "mean_squared_error"
    fits = residuals >= shape.size and residuals * shape.size <= _JACOBIAN_NUMBERS
    if squared and fits and seconds / step >= _FEWEST:
        return lambda start: _least_squares(shape, start, data, most=_bounded(seconds / step))
    space = workspace(shape, data)
    return lambda start: quasi_newton(
        lambda parameters: loss_and_gradient(shape, parameters, data, space=space),
        start,
        most=_bounded(seconds / _step_seconds(shape, data.count)),
    )


def _least_squares(
    shape: Architecture, start: FloatArray, data: Examples, *, most: int
) -> tuple[FloatArray, int]:
    """Where Levenberg–Marquardt ends, and the evaluations it made."""
    from scipy.optimize import least_squares  # noqa: PLC0415 (scipy takes 200 ms to import)

    last: tuple[FloatArray, FloatArray] | None = None

    def residuals(parameters: FloatArray) -> FloatArray:
        nonlocal last
        outputs, slopes = _outputs_and_jacobian(shape, parameters, data)
        last = slopes, parameters.copy()
        return _finite((outputs - data.targets).ravel())

    def derivatives(parameters: FloatArray) -> FloatArray:
        if last is not None and np.array_equal(last[1], parameters):
            return _finite(last[0])
        return _finite(jacobian(shape, parameters, data))

    found = least_squares(
        residuals,
        start,
        derivatives,
        method="lm",
        max_nfev=most,
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-14,
    )
    return found.x, int(found.nfev)


def quasi_newton(
    loss_and_gradient_at: Callable[[FloatArray], tuple[Any, FloatArray]],
    start: FloatArray,
    *,
    most: int,
) -> tuple[FloatArray, int]:
    """Where L-BFGS ends, and the evaluations it made.

    Args:
        loss_and_gradient_at: Gives both at parameters (P,).
        start: Where it begins, shape (P,).
        most: Evaluations at most.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 (scipy takes 200 ms to import)

    first = abs(float(loss_and_gradient_at(start)[0]))
    unit = max(first, 1e-300) if np.isfinite(first) else 1.0  # a scaled loss changes no step

    def objective(parameters: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = loss_and_gradient_at(parameters)
        if not np.isfinite(value):
            return 1e300, np.zeros_like(parameters)
        return float(value) / unit, gradient / unit

    options: Any = {"maxfun": most, "maxiter": most, "maxcor": 30, "ftol": 1e-13, "gtol": 1e-12}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x), int(found.nfev)


def _outputs_and_jacobian(
    shape: Architecture, parameters: FloatArray, data: Examples
) -> tuple[FloatArray, FloatArray]:
    """Outputs (O, B), and their derivatives (O·B, P)."""
    space, matrices = workspace(shape, data), shape.matrices(parameters)
    forward(now, shape, matrices, space)
    result = np.empty((shape.outputs, data.count, shape.size))
    for output in range(shape.outputs):
        vector = space.deltas[-1]
        vector[...] = 0.0
        vector[output] = 1.0
        for layer in range(shape.layers - 1, -1, -1):
            vector = space.deltas[layer]
            shape.activations[layer].pull_back(
                now,
                space.pre[layer],
                space.values[layer],
                vector=vector,
                scratch=space.scratch[layer],
            )
            block = vector.T[:, :, None] * space.inputs[layer].T[:, None, :]  # (B, H, inputs + 1)
            start, end = shape.offsets[layer : layer + 2]
            result[output, :, start:end] = block.reshape(data.count, -1)
            if layer > 0:
                below = matrices[layer][:, : shape.units[layer - 1]]
                np.matmul(transposed(below), vector, out=space.deltas[layer - 1])
    return space.values[-1], result.reshape(-1, shape.size)  # (O·B, P)


def _count(starts: Mapping[str, FloatArray]) -> int:
    return sum(bool(np.isfinite(start).all()) for start in starts.values())


def _loss(shape: Architecture, parameters: FloatArray, data: Examples) -> float:
    value = float(loss_and_gradient(shape, parameters, data)[0])
    return value if np.isfinite(value) else np.inf


def _finite(values: FloatArray) -> FloatArray:
    """Values that scipy accepts: a step into infinity is only a very bad one."""
    return np.nan_to_num(values, nan=1e150, posinf=1e150, neginf=-1e150)


def _step_seconds(shape: Architecture, examples: int) -> float:
    """Estimated seconds of one step of L-BFGS."""
    return gradient_seconds(shape, examples) + 4 * _VECTORS * _MULTIPLY * shape.size


def _bounded(evaluations: float) -> int:
    return int(min(max(evaluations, _FEWEST), _MOST))

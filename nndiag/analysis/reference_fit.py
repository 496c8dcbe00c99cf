"""What a network can reach: the same architecture fitted by a strong optimizer.

A run's loss alone does not tell a slow optimizer from a model that cannot do better. Fitted from
the run's own start, from its end and from other starts, the network shows which is the limit.
Squared errors are fitted by Levenberg–Marquardt where there are at least as many residuals as
parameters, everything else by L-BFGS, both with exact derivatives. A fit ends where it has shown
what it is for: that the loss can be next to nothing beside the mean baseline's and the run's own.

The work is counted from the sizes, not timed, so that a repeated fit gives the same numbers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import TypeAlias

import numpy as np

from nndiag.analysis.levenberg_marquardt import Model, least_squares
from nndiag.analysis.quasi_newton import quasi_newton
from nndiag.arrays import FloatArray
from nndiag.nn.calls import Array, now, transposed
from nndiag.nn.losses import baseline
from nndiag.nn.network import (
    Architecture,
    Examples,
    Workspace,
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
_THOROUGH = 3.0  # gradients of a thorough fit over those of the run that it explains
_PLANNED = 2e-7  # seconds of a call in a planned step
_LEAST = 0.05  # seconds that nobody notices
_TELLING = 50  # steps; a run of fewer has only begun: nothing that a fit reaches explains it
_JACOBIAN_NUMBERS = 4_000_000  # 32 MB
_PERFECT = 1e-10  # loss over the mean baseline's: as good as zero
_ENOUGH = 1e-4  # loss over the mean baseline's and the first start's: no verdict asks for less
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
    starts = {name: one for name, one in starts.items() if np.isfinite(one).all()}
    count = int(np.clip(affordable, 1, max(len(starts), 1)))
    starts = dict(islice(starts.items(), count))
    constant = baseline(shape.loss, data.targets)
    enough = _PERFECT * constant
    for first in islice(starts.values(), 1):
        with np.errstate(all="ignore"):
            enough = max(enough, _ENOUGH * min(constant, _loss(shape, first, data)))
    return best_fit(
        _fitter(shape, data, seconds=seconds / count, enough=enough),
        lambda parameters: _loss(shape, parameters, data),
        starts,
        baseline=constant,
        enough=enough,
        told=told,
    )


def best_fit(
    fit: Fit,
    loss: Callable[[FloatArray], float],
    starts: Mapping[str, FloatArray],
    *,
    baseline: float,
    enough: float = 0.0,
    told: Told = lambda done, total: None,
) -> ReferenceFit:
    """The smallest loss that a method finds from several starts.

    Args:
        fit: Gives where it ends, from a start, and the evaluations it made.
        loss: The loss at parameters (P,); inf where it is not finite.
        starts: Name → parameters (P,); those that are not finite are left out.
        baseline: Loss of the mean baseline; NaN where it is not known.
        enough: A loss that is low enough: no further start is needed.
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
        if best[0] <= max(enough, _PERFECT * baseline):
            break
    return ReferenceFit(best[0], best[1], losses, best[2], baseline, evaluations)


def bounded_seconds(
    shape: Architecture, *, steps: int, batch: int, most: float, thorough: bool = False
) -> float:
    """Work that the reference fit of a run may cost, in seconds.

    Args:
        shape: The network.
        steps: Steps that the run took; 0 is returned for a run of few.
        batch: Examples of each.
        most: Seconds at most.
        thorough: Whether the fit may compute some times as many gradients as the run did; else it
            takes no longer than the run itself, whose steps are planned.
    """
    if steps < _TELLING:
        return 0.0
    planned = steps * gradient_seconds(shape, batch, call=_PLANNED)
    work = _THOROUGH * steps * gradient_seconds(shape, batch) if thorough else planned
    return min(most, max(_LEAST, work))


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
    space, matrices = workspace(shape, data), shape.matrices(parameters)
    forward(now, shape, matrices, space)
    return _jacobian(shape, matrices, space)


def _fitter(shape: Architecture, data: Examples, *, seconds: float, enough: float) -> Fit:
    """The stronger of both methods that `seconds` allow; it ends at a loss that is `enough`."""
    residuals = shape.outputs * data.count
    gradient = gradient_seconds(shape, data.count)
    step = gradient * shape.outputs + _FACTORISE * residuals * shape.size**2
    squared = shape.loss.name == "mean_squared_error"
    fits = residuals >= shape.size and residuals * shape.size <= _JACOBIAN_NUMBERS
    if squared and fits and seconds / step >= _FEWEST:
        model, most = _squared(shape, data), _bounded(seconds / step)
        sum_of_squares = 2 * enough / shape.loss.scale(shape.outputs, data.count)
        return lambda start: least_squares(model, start, most=most, enough=sum_of_squares)
    space, most = workspace(shape, data), _bounded(seconds / _step_seconds(shape, data.count))
    return lambda start: quasi_newton(
        lambda parameters: loss_and_gradient(shape, parameters, data, space=space),
        start,
        most=most,
        enough=enough,
    )


def _squared(shape: Architecture, data: Examples) -> Model:
    """The outputs' errors as a model to fit; its derivatives are those of the last errors."""
    space = workspace(shape, data)

    def model(parameters: FloatArray) -> tuple[FloatArray, Callable[[], FloatArray]]:
        matrices = shape.matrices(parameters)
        forward(now, shape, matrices, space)
        errors = (space.values[-1] - data.targets).ravel()
        return errors, partial(_jacobian, shape, matrices, space)

    return model


def _jacobian(shape: Architecture, matrices: list[Array], space: Workspace) -> FloatArray:
    """Derivatives of the outputs (O, B) by the parameters after a forward pass, (O·B, P)."""
    examples = space.inputs[0].shape[-1]
    result = np.empty((shape.size, shape.outputs, examples))
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
            start, end = shape.offsets[layer : layer + 2]
            block = vector[:, None, :] * space.inputs[layer]  # (H, inputs + 1, B)
            result[start:end, output] = block.reshape(-1, examples)
            if layer > 0:
                below = matrices[layer][:, : shape.units[layer - 1]]
                np.matmul(transposed(below), vector, out=space.deltas[layer - 1])
    return result.reshape(shape.size, -1).T  # (O·B, P)


def _loss(shape: Architecture, parameters: FloatArray, data: Examples) -> float:
    value = float(loss_and_gradient(shape, parameters, data)[0])
    return value if np.isfinite(value) else np.inf


def _step_seconds(shape: Architecture, examples: int) -> float:
    """Estimated seconds of one step of L-BFGS."""
    return gradient_seconds(shape, examples) + 4 * _VECTORS * _MULTIPLY * shape.size


def _bounded(evaluations: float) -> int:
    return int(min(max(evaluations, _FEWEST), _MOST))

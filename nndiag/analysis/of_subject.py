"""Curvature and reference fit of whatever can be trained, from its loss and gradient alone.

A Subject that has CURVATURE gives its own products with the Hessian; of others they are differences
of its gradient.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nndiag.analysis.curvature import Curvature, Sharpness, curvature_of, stability_limit_of
from nndiag.analysis.lanczos import Product, extreme_eigenvalues
from nndiag.analysis.quasi_newton import quasi_newton
from nndiag.analysis.reference_fit import ReferenceFit, best_fit
from nndiag.arrays import FloatArray
from nndiag.gradients.hessian import differenced_products
from nndiag.nn.optimizers import OPTIMIZERS, Optimizer
from nndiag.subject import Capability, Subject, Theta, theta_of, vector_of

_SEEDS = (1000, 2000)  # of starts with as large weights in another order
_SUITED_SEEDS = (3000, 4000)


@dataclass(frozen=True, eq=False)
class StabilityLimit:
    """The largest stable learning rate at one point.

    Attributes:
        sharpness: The largest Hessian eigenvalue λ, with its vector as `vector_of` lays it out.
        limit: The rate above which a quadratic of this curvature is left; None where nothing
            curves upwards.
    """

    sharpness: Sharpness
    limit: float | None


def stability_of(
    subject: Subject,
    theta: Theta | None = None,
    *,
    optimizer: Optimizer | None = None,
    tolerance: float = 3e-2,
    products: int = 100,
) -> StabilityLimit:
    """λ_max and the stability limit of a Subject.

    Args:
        subject: It needs CURVATURE or GRADIENT.
        theta: Where; at its start by default.
        optimizer: The rule; plain gradient descent by default. Not an adaptive one.
        tolerance: Relative residual to reach; the eigenvalue's error is of the order of its square.
        products: Hessian products to make at most.
    """
    point = subject.start() if theta is None else theta
    found = None
    if all(np.isfinite(array).all() for array in point.values()):
        with np.errstate(all="ignore"):
            found = extreme_eigenvalues(
                products_of(subject, point),
                len(vector_of(point)),
                both=False,
                tolerance=tolerance,
                steps=products,
            )
    if found is None:
        return StabilityLimit(Sharpness(np.nan, None, np.nan, 0), None)
    rule = OPTIMIZERS.get("sgd")() if optimizer is None else optimizer
    sharpness = Sharpness(found.largest, found.vector, found.residual, found.products)
    return StabilityLimit(sharpness, stability_limit_of(rule, found.largest))


def curvature_at(subject: Subject, theta: Theta | None = None, *, products: int = 100) -> Curvature:
    """Both ends of the spectrum and the Newton decrement of a Subject.

    Args:
        subject: It needs GRADIENT.
        theta: Where; at its start by default.
        products: Hessian products to make at most; the whole Hessian is formed where that many
            do it.
    """
    point = subject.start() if theta is None else theta
    gradient = vector_of(subject.gradient_at(point))
    return curvature_of(products_of(subject, point), gradient, steps=products)


def reference_of(
    subject: Subject, end: Theta | None = None, *, evaluations: int = 500
) -> ReferenceFit:
    """The smallest loss that a strong optimizer finds for a Subject.

    It begins where a run ended and where it began, and where the starting values stand in another
    order or are drawn as Glorot does: what it misses from there as well is out of reach, however
    badly the run began.

    Args:
        subject: It needs LOSS, and a GRADIENT that is that of the loss.
        end: Where its run ended.
        evaluations: Gradients to compute at most from each start.

    Raises:
        ValueError: No start is finite.
    """
    start = subject.start()
    starts = {} if end is None else {"end": vector_of(end)}
    starts |= {name: vector_of(theta) for name, theta in _starts(start).items()}
    baseline = subject.describe().baseline_loss

    def loss_and_gradient(parameters: FloatArray) -> tuple[float, FloatArray]:
        theta = theta_of(parameters, start)
        return subject.loss_at(theta), vector_of(subject.gradient_at(theta))

    def loss(parameters: FloatArray) -> float:
        value = subject.loss_at(theta_of(parameters, start))
        return value if np.isfinite(value) else np.inf

    return best_fit(
        lambda begin: quasi_newton(loss_and_gradient, begin, most=evaluations),
        loss,
        starts,
        baseline=np.nan if baseline is None else baseline,
    )


def products_of(subject: Subject, theta: Theta) -> Product:
    """Products with the Hessian at a point: the Subject's own, or differences of its gradient."""
    if Capability.CURVATURE in subject.capabilities:
        return subject.curvature_at(theta)
    return differenced_products(subject.gradient_at, theta)


def _starts(start: Theta) -> Mapping[str, Theta]:
    """Where to begin besides the end of a run."""
    starts: dict[str, Theta] = {"start": start}
    for seed in _SEEDS:
        rng = np.random.default_rng(seed)
        starts[f"reordered {seed}"] = {
            name: rng.permutation(array.ravel()).reshape(array.shape)
            for name, array in start.items()
        }
    for seed in _SUITED_SEEDS:
        rng = np.random.default_rng(seed)
        starts[f"suited {seed}"] = {name: _suited(array, rng) for name, array in start.items()}
    return starts


def _suited(array: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Weights as Glorot draws them, and zero biases, of an array's shape."""
    if array.ndim < 2:
        return np.zeros(array.shape)
    deviation = np.sqrt(2 / (array.shape[-1] + array.shape[-2]))
    drawn: FloatArray = deviation * rng.standard_normal(array.shape)
    return drawn

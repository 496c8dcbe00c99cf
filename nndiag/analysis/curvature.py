"""The curvature of the loss at one point, and what it allows the optimizer.

Three numbers answer three questions. The largest Hessian eigenvalue: which learning rates are
stable? The smallest: a minimum or a saddle? The Newton decrement: how much loss could a local
quadratic step still remove?

Everything is bounded by work that is counted from the sizes, not timed, so that a repeated run
gets the same numbers.
"""

from dataclasses import dataclass, replace

import numpy as np

from nndiag.analysis.lanczos import Extremes, Krylov, Product, extreme_eigenvalues
from nndiag.arrays import FloatArray
from nndiag.nn.hessian import HessianProducts
from nndiag.nn.network import Architecture, Examples, loss_and_gradient
from nndiag.nn.optimizers import Optimizer

_DENSE = 400  # parameters up to which all eigenvalues are computed (about 20 ms)
_NEGLIGIBLE = 1e-10  # eigenvalues below this share of the largest are rounding, not curvature
_ROUNDING = 1e-13  # a curvature of one parameter below this share of the largest is rounding, too
_SETTLED = 0.01  # relative growth of the decrement below which its Krylov space is large enough
_FEW, _MANY = 64, 512  # examples that point the way, and from how many on that is worth it
_CLEAR = 0.5  # share of the largest eigenvalue from which on the second is too near
_FEWEST, _MOST = 12, 100  # products of one Lanczos run
_ELEMENT, _MULTIPLY, _CALL = 2.5e-9, 0.12e-9, 6e-6  # seconds of a product's parts, see `_cost`


@dataclass(frozen=True)
class Curvature:
    """The loss Hessian at one point; a number that could not be had is None.

    Attributes:
        largest: Largest eigenvalue, algebraically.
        smallest: Smallest eigenvalue; negative at a saddle.
        residual: Bound on the error of both, |H·v − λ·v|; 0 where all eigenvalues were computed.
        newton_decrement: ½gᵀH⁻¹g over the clearly positive eigenvalues, in units of the loss. On
            a convex quadratic it is what is left to gain. Where `smallest` is negative it is what
            the upward-curved directions still hold; the others lead further down, without bound in
            the quadratic model. Where eigenvalues were not all computed it is an estimate, as a
            rule from below.
        exact: Whether all eigenvalues were computed.
        products: Number of Hessian products made; 0 where the whole Hessian was formed.
        examples: Number of examples in the Hessian (the gradient always has all); 0 where it is
            not known.
    """

    largest: float | None
    smallest: float | None
    residual: float | None
    newton_decrement: float | None
    exact: bool
    products: int
    examples: int


@dataclass(frozen=True, eq=False)
class Sharpness:
    """The largest Hessian eigenvalue at one point.

    Attributes:
        value: The eigenvalue; NaN where the network's values are not finite.
        vector: Its unit eigenvector (P,), a good `start` for the next point of a run.
        residual: Bound on its error, |H·v − λ·v|.
        products: Number of Hessian products made.
    """

    value: float
    vector: FloatArray | None
    residual: float
    products: int


def curvature_at(
    shape: Architecture,
    parameters: FloatArray,
    data: Examples,
    *,
    weight_decay: float | FloatArray = 0.0,
    seconds: float = 0.5,
) -> Curvature:
    """Both ends of the spectrum and the Newton decrement at a point.

    Args:
        shape: The network.
        parameters: The point, shape (P,).
        data: The examples of the loss. Where one product over all of them would take too long,
            the Hessian is that of evenly spaced ones.
        weight_decay: Adds ½·weight_decay·|θ|² to the loss.
        seconds: Work to spend, in seconds of an ordinary core.
    """
    nothing = Curvature(None, None, None, None, exact=False, products=0, examples=data.count)
    if not np.isfinite(parameters).all():
        return nothing
    chosen = _affordable(shape, data, seconds=seconds / (2 * _FEWEST))
    with np.errstate(all="ignore"):
        stand_in = _standing_for(shape, data, chosen=chosen)
        products = HessianProducts(stand_in, parameters, chosen, weight_decay=weight_decay)
        gradient = products.gradient
        if chosen is not data:
            gradient = _gradient(shape, parameters, data) + weight_decay * parameters
        nothing = replace(nothing, examples=chosen.count)
        if not np.isfinite(gradient).all():
            return nothing
        steps = int(seconds / _cost(shape, chosen.count))
        if shape.size <= _DENSE and (products.shallow or shape.size <= steps):
            return _exact(products.dense(), gradient, unknown=nothing)
        return _approximate(products.hessian, gradient, steps=steps, unknown=nothing)


def sharpness(
    shape: Architecture,
    parameters: FloatArray,
    data: Examples,
    *,
    weight_decay: float | FloatArray = 0.0,
    start: FloatArray | None = None,
    tolerance: float = 3e-2,
    seconds: float = 0.2,
) -> Sharpness:
    """The largest Hessian eigenvalue at a point; arguments as for `curvature_at`.

    Args:
        shape: The network.
        parameters: The point, shape (P,).
        data: The examples of the loss.
        weight_decay: Adds ½·weight_decay·|θ|² to the loss.
        start: `vector` of a point near by; saves most of the products.
        tolerance: Relative residual to reach. The error is of the order of its square over the
            distance to the next eigenvalue: as a rule 0.1 %, in crowded spectra up to 1 %.
        seconds: Work to spend, in seconds of an ordinary core.
    """
    found: Extremes | None = None
    if np.isfinite(parameters).all() and not shape.normalises:  # its steps are of other parameters
        chosen = _affordable(shape, data, seconds=seconds / _FEWEST)
        with np.errstate(all="ignore"):
            stand_in = _standing_for(shape, data, chosen=chosen)
            products = HessianProducts(stand_in, parameters, chosen, weight_decay=weight_decay)
            if start is None and chosen.count >= _MANY and not products.shallow:
                start = _start_from_few(shape, parameters, chosen, weight_decay=weight_decay)
            found = extreme_eigenvalues(
                products.hessian,
                shape.size,
                start=start,
                both=False,
                tolerance=tolerance,
                steps=_bounded(seconds / _cost(shape, chosen.count)),
            )
    if found is None:
        return Sharpness(np.nan, None, np.nan, 0)
    return Sharpness(found.largest, found.vector, found.residual, found.products)


def curvature_of(product: Product, gradient: FloatArray, *, steps: int) -> Curvature:
    """Both ends of the spectrum and the Newton decrement of any operator.

    Args:
        product: Products with the Hessian, (P,) → (P,).
        gradient: The gradient, shape (P,).
        steps: Products to make at most; the whole Hessian is formed where P of them do it.
    """
    unknown = Curvature(None, None, None, None, exact=False, products=0, examples=0)
    if not np.isfinite(gradient).all():
        return unknown
    with np.errstate(all="ignore"):
        if len(gradient) <= min(_DENSE, steps):
            matrix = np.array([product(column) for column in np.eye(len(gradient))])
            return _exact(0.5 * (matrix + matrix.T), gradient, unknown=unknown)
        return _approximate(product, gradient, steps=steps, unknown=unknown)


def newton_decrement(
    eigenvalues: FloatArray, components: FloatArray, *, errors: FloatArray | float = 0.0
) -> float:
    """½gᵀH⁻¹g over the clearly positive eigenvalues.

    Args:
        eigenvalues: Eigenvalues of H, shape (n,).
        components: Components of the gradient along the eigenvectors, shape (n,).
        errors: Bounds on the errors of the eigenvalues, shape (n,).
    """
    negligible = _NEGLIGIBLE * np.abs(eigenvalues).max(initial=0.0)
    clear = eigenvalues > negligible + errors
    return float(0.5 * np.sum(components[clear] ** 2 / eigenvalues[clear]))


def krylov_decrement(
    product: Product, gradient: FloatArray, *, steps: int
) -> tuple[float | None, int]:
    """½gᵀH⁻¹g from a Krylov space that starts at the gradient, and the products it took.

    For a positive H these are the steps of conjugate gradients and the result grows towards
    ½gᵀH⁻¹g from below. Where negative curvature shows up, Ritz values that are not yet known to
    be positive are left out: between both signs they pass near zero, where their inverse means
    nothing. None where a product is not finite.

    Source: Golub and Meurant 2010, section 4.1 (Gauss quadrature by Lanczos).
    """
    length = float(np.linalg.norm(gradient))
    if length == 0.0:
        return 0.0, 0
    space = Krylov(product, gradient, steps=steps)
    decrement = 0.0
    while not space.complete and not space.used_up:
        space.extend()
        if space.count % 5 and not space.complete and not space.used_up:
            continue
        if not space.finite:
            return None, space.count
        values, vectors, residuals = space.ritz()
        errors = residuals if values[0] < -_NEGLIGIBLE * values[-1] else 0.0
        before = decrement
        decrement = newton_decrement(values, length * vectors[0], errors=errors)
        if space.count > 5 and abs(decrement - before) <= _SETTLED * decrement:
            break
    return decrement, space.count


def stability_limit_of(optimizer: Optimizer, largest: float) -> float | None:
    """The learning rate above which the optimizer is unstable on a quadratic.

    With curvature λ along one direction, each rule is a linear recursion; the stability limit is
    where the largest of its roots leaves the unit circle, at −1: θ ← θ − ηg: 2/λ; heavy ball: 2(1 +
    β)/λ; Nesterov: 2(1 + β)/((1 + 2β)λ); Adam, whose β₁ averages the gradient: 2(1 + β₁)/((1 −
    β₁)λ), 38/λ for β₁ = 0.9; RMSprop: 2/λ.

    Args:
        optimizer: The rule; its learning rate is not looked at.
        largest: Largest eigenvalue of the Hessian; for an adaptive optimizer that of the
            preconditioned Hessian, see `preconditioned`.

    Returns:
        The stability limit, or None where nothing curves upwards.

    Source:
        Polyak 1964 (heavy ball); Cohen et al. 2021, appendix B (Nesterov); Cohen et al. 2022,
        "Adaptive gradient methods at the edge of stability", section 2 (Adam, RMSprop).
    """
    if not largest > 0:
        return None
    beta, mean = optimizer.momentum, optimizer.averaging
    if optimizer.nesterov:
        return 2 * (1 + beta) / ((1 + 2 * beta) * largest)
    return 2 * (1 + beta) * (1 + mean) / ((1 - mean) * largest)


def preconditioned(product: Product, optimizer: Optimizer, mean_square: FloatArray) -> Product:
    """The Hessian as an adaptive optimizer sees it: D^−½·H·D^−½ with D = √v̂ + ε.

    Its eigenvalues are those of D⁻¹H, the curvature per unit of learning rate while D holds still.
    D follows the gradient, so that a run above this stability limit can settle by itself.

    Args:
        product: Products with H, (P,) → (P,).
        optimizer: The adaptive rule.
        mean_square: Its bias-corrected running mean of squared gradients v̂, shape (P,). After
            the first step that is the gradient squared.

    Source: Cohen et al. 2022, equation 3.
    """
    root = 1 / np.sqrt(np.sqrt(mean_square) + optimizer.epsilon)

    def scaled(direction: FloatArray) -> FloatArray:
        return root * product(root * direction)

    return scaled


def _exact(matrix: FloatArray, gradient: FloatArray, *, unknown: Curvature) -> Curvature:
    """The curvature from the whole Hessian (P, P).

    The Newton decrement does not hang on the units of the parameters, but what of it is negligible
    does: it is computed in units in which each parameter has a curvature of 1 by itself. Inputs of
    20,000 beside a bias make eigenvalues of 1e9 and of 0.01, and both count.
    """
    if not np.isfinite(matrix).all():
        return unknown
    values = np.linalg.eigvalsh(matrix)
    own = np.diag(matrix)
    if own.min() <= 0:
        own = np.ones(len(own))  # a direction of none or of negative curvature has no unit
    units = 1 / np.sqrt(np.maximum(own, _ROUNDING * own.max()))
    scaled, vectors = np.linalg.eigh(matrix * np.outer(units, units))
    decrement = newton_decrement(scaled, (units * gradient) @ vectors)
    return replace(
        unknown,
        largest=float(values[-1]),
        smallest=float(values[0]),
        residual=0.0,
        newton_decrement=decrement,
        exact=True,
    )


def _approximate(
    product: Product, gradient: FloatArray, *, steps: int, unknown: Curvature
) -> Curvature:
    """The curvature from about `steps` products, half of them for the ends of the spectrum."""
    ends = extreme_eigenvalues(product, len(gradient), steps=_bounded(steps / 2))
    if ends is None:
        return unknown
    decrement, made = krylov_decrement(product, gradient, steps=_bounded(steps - ends.products))
    return replace(
        unknown,
        largest=ends.largest,
        smallest=ends.smallest,
        residual=max(ends.residual, ends.smallest_residual),
        newton_decrement=decrement,
        products=ends.products + made,
    )


def _start_from_few(
    shape: Architecture, parameters: FloatArray, data: Examples, *, weight_decay: float | FloatArray
) -> FloatArray | None:
    """The eigenvector (P,) over a few of many examples; None unless its eigenvalue stands clear.

    Started from it, two products over all examples do what otherwise takes five. Where another
    eigenvalue is near, the largest over all examples may be that one's; a generic start finds it.
    """
    few = _spaced(data, _FEW)
    stand_in = _standing_for(shape, data, chosen=few)
    products = HessianProducts(stand_in, parameters, few, weight_decay=weight_decay)
    found = extreme_eigenvalues(products.hessian, shape.size, both=False, steps=_FEWEST)
    return found.vector if found is not None and found.second < _CLEAR * found.largest else None


def _bounded(steps: float) -> int:
    """A sensible number of products near `steps`."""
    return int(min(max(steps, _FEWEST), _MOST))


def _cost(shape: Architecture, examples: int) -> float:
    """Estimated seconds of one Hessian product: its passes, multiplications and calls.

    The constants were measured on one AVX-512 core; a factor of 2 either way only moves the
    border between exact and approximate.
    """
    passes = _ELEMENT * sum(shape.units) * examples
    multiplications = 5 * _MULTIPLY * shape.size * examples
    return passes + multiplications + _CALL * 10 * shape.layers


def _affordable(shape: Architecture, data: Examples, *, seconds: float) -> Examples:
    """All examples, or as many evenly spaced ones as make a product of `seconds`."""
    base, full = _cost(shape, 0), _cost(shape, data.count)
    if full <= max(seconds, 2 * base):
        return data
    count = int(max((seconds - base) / (full - base) * data.count, 1))
    count = max(count, min(data.count, 64))
    return _spaced(data, count)


def _spaced(data: Examples, count: int) -> Examples:
    """So many evenly spaced examples."""
    spaced = np.linspace(0, data.count - 1, count).astype(int)
    return Examples(
        np.ascontiguousarray(data.inputs[:, spaced]), np.ascontiguousarray(data.targets[:, spaced])
    )


def _standing_for(shape: Architecture, data: Examples, *, chosen: Examples) -> Architecture:
    """The network with a loss that over the chosen examples is as large as over all of them."""
    if chosen is data:
        return shape
    all_of_them, those = (
        shape.loss.scale(shape.outputs, part.count) * part.count for part in (data, chosen)
    )
    factor = shape.loss.factor * all_of_them / those  # that of a mean stays
    return replace(shape, loss=replace(shape.loss, factor=factor))


def _gradient(shape: Architecture, parameters: FloatArray, data: Examples) -> FloatArray:
    """The gradient (P,) over many examples, a part at a time."""
    total = np.zeros(shape.size)
    parts = max(1, data.count * max(shape.units) >> 20)
    for rows in np.array_split(np.arange(data.count), parts):
        part = Examples(data.inputs[:, rows], data.targets[:, rows])
        share = shape.loss.scale(shape.outputs, data.count) / shape.loss.scale(
            shape.outputs, part.count
        )
        total += share * loss_and_gradient(shape, parameters, part)[1]
    return total

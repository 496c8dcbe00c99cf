"""The losses, from simple to complex.

A loss is `scale · Σ ℓ(output, target)` over all outputs and examples. ℓ and its derivatives are
given without the scale, which holds the reduction: squared error is ½r² with scale 2/(O·B) for
`mean`, 2 for `sum`, 1/(O·B) for `half_mean` and 1 for `half_sum`.

A loss may absorb the activation of the last layer: cross-entropies are computed on the values
before it (logits), where they are stable, and the gradient is simply p − y.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nndiag.bounds import Positive
from nndiag.nn.activations import ACTIVATIONS, Activation
from nndiag.nn.calls import ONE, ZERO, Array, Do, constant, maximum, minimum, now
from nndiag.nn.class_weights import weighted
from nndiag.registry import Registered, Registry

Reduction = Literal["mean", "sum"]
SquareReduction = Literal["mean", "sum", "half_mean", "half_sum"]

ClassWeights = Literal["balanced"] | list[Positive] | None
"""A weight for each class; "balanced" ones are found from the data before a loss is made."""

_CLIP = 1e-7  # probabilities are kept this far from 0 and 1; the usual value of Keras


@dataclass(frozen=True)
class Loss(Registered):
    """One loss with its reduction.

    Attributes:
        name: Its name in the registry.
        reduction: How examples are put together.
        total: `(outputs, targets)` → Σ ℓ over the last two axes; (…, O, B) → (…).
        each: `(outputs, targets)` → ℓ itself, shape (…, O, B); of cross-entropies only.
        slope: `(do, outputs, targets, out)`: ∂ℓ/∂output into `out`, shape (…, O, B).
        bend: `(outputs, targets, along)` → (∂²ℓ/∂output²)·along, shape (…, O, B).
        constant: `(targets (O, B))` → the constant outputs (O, 1) with the smallest loss.
        factor: Number in front of ℓ.
        counts: What `mean` divides by: "elements" (O·B) or "examples" (B).
        absorbs: Name of the last activation that is computed inside this loss.
        absorbed: The loss on the values before that activation.
        link: From the network's outputs to predictions, where the loss works on logits.
        analytic: Whether the complex step may be used through it.
        domain: Smallest and largest sensible target.
        quadratic: Whether it is made of parabolas and straight lines, so that central differences
            are exact over any distance without a kink.
    """

    name: str
    reduction: str
    total: Callable[[Array, Array], Array]
    slope: Callable[[Do, Array, Array, Array], None]
    bend: Callable[[Array, Array, Array], Array]
    constant: Callable[[Array], Array]
    factor: float = 1.0
    counts: Literal["elements", "examples"] = "elements"
    absorbs: str | None = None
    absorbed: "Loss | None" = None
    link: Activation | None = None
    analytic: bool = True
    domain: tuple[float, float] = (-np.inf, np.inf)
    quadratic: bool = False
    each: Callable[[Array, Array], Array] | None = None

    def scale(self, outputs: int, examples: int) -> float:
        """The number that turns Σ ℓ into the loss, for O outputs and B examples."""
        if self.reduction.endswith("sum"):
            return self.factor
        return self.factor / (examples * (outputs if self.counts == "elements" else 1))


LOSSES: Registry[Callable[..., Loss]] = Registry("loss")


@LOSSES.register("mean_squared_error")
def mean_squared_error(*, reduction: SquareReduction = "mean") -> Loss:
    """Squared error: mean of r², sum of r², or half of either."""

    def total(outputs: Array, targets: Array) -> Array:
        residuals = outputs - targets
        return 0.5 * _summed(residuals * residuals)

    def slope(do: Do, outputs: Array, targets: Array, out: Array) -> None:
        do(np.subtract, outputs, targets, out)

    def bend(outputs: Array, targets: Array, along: Array) -> Array:
        return along

    factor = 1.0 if reduction.startswith("half") else 2.0
    return Loss(
        "mean_squared_error", reduction, total, slope, bend, _mean, factor=factor, quadratic=True
    )


@LOSSES.register("mean_absolute_error")
def mean_absolute_error(*, reduction: Reduction = "mean") -> Loss:
    """Absolute error |r|."""

    def total(outputs: Array, targets: Array) -> Array:
        residuals = outputs - targets
        return _summed(np.maximum(residuals, -residuals))

    def slope(do: Do, outputs: Array, targets: Array, out: Array) -> None:
        do(np.subtract, outputs, targets, out)
        do(np.sign, out, out)

    def bend(outputs: Array, targets: Array, along: Array) -> Array:
        return np.zeros_like(along)

    def constant_output(targets: Array) -> Array:
        return np.asarray(np.median(targets, axis=-1, keepdims=True))

    return Loss(
        "mean_absolute_error",
        reduction,
        total,
        slope,
        bend,
        constant_output,
        analytic=False,
        quadratic=True,
    )


@LOSSES.register("huber")
def huber(*, delta: Positive = 1.0, reduction: Reduction = "mean") -> Loss:
    """Huber's loss: ½r² up to |r| = delta, delta·(|r| − ½delta) beyond.

    Source: Huber 1964, section 1.
    """
    high, low = constant(delta), constant(-delta)

    def total(outputs: Array, targets: Array) -> Array:
        residuals = outputs - targets
        clipped = np.minimum(np.maximum(residuals, low), high)
        return _summed(clipped * (residuals - 0.5 * clipped))

    def slope(do: Do, outputs: Array, targets: Array, out: Array) -> None:
        do(np.subtract, outputs, targets, out)
        do(maximum, out, low, out)
        do(minimum, out, high, out)

    def bend(outputs: Array, targets: Array, along: Array) -> Array:
        return np.where(np.abs(outputs - targets) <= delta, along, 0.0)

    def constant_output(targets: Array) -> Array:
        lower, upper = (edge(targets, axis=-1, keepdims=True) for edge in (np.min, np.max))
        for _ in range(60):  # Σ clipped(c − y) grows with c: bisection to a relative 2⁻⁶⁰
            middle = 0.5 * (lower + upper)
            clipped = np.clip(middle - targets, -delta, delta)
            positive = np.add.reduce(clipped, axis=-1, keepdims=True) > 0
            lower, upper = np.where(positive, lower, middle), np.where(positive, middle, upper)
        return np.asarray(0.5 * (lower + upper))

    return Loss(
        "huber", reduction, total, slope, bend, constant_output, analytic=False, quadratic=True
    )


@LOSSES.register("mean_squared_logarithmic_error")
def mean_squared_logarithmic_error(*, reduction: Reduction = "mean") -> Loss:
    """Squared error of log(1 + y): relative errors count. Outputs below 0 are taken as 0.

    Source: `mean_squared_logarithmic_error` of Keras.
    """

    def inside(outputs: Array) -> Array:
        return np.maximum(outputs, 0.0)

    def total(outputs: Array, targets: Array) -> Array:
        residuals = np.log1p(inside(outputs)) - np.log1p(targets)
        return 0.5 * _summed(residuals * residuals)

    def slope(do: Do, outputs: Array, targets: Array, out: Array) -> None:
        positive, wanted = np.empty_like(out), np.empty_like(out)
        below = np.empty(out.shape, bool)
        do(maximum, outputs, ZERO, positive)
        do(np.log1p, positive, out)
        do(np.log1p, targets, wanted)
        do(np.subtract, out, wanted, out)
        do(np.add, positive, ONE, positive)
        do(np.divide, out, positive, out)  # (log(1 + p) − log(1 + y)) / (1 + p)
        do(np.less, outputs, ZERO, below)
        do(np.putmask, out, below, 0.0)

    def bend(outputs: Array, targets: Array, along: Array) -> Array:
        p = inside(outputs)
        curve = (1 - np.log1p(p) + np.log1p(targets)) / (1 + p) ** 2
        return np.where(outputs.real >= 0, curve * along, 0.0)

    return Loss(
        "mean_squared_logarithmic_error",
        reduction,
        total,
        slope,
        bend,
        lambda targets: np.asarray(np.expm1(_mean(np.log1p(targets)))),
        factor=2.0,
        analytic=False,
        domain=(0.0, np.inf),
    )


@LOSSES.register("binary_cross_entropy")
def binary_cross_entropy(
    *, reduction: Reduction = "mean", class_weights: ClassWeights = None
) -> Loss:
    """−y log p − (1 − y) log(1 − p) of probabilities p; stable after a sigmoid output layer.

    After any other activation p is the output itself, kept within [1e-7, 1 − 1e-7]; beyond that
    its gradient is zero. `class_weights` are those of class 0 and class 1.
    """
    low, high = constant(_CLIP), constant(1.0 - _CLIP)

    def clipped(outputs: Array) -> Array:
        return np.minimum(np.maximum(outputs, low), high)

    def each(outputs: Array, targets: Array) -> Array:
        p = clipped(outputs)
        return np.asarray(-(targets * np.log(p) + (1 - targets) * np.log1p(-p)))

    def slope(do: Do, outputs: Array, targets: Array, out: Array) -> None:
        p, spread = np.empty_like(out), np.empty_like(out)
        beyond, below = np.empty(out.shape, bool), np.empty(out.shape, bool)
        do(maximum, outputs, low, p)
        do(minimum, p, high, p)
        do(np.subtract, ONE, p, spread)
        do(np.multiply, spread, p, spread)
        do(np.subtract, p, targets, out)
        do(np.divide, out, spread, out)  # (p − y) / (p (1 − p))
        do(np.greater, outputs, high, beyond)
        do(np.less, outputs, low, below)
        do(np.putmask, out, beyond, 0.0)
        do(np.putmask, out, below, 0.0)

    def bend(outputs: Array, targets: Array, along: Array) -> Array:
        p = clipped(outputs)
        inside = (outputs.real >= _CLIP) & (outputs.real <= 1 - _CLIP)
        return np.where(inside, (targets / p**2 + (1 - targets) / (1 - p) ** 2) * along, 0.0)

    plain = Loss(
        "binary_cross_entropy",
        reduction,
        _total_of(each),
        slope,
        bend,
        lambda targets: clipped(_mean(targets)),
        absorbs="sigmoid",
        absorbed=_binary_cross_entropy_on_logits(reduction),
        analytic=False,
        domain=(0.0, 1.0),
        each=each,
    )
    return plain if class_weights is None else weighted(plain, class_weights)


def _binary_cross_entropy_on_logits(reduction: Reduction) -> Loss:
    """The same on z before the sigmoid: max(z, 0) − y z + log(1 + e^−|z|)."""
    logistic = ACTIVATIONS.get("sigmoid")()

    def each(outputs: Array, targets: Array) -> Array:
        tail = np.log1p(np.exp(np.minimum(outputs, -outputs)))
        return np.asarray(np.maximum(outputs, 0.0) - targets * outputs + tail)

    def slope(do: Do, outputs: Array, targets: Array, out: Array) -> None:
        logistic.value(do, outputs, out)
        do(np.subtract, out, targets, out)

    def bend(outputs: Array, targets: Array, along: Array) -> Array:
        p = predictions(logistic, outputs)
        result: Array = p * (1 - p) * along
        return result

    def constant_output(targets: Array) -> Array:
        p = np.clip(_mean(targets), _CLIP, 1 - _CLIP)
        return np.asarray(np.log(p) - np.log1p(-p))

    return Loss(
        "binary_cross_entropy",
        reduction,
        _total_of(each),
        slope,
        bend,
        constant_output,
        link=logistic,
        domain=(0.0, 1.0),
        each=each,
    )


@LOSSES.register("softmax_cross_entropy")
def softmax_cross_entropy(
    *, reduction: Reduction = "mean", class_weights: ClassWeights = None
) -> Loss:
    """−Σ y log softmax(z) over the outputs z; a softmax output layer is computed inside it.

    After a linear or any other layer its outputs are taken as logits. `mean` divides by examples;
    `class_weights` are those of the outputs.
    """
    shares = ACTIVATIONS.get("softmax")()

    def each(outputs: Array, targets: Array) -> Array:
        top = np.maximum.reduce(outputs, axis=-2, keepdims=True)
        shifted = outputs - top
        log_sum = np.log(np.add.reduce(np.exp(shifted), axis=-2, keepdims=True))
        return np.asarray(targets * (log_sum - shifted))

    def slope(do: Do, outputs: Array, targets: Array, out: Array) -> None:
        weight = np.empty_like(targets[..., :1, :])
        do(np.add.reduce, targets, -2, None, weight, True)
        shares.value(do, outputs, out)
        do(np.multiply, out, weight, out)  # one-hot targets weigh 1
        do(np.subtract, out, targets, out)

    def bend(outputs: Array, targets: Array, along: Array) -> Array:
        p = predictions(shares, outputs)
        weight = np.add.reduce(targets, axis=-2, keepdims=True)
        mean = np.add.reduce(p * along, axis=-2, keepdims=True)
        result: Array = weight * p * (along - mean)
        return result

    def constant_output(targets: Array) -> Array:
        mean = _mean(targets)
        shares_of_classes = mean / np.maximum(np.sum(mean, axis=-2, keepdims=True), _CLIP)
        return np.asarray(np.log(np.maximum(shares_of_classes, _CLIP)))

    plain = Loss(
        "softmax_cross_entropy",
        reduction,
        _total_of(each),
        slope,
        bend,
        constant_output,
        counts="examples",
        absorbs="softmax",
        link=shares,
        domain=(0.0, 1.0),
        each=each,
    )
    return plain if class_weights is None else weighted(plain, class_weights)


def baseline(loss: Loss, targets: Array, *, on: Array | None = None) -> float:
    """The loss of the mean baseline outputs for `targets` (O, B), on these or on others (O, V)."""
    others = targets if on is None else on
    outputs = np.broadcast_to(loss.constant(targets), others.shape)
    return float(loss.total(outputs, others) * loss.scale(*others.shape))


def predictions(link: Activation | None, outputs: Array) -> Array:
    """What the network predicts from its outputs (…, O, B); the outputs where there is no link."""
    if link is None:
        return outputs
    result = np.empty_like(outputs)
    link.value(now, outputs, result)
    return result


def _total_of(each: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """Σ ℓ over outputs and examples of a loss ℓ."""
    return lambda outputs, targets: _summed(each(outputs, targets))


def _mean(targets: Array) -> Array:
    """Mean over the examples: (O, B) → (O, 1)."""
    return np.asarray(np.mean(targets, axis=-1, keepdims=True))


def _summed(values: Array) -> Array:
    """Sum over outputs and examples: (…, O, B) → (…)."""
    result: Array = np.add.reduce(values, axis=(-2, -1))
    return result

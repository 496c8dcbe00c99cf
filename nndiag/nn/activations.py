"""The activations, from simple to complex.

An activation computes its value, multiplies a vector by its Jacobian J (symmetric for all of them)
and, for the R-operator, differentiates that product along a direction. Elementwise activations
give their slope f′ and the change of their slope f″; most compute f′ from the value alone, so that
the pre-activation need not be kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from nndiag.bounds import Positive, Share
from nndiag.nn.calls import HALF, ONE, ZERO, Array, Do, constant, maximum, minimum
from nndiag.registry import Registered, Registry


class Activation(Protocol):
    """What every activation offers.

    Attributes:
        low: Greatest lower bound of its values, -inf where there is none.
        high: Least upper bound of its values, inf where there is none.
        needs_input: Whether the Jacobian needs the pre-activation z besides the value.
        analytic: Whether the complex step may be used through it.
        steepest: Largest slope; saturation is measured against it.
        can_die: Whether the slope is exactly zero on a half-line.
    """

    @property
    def low(self) -> float: ...  # noqa: D102
    @property
    def high(self) -> float: ...  # noqa: D102
    @property
    def needs_input(self) -> bool: ...  # noqa: D102
    @property
    def analytic(self) -> bool: ...  # noqa: D102
    @property
    def steepest(self) -> float: ...  # noqa: D102
    @property
    def can_die(self) -> bool: ...  # noqa: D102

    def value(self, do: Do, z: Array, out: Array) -> None:
        """f(z) into `out`, which may be `z` itself; shapes (…, H, B)."""

    def pull_back(self, do: Do, z: Array, a: Array, *, vector: Array, scratch: Array) -> None:
        """`vector` becomes J·vector; `scratch` has its shape (…, H, B) and is overwritten."""

    def bend(self, z: Array, a: Array, *, along: Array, vector: Array) -> Array:
        """(∂J/∂z · along) · vector, shape (…, H, B)."""


@dataclass(frozen=True)
class Elementwise(Registered):
    """An activation of each unit by itself.

    Attributes:
        compute: `(do, z, out)`: f(z) into `out`, which may be `z`.
        slope: `(do, z, a, out)`: f′(z) into `out`; z is only meaningful if `needs_input`.
        slope_change: `(z, a)` → f″(z).
        straight: Whether it is made of straight lines, so that differences are exact over any
            distance without a kink.
    """

    compute: Callable[[Do, Array, Array], None]
    slope: Callable[[Do, Array, Array, Array], None]
    slope_change: Callable[[Array, Array], Array]
    low: float = -np.inf
    high: float = np.inf
    needs_input: bool = False
    analytic: bool = True
    steepest: float = 1.0
    can_die: bool = False
    identity: bool = field(default=False)
    straight: bool = False

    def value(self, do: Do, z: Array, out: Array) -> None:
        """See `Activation`."""
        self.compute(do, z, out)

    def pull_back(self, do: Do, z: Array, a: Array, *, vector: Array, scratch: Array) -> None:
        """See `Activation`."""
        if self.identity:
            return
        self.slope(do, z, a, scratch)
        do(np.multiply, vector, scratch, vector)

    def bend(self, z: Array, a: Array, *, along: Array, vector: Array) -> Array:
        """See `Activation`."""
        result: Array = self.slope_change(z, a) * along * vector
        return result


@dataclass(frozen=True)
class Softmax(Registered):
    """exp(z) over its sum along the units; J = diag(a) − a·aᵀ."""

    low: float = 0.0
    high: float = 1.0
    needs_input: bool = False
    analytic: bool = True
    steepest: float = 0.25
    can_die: bool = False

    def value(self, do: Do, z: Array, out: Array) -> None:
        """See `Activation`."""
        total = np.empty_like(out[..., :1, :])
        do(np.maximum.reduce, z, -2, None, total, True)
        do(np.subtract, z, total, out)
        do(np.exp, out, out)
        do(np.add.reduce, out, -2, None, total, True)
        do(np.divide, out, total, out)

    def pull_back(self, do: Do, z: Array, a: Array, *, vector: Array, scratch: Array) -> None:
        """See `Activation`."""
        total = np.empty_like(vector[..., :1, :])
        do(np.multiply, a, vector, scratch)
        do(np.add.reduce, scratch, -2, None, total, True)
        do(np.subtract, vector, total, vector)
        do(np.multiply, vector, a, vector)

    def bend(self, z: Array, a: Array, *, along: Array, vector: Array) -> Array:
        """See `Activation`."""

        def total(values: Array) -> Array:
            return np.add.reduce(values, axis=-2, keepdims=True)

        change = a * (along - total(a * along))
        result: Array = change * (vector - total(a * vector)) - a * total(change * vector)
        return result


ACTIVATIONS: Registry[Callable[..., Activation]] = Registry("activation")


@ACTIVATIONS.register("linear")
def linear() -> Activation:
    """f(z) = z."""

    def compute(do: Do, z: Array, out: Array) -> None:
        if out is not z:
            do(np.copyto, out, z)

    def slope(do: Do, z: Array, a: Array, out: Array) -> None:
        do(np.copyto, out, ONE)

    return Elementwise(compute, slope, lambda z, a: np.zeros_like(a), identity=True, straight=True)


@ACTIVATIONS.register("tanh")
def tanh() -> Activation:
    """Hyperbolic tangent, between −1 and 1."""

    def compute(do: Do, z: Array, out: Array) -> None:
        do(np.tanh, z, out)

    def slope(do: Do, z: Array, a: Array, out: Array) -> None:
        do(np.multiply, a, a, out)
        do(np.subtract, ONE, out, out)  # 1 − a²

    def slope_change(z: Array, a: Array) -> Array:
        change: Array = a * a
        change -= 1.0
        change *= a
        change *= 2.0  # −2a (1 − a²), in place: fresh large arrays cost more than the passes
        return change

    return Elementwise(compute, slope, slope_change, low=-1.0, high=1.0)


@ACTIVATIONS.register("sigmoid")
def sigmoid() -> Activation:
    """Logistic function 1 / (1 + e⁻ᶻ), between 0 and 1."""

    def slope(do: Do, z: Array, a: Array, out: Array) -> None:
        do(np.subtract, ONE, a, out)
        do(np.multiply, out, a, out)  # a (1 − a)

    def slope_change(z: Array, a: Array) -> Array:
        spread = 1.0 - a
        change: Array = a * spread
        spread -= a
        change *= spread  # a (1 − a)(1 − 2a)
        return change

    return Elementwise(_logistic, slope, slope_change, low=0.0, high=1.0, steepest=0.25)


@ACTIVATIONS.register("relu")
def relu() -> Activation:
    """Rectifier max(z, 0)."""

    def compute(do: Do, z: Array, out: Array) -> None:
        do(maximum, z, ZERO, out)

    def slope(do: Do, z: Array, a: Array, out: Array) -> None:
        do(np.greater, a, ZERO, out)

    return Elementwise(
        compute,
        slope,
        lambda z, a: np.zeros_like(a),
        low=0.0,
        analytic=False,
        can_die=True,
        straight=True,
    )


@ACTIVATIONS.register("leaky_relu")
def leaky_relu(*, slope: Share = 0.01) -> Activation:
    """Rectifier that lets a share of the negative part through: max(z, slope·z)."""
    leak, rise = constant(slope), constant(1.0 - slope)

    def compute(do: Do, z: Array, out: Array) -> None:
        leaked = np.empty_like(out)
        do(np.multiply, z, leak, leaked)
        do(maximum, z, leaked, out)

    def step(do: Do, z: Array, a: Array, out: Array) -> None:
        do(np.greater, a, ZERO, out)
        do(np.multiply, out, rise, out)
        do(np.add, out, leak, out)

    return Elementwise(compute, step, lambda z, a: np.zeros_like(a), analytic=False, straight=True)


@ACTIVATIONS.register("elu")
def elu(*, alpha: Positive = 1.0) -> Activation:
    """Exponential linear unit: z above zero, α(eᶻ − 1) below."""
    depth = constant(alpha)

    def compute(do: Do, z: Array, out: Array) -> None:
        below = np.empty_like(out)
        do(minimum, z, ZERO, below)
        do(np.expm1, below, below)
        do(np.multiply, below, depth, below)
        do(maximum, z, ZERO, out)
        do(np.add, out, below, out)

    def slope(do: Do, z: Array, a: Array, out: Array) -> None:
        above = np.empty(out.shape, bool)
        do(np.greater, a, ZERO, above)
        do(np.add, a, depth, out)  # below zero f′ = a + α
        do(np.putmask, out, above, 1.0)

    def slope_change(z: Array, a: Array) -> Array:
        return np.where(a.real > 0, 0.0, a + alpha)

    return Elementwise(
        compute, slope, slope_change, low=-alpha, analytic=False, steepest=max(1.0, alpha)
    )


@ACTIVATIONS.register("gelu")
def gelu() -> Activation:
    """Gaussian error linear unit in its tanh form: ½z(1 + tanh(√(2/π)(z + 0.044715 z³))).

    Source: Hendrycks and Gimpel 2016, section 2; at most 5e-4 away from z·Φ(z).
    """
    cubic, rate = 0.044715, float(np.sqrt(2 / np.pi))
    cubic_array, rate_array, three_cubic = constant(cubic), constant(rate), constant(3 * cubic)

    def bell(do: Do, z: Array, out: Array) -> None:
        do(np.multiply, z, z, out)
        do(np.multiply, out, cubic_array, out)
        do(np.add, out, ONE, out)
        do(np.multiply, out, z, out)
        do(np.multiply, out, rate_array, out)
        do(np.tanh, out, out)  # t = tanh(√(2/π)(z + 0.044715 z³))

    def compute(do: Do, z: Array, out: Array) -> None:
        bent = np.empty_like(out)
        bell(do, z, bent)
        do(np.add, bent, ONE, bent)
        do(np.multiply, bent, HALF, bent)
        do(np.multiply, z, bent, out)

    def slope(do: Do, z: Array, a: Array, out: Array) -> None:
        bent, inner = np.empty_like(out), np.empty_like(out)
        bell(do, z, bent)
        do(np.multiply, z, z, inner)
        do(np.multiply, inner, three_cubic, inner)
        do(np.add, inner, ONE, inner)
        do(np.multiply, inner, rate_array, inner)  # u′
        do(np.multiply, bent, bent, out)
        do(np.subtract, ONE, out, out)
        do(np.multiply, out, inner, out)
        do(np.multiply, out, z, out)  # z (1 − t²) u′
        do(np.add, out, bent, out)
        do(np.add, out, ONE, out)
        do(np.multiply, out, HALF, out)  # ½(1 + t + z (1 − t²) u′)

    def slope_change(z: Array, a: Array) -> Array:
        t = np.tanh(rate * (z + cubic * z**3))
        first = rate * (1 + 3 * cubic * z * z)
        second = 6 * rate * cubic * z
        change: Array = (1 - t * t) * (first + 0.5 * z * second - z * t * first * first)
        return change

    return Elementwise(compute, slope, slope_change, low=-0.17004, needs_input=True, steepest=1.129)


@ACTIVATIONS.register("softplus")
def softplus() -> Activation:
    """Smooth rectifier log(1 + eᶻ)."""

    def compute(do: Do, z: Array, out: Array) -> None:
        tail = np.empty_like(out)
        do(np.negative, z, tail)
        do(minimum, z, tail, tail)
        do(np.exp, tail, tail)
        do(np.log1p, tail, tail)  # log(1 + e^−|z|)
        do(maximum, z, ZERO, out)
        do(np.add, out, tail, out)

    def slope(do: Do, z: Array, a: Array, out: Array) -> None:
        do(np.negative, a, out)
        do(np.expm1, out, out)
        do(np.negative, out, out)  # 1 − e^−a = sigmoid(z)

    def slope_change(z: Array, a: Array) -> Array:
        change: Array = -np.expm1(-a) * np.exp(-a)
        return change

    return Elementwise(compute, slope, slope_change, low=0.0)


@ACTIVATIONS.register("softmax")
def softmax() -> Activation:
    """Shares that sum to 1 over the layer's units."""
    return Softmax()


def _logistic(do: Do, z: Array, out: Array) -> None:
    """1 / (1 + e⁻ᶻ): accurate at both ends; an overflow of e⁻ᶻ gives the right 0."""
    do(np.negative, z, out)
    do(np.exp, out, out)
    do(np.add, out, ONE, out)
    do(np.divide, ONE, out, out)

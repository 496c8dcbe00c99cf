"""How weights begin, from simple to complex.

An initializer is called with a generator and the fan-out and fan-in of a layer, and gives its
weights, shape (units, inputs). Biases are drawn as the weights of one more input: fan-in 1.
"""

import math
from collections.abc import Callable

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.bounds import NonNegative, Positive
from nndiag.registry import Registry

Initializer = Callable[[np.random.Generator, int, int], FloatArray]

INITIALIZERS: Registry[Callable[..., Initializer]] = Registry("initializer")


@INITIALIZERS.register("zeros")
def zeros() -> Initializer:
    """All zero: right for biases; as weights it keeps the units of a layer identical."""
    return constant(value=0.0)


@INITIALIZERS.register("constant")
def constant(*, value: float) -> Initializer:
    """All the same value."""
    return lambda rng, fan_out, fan_in: np.full((fan_out, fan_in), float(value))


@INITIALIZERS.register("uniform")
def uniform(*, low: float = -1.0, high: float = 1.0) -> Initializer:
    """Uniform on [low, high); low and high may stand in either order."""
    low, high = min(low, high), max(low, high)
    return lambda rng, fan_out, fan_in: rng.uniform(low, high, (fan_out, fan_in))


@INITIALIZERS.register("normal")
def normal(*, mean: float = 0.0, std: NonNegative = 1.0) -> Initializer:
    """Normal with this mean and standard deviation."""
    return lambda rng, fan_out, fan_in: rng.normal(mean, std, (fan_out, fan_in))


@INITIALIZERS.register("glorot_uniform")
def glorot_uniform(*, gain: Positive = 1.0) -> Initializer:
    """Uniform with standard deviation gain·√(2 / (fan-in + fan-out)): for tanh and linear.

    Source: Glorot and Bengio 2010, equation 16.
    """
    return _uniform_of(lambda fan_out, fan_in: gain * math.sqrt(2 / (fan_in + fan_out)))


@INITIALIZERS.register("glorot_normal")
def glorot_normal(*, gain: Positive = 1.0) -> Initializer:
    """Normal with standard deviation gain·√(2 / (fan-in + fan-out)): for tanh and linear.

    Source: Glorot and Bengio 2010, equation 12.
    """
    return _normal_of(lambda fan_out, fan_in: gain * math.sqrt(2 / (fan_in + fan_out)))


@INITIALIZERS.register("he_uniform")
def he_uniform(*, gain: Positive = 1.0) -> Initializer:
    """Uniform with standard deviation gain·√(2 / fan-in): for the ReLU family.

    Source: He et al. 2015, equation 10.
    """
    return _uniform_of(lambda fan_out, fan_in: gain * math.sqrt(2 / fan_in))


@INITIALIZERS.register("he_normal")
def he_normal(*, gain: Positive = 1.0) -> Initializer:
    """Normal with standard deviation gain·√(2 / fan-in): for the ReLU family.

    Source: He et al. 2015, equation 10.
    """
    return _normal_of(lambda fan_out, fan_in: gain * math.sqrt(2 / fan_in))


@INITIALIZERS.register("lecun_uniform")
def lecun_uniform(*, gain: Positive = 1.0) -> Initializer:
    """Uniform with standard deviation gain/√fan-in: keeps the size of linear activations.

    Source: LeCun et al. 1998, "Efficient BackProp", equation 16.
    """
    return _uniform_of(lambda fan_out, fan_in: gain / math.sqrt(fan_in))


@INITIALIZERS.register("lecun_normal")
def lecun_normal(*, gain: Positive = 1.0) -> Initializer:
    """Normal with standard deviation gain/√fan-in: keeps the size of linear activations.

    Source: LeCun et al. 1998, "Efficient BackProp", equation 16.
    """
    return _normal_of(lambda fan_out, fan_in: gain / math.sqrt(fan_in))


def _uniform_of(deviation: Callable[[int, int], float]) -> Initializer:
    """Uniform around zero; a uniform on [−a, a) has standard deviation a/√3."""

    def draw(rng: np.random.Generator, fan_out: int, fan_in: int) -> FloatArray:
        limit = math.sqrt(3) * deviation(fan_out, fan_in)
        return rng.uniform(-limit, limit, (fan_out, fan_in))

    return draw


def _normal_of(deviation: Callable[[int, int], float]) -> Initializer:
    """Normal around zero."""
    return lambda rng, fan_out, fan_in: rng.normal(
        0.0, deviation(fan_out, fan_in), (fan_out, fan_in)
    )

"""The optimizers, from simple to complex.

An optimizer turns a gradient (K, P) into a step of the parameters (K, P). What changes from step
to step (decay of the rate, bias corrections) is a row of coefficients per step, computed for a
block of steps at once, so that the step itself is a fixed list of calls.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.bounds import Fraction, NonNegative, Positive
from nndiag.nn.calls import Array, Do, constant
from nndiag.nn.schedules import Schedule
from nndiag.registry import Registered, Registry


@dataclass(frozen=True, eq=False)
class Step:
    """What one step works on; the arrays are (K, P).

    Attributes:
        parameters: They are moved.
        gradient: It is left as it is.
        scratch: It is overwritten.
        memory: What the optimizer keeps from step to step.
        coefficients: The numbers of this step, C arrays that broadcast against the others.
    """

    parameters: Array
    gradient: Array
    scratch: Array
    memory: Sequence[Array]
    coefficients: Sequence[Array]


@dataclass(frozen=True)
class Optimizer(Registered):
    """One update rule.

    Attributes:
        name: Its name in the registry.
        learning_rate: The configured rate.
        memories: Number of arrays (K, P) that it keeps from step to step; they start at zero.
        coefficients: `(steps (n,), rates (K,) or (n, K))` → the numbers of each step, shape
            (n, C, K); steps count from 0.
        update: `(do, step)`: makes one step.
        decay: 1/t decay: the rate of step t is learning_rate / (1 + decay·t).
        momentum: Momentum β, 0 where there is none.
        nesterov: Whether the momentum is Nesterov's.
        adaptive: Whether each parameter has its own rate.
        averaging: Adam's β₁, 0 where the gradient itself is taken.
        epsilon: What an adaptive optimizer adds to the root of the mean square.
        weight_decay: This times the parameters is added to the gradient; one number, or one for
            each parameter, shape (P,).
        schedule: How the rate changes with the steps; None where it does not.
        clip_norm: The gradient is scaled down to this norm where it is larger.
    """

    name: str
    learning_rate: float
    memories: int
    coefficients: Callable[[NDArray[np.int64], FloatArray], FloatArray]
    update: Callable[[Do, Step], None]
    decay: float = 0.0
    momentum: float = 0.0
    nesterov: bool = False
    adaptive: bool = False
    averaging: float = 0.0
    epsilon: float = 0.0
    weight_decay: float | FloatArray = 0.0
    schedule: Schedule | None = None
    clip_norm: float | None = None

    @property
    def linear(self) -> bool:
        """Whether a step is the gradient times its one coefficient, and nothing else."""
        return self.memories == 0 and not self.decays and self.clip_norm is None

    @property
    def decays(self) -> bool:
        """Whether a multiple of the parameters is added to the gradient."""
        return bool(np.any(self.weight_decay))

    def rate(self, step: int) -> float:
        """The learning rate in force at `step`, counted from 0."""
        return float(self._scheduled(np.array([step]), np.array([self.learning_rate]))[0, 0]) / (
            1.0 + self.decay * step
        )

    def numbers(self, steps: NDArray[np.int64], rates: FloatArray) -> FloatArray:
        """The coefficients of some steps (n,) for rates (K,), as scheduled: shape (n, C, K)."""
        return self.coefficients(steps, self._scheduled(steps, rates))

    def _scheduled(self, steps: NDArray[np.int64], rates: FloatArray) -> FloatArray:
        """The rate of each step and network before the decay, shape (n, K)."""
        factors = np.ones(len(steps)) if self.schedule is None else self.schedule.factors(steps)
        return factors[:, None] * rates


OPTIMIZERS: Registry[Callable[..., Optimizer]] = Registry("optimizer")


@OPTIMIZERS.register("sgd")
def sgd(
    *,
    learning_rate: Positive = 0.1,
    momentum: Fraction = 0.0,
    nesterov: bool = False,
    decay: NonNegative = 0.0,
) -> Optimizer:
    """Gradient descent, with heavy-ball or Nesterov momentum.

    v ← βv + g; θ ← θ − ηv, or θ ← θ − η(g + βv) with Nesterov.

    Source: Sutskever et al. 2013, equations 1–4, in the form in which η scales the whole step.
    """
    beta = constant(momentum)

    def plain(do: Do, step: Step) -> None:
        do(np.multiply, step.gradient, step.coefficients[0], step.scratch)
        do(np.subtract, step.parameters, step.scratch, step.parameters)

    def accelerated(do: Do, step: Step) -> None:
        gradient, scratch = step.gradient, step.scratch
        (velocity,) = step.memory
        do(np.multiply, velocity, beta, velocity)
        do(np.add, velocity, gradient, velocity)
        if nesterov:
            do(np.multiply, velocity, beta, scratch)
            do(np.add, scratch, gradient, scratch)
            do(np.multiply, scratch, step.coefficients[0], scratch)
        else:
            do(np.multiply, velocity, step.coefficients[0], scratch)
        do(np.subtract, step.parameters, scratch, step.parameters)

    return Optimizer(
        "sgd",
        learning_rate,
        memories=1 if momentum else 0,
        coefficients=lambda steps, rates: _decayed(steps, rates, decay)[:, None],
        update=accelerated if momentum else plain,
        decay=decay,
        momentum=momentum,
        nesterov=nesterov and momentum > 0,
    )


@OPTIMIZERS.register("rmsprop")
def rmsprop(
    *,
    learning_rate: Positive = 0.001,
    rho: Fraction = 0.9,
    epsilon: Positive = 1e-7,
    decay: NonNegative = 0.0,
) -> Optimizer:
    """Gradient over the root of its running mean square.

    v ← ρv + (1 − ρ)g²; θ ← θ − ηg/(√v + ε).

    Source: Hinton 2012, lecture 6e, with ε outside the root.
    """
    keep, take, floor = constant(rho), constant(1 - rho), constant(epsilon)

    def update(do: Do, step: Step) -> None:
        gradient, scratch = step.gradient, step.scratch
        (square,) = step.memory
        do(np.multiply, gradient, gradient, scratch)
        do(np.multiply, scratch, take, scratch)
        do(np.multiply, square, keep, square)
        do(np.add, square, scratch, square)
        do(np.sqrt, square, scratch)
        do(np.add, scratch, floor, scratch)
        do(np.divide, gradient, scratch, scratch)
        do(np.multiply, scratch, step.coefficients[0], scratch)
        do(np.subtract, step.parameters, scratch, step.parameters)

    return Optimizer(
        "rmsprop",
        learning_rate,
        memories=1,
        coefficients=lambda steps, rates: _decayed(steps, rates, decay)[:, None],
        update=update,
        decay=decay,
        adaptive=True,
        epsilon=epsilon,
    )


@OPTIMIZERS.register("adam")
def adam(
    *,
    learning_rate: Positive = 0.001,
    beta_1: Fraction = 0.9,
    beta_2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    decay: NonNegative = 0.0,
) -> Optimizer:
    """Adam: running mean of the gradient over the root of its running mean square.

    m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; θ ← θ − η·m̂/(√v̂ + ε), with bias-corrected m̂, v̂.

    Source: Kingma and Ba 2015, algorithm 1.
    """
    keep_1, take_1 = constant(beta_1), constant(1 - beta_1)
    keep_2, take_2 = constant(beta_2), constant(1 - beta_2)
    floor = constant(epsilon)

    def coefficients(steps: NDArray[np.int64], rates: FloatArray) -> FloatArray:
        count = (steps + 1)[:, None].astype(float)
        rate = _decayed(steps, rates, decay) / (1 - beta_1**count)  # η / (1 − β₁ᵗ)
        spread = np.broadcast_to(1 / np.sqrt(1 - beta_2**count), rate.shape)  # 1/√(1 − β₂ᵗ)
        return np.stack([rate, spread], axis=1)  # (n, 2, K)

    def update(do: Do, step: Step) -> None:
        gradient, scratch = step.gradient, step.scratch
        mean, square = step.memory
        do(np.multiply, gradient, take_1, scratch)
        do(np.multiply, mean, keep_1, mean)
        do(np.add, mean, scratch, mean)
        do(np.multiply, gradient, gradient, scratch)
        do(np.multiply, scratch, take_2, scratch)
        do(np.multiply, square, keep_2, square)
        do(np.add, square, scratch, square)
        do(np.sqrt, square, scratch)
        do(np.multiply, scratch, step.coefficients[1], scratch)
        do(np.add, scratch, floor, scratch)
        do(np.divide, mean, scratch, scratch)
        do(np.multiply, scratch, step.coefficients[0], scratch)
        do(np.subtract, step.parameters, scratch, step.parameters)

    return Optimizer(
        "adam",
        learning_rate,
        memories=2,
        coefficients=coefficients,
        update=update,
        decay=decay,
        adaptive=True,
        averaging=beta_1,
        epsilon=epsilon,
    )


@OPTIMIZERS.register("adamw")
def adamw(
    *,
    learning_rate: Positive = 0.001,
    beta_1: Fraction = 0.9,
    beta_2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NonNegative = 0.01,
    decay: NonNegative = 0.0,
) -> Optimizer:
    """Adam whose weight decay is no part of the gradient: θ ← θ − η·(λθ + Adam's step).

    Source: Loshchilov and Hutter 2019, Decoupled weight decay regularization, algorithm 2.
    """
    inner: Optimizer = adam(
        learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, decay=decay
    )

    def coefficients(steps: NDArray[np.int64], rates: FloatArray) -> FloatArray:
        own = inner.coefficients(steps, rates)
        shrinking = weight_decay * _decayed(steps, rates, decay)
        return np.concatenate([own, shrinking[:, None]], axis=1)  # (n, 3, K)

    def update(do: Do, step: Step) -> None:
        do(np.multiply, step.parameters, step.coefficients[2], step.scratch)
        do(np.subtract, step.parameters, step.scratch, step.parameters)
        inner.update(do, step)

    return inner.changed(name="adamw", coefficients=coefficients, update=update)


def _decayed(steps: NDArray[np.int64], rates: FloatArray, decay: float) -> FloatArray:
    """The rate of each step and network, shape (n, K), from rates (K,) or (n, K)."""
    return rates / (1.0 + decay * steps[:, None])

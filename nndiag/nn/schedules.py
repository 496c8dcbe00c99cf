"""The learning-rate schedules, from simple to complex.

A schedule is a factor of the configured rate for each step. Names and formulas are those of Keras
and optax where they agree; `warmup_steps`, which any of them can have, is a linear rise before it.

To add one: a function under `@SCHEDULES.register("name")`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nndiag.bounds import Count, Fraction, Positive, Share
from nndiag.registry import Registered, Registry

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule(Registered):
    """How the rate changes with the steps.

    Attributes:
        name: Its name in the registry.
        factor: `(steps after the warm-up (n,), steps of the run after it)` → factors (n,).
        warmup_steps: Steps in which the rate rises from nearly 0 to the configured one.
        total: Steps of the whole run.
    """

    name: str
    factor: Callable[[FloatArray, int], FloatArray]
    warmup_steps: int = 0
    total: int = 1

    def factors(self, steps: NDArray[np.int64]) -> FloatArray:
        """What the configured rate is multiplied by at some steps, counted from 0, shape (n,)."""
        after = np.maximum(steps - self.warmup_steps, 0).astype(float)
        rising = np.minimum((steps + 1) / (self.warmup_steps + 1), 1.0)
        return rising * self.factor(after, max(self.total - self.warmup_steps, 1))


SCHEDULES: Registry[Callable[..., Schedule]] = Registry("schedule")


@SCHEDULES.register("constant")
def constant() -> Schedule:
    """The configured rate; what a warm-up leads to where nothing else is wanted."""
    return Schedule("constant", lambda steps, total: np.ones_like(steps))


@SCHEDULES.register("step")
def step(*, every: Count, factor: Positive = 0.1) -> Schedule:
    """The rate times `factor` after each `every` steps: η·factor^⌊t/every⌋."""
    return Schedule("step", lambda steps, total: factor ** (steps // every))


@SCHEDULES.register("exponential")
def exponential(*, every: Count, factor: Fraction = 0.96) -> Schedule:
    """The same without jumps: η·factor^(t/every)."""
    return Schedule("exponential", lambda steps, total: factor ** (steps / every))


@SCHEDULES.register("cosine")
def cosine(*, final: Share = 0.0) -> Schedule:
    """Half a cosine from the rate to `final` of it over the run.

    η·(final + (1 − final)·½(1 + cos πt/T)).

    Source: Loshchilov and Hutter 2017, SGDR, equation 5, without restarts.
    """

    def factor(steps: FloatArray, total: int) -> FloatArray:
        way = np.minimum(steps / total, 1.0)
        return np.asarray(final + (1 - final) * 0.5 * (1 + np.cos(np.pi * way)))

    return Schedule("cosine", factor)

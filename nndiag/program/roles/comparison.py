"""What one parameter's updates come to, compared with the derivative of the loss at all points."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nndiag.program.roles.clipping import Clip
from nndiag.program.roles.optimizers import Update
from nndiag.program.roles.status import Status

_ALIKE = 1e-4  # how much a factor may differ from point to point


@dataclass(eq=False)
class Comparison:
    """One parameter at all points.

    Attributes:
        name: The parameter.
        shape: Its shape.
        status: What it comes to.
        factors: Per point: node_id → factor of the values of its chain that are multiples of its
            derivative. A rate decays and batches differ in size, so that they change from point to
            point.
        iterations: Per point: the iteration of the loop.
        update: How its step follows from the derivative at the first point that tells; None where
            no rule was recognised.
        shares: Per point: for each part of the parameter, the multiple of itself that its step has
            beside the derivative; None where neither step nor chain shows one.
        clips: Per point: the cut of the gradient's entries, where there is one.
        parts: Which of its entries belong together.
        rates: Per point: the step over the derivative, where they are parallel.
        ratios: Per point where the scale is wrong: how many times too large the step is.
        cosine: Between step and derivative, where it is worst.
        error: Distance of the scaled step from the derivative, relative, where it is worst.
        chain_error: Distance of the value taken for the gradient from the derivative, where it is
            worst.
        unmoved: How many entries no step moves though the loss feels them, at every point.
        zero: Whether its derivative is exactly zero at all points.
        by_residual: Whether the factor differs at each point.
        is_astray: Whether the step is none of what a right gradient leads to.
    """

    name: str
    shape: tuple[int, ...]
    status: Status = Status.NO_SIGNAL
    factors: dict[int, dict[int, float]] = field(default_factory=dict)
    iterations: dict[int, int] = field(default_factory=dict)
    update: Update | None = None
    shares: dict[int, tuple[float, ...] | None] = field(default_factory=dict)
    clips: dict[int, Clip] = field(default_factory=dict)
    parts: tuple[np.ndarray, ...] = ()
    rates: dict[int, float] = field(default_factory=dict)
    ratios: dict[int, float] = field(default_factory=dict)
    cosine: float | None = None
    error: float | None = None
    chain_error: float | None = None
    unmoved: int = 0
    zero: bool = False
    is_astray: bool = False
    by_residual: bool = False

    @property
    def rate(self) -> float | None:
        """The step over the derivative at the first point that has one."""
        return next(iter(self.rates.values()), None)

    @property
    def ratio(self) -> float | None:
        """How many times too large the step is, at the first point where it is."""
        return next(iter(self.ratios.values()), None)

    @property
    def points(self) -> list[int]:
        """The points at which the loss feels it."""
        return list(self.factors)

    @property
    def is_traced(self) -> bool:
        """Whether something that its step is made of is a multiple of the derivative everywhere."""
        return bool(self.factors) and all(self.factors.values())

    def values(self, point: int) -> list[float]:
        """All factors that it has at a point."""
        own = self.telling(point)
        return [*own, self.rates[point]] if point in self.rates else own

    def telling(self, point: int) -> list[float]:
        """The factors of its chain at a point; of one number those that all points near it have.

        One number is a multiple of any other: that tells only where it is the same one at all
        points of an iteration. From iteration to iteration a rate may decay.
        """
        own = self.factors.get(point, {})
        if not self.is_single:
            return list(own.values())
        near = [
            table
            for other, table in self.factors.items()
            if self.iterations.get(other) == self.iterations.get(point)
        ]
        tables = near if len(near) > 1 else list(self.factors.values())
        alike = [
            factor
            for node_id, factor in own.items()
            if all(abs(x.get(node_id, 0.0) - factor) <= _ALIKE * abs(factor) for x in tables)
        ]
        return alike or list(own.values())

    @property
    def is_single(self) -> bool:
        """Whether it is one number, which is a multiple of any other."""
        return int(np.prod(self.shape)) == 1

"""What the check says of one tensor, and of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from nndiag.arrays import FloatArray, IndexArray


class Verdict(str, Enum):  # noqa: UP042 (StrEnum came with Python 3.11)
    """What the comparison says about one tensor."""

    CORRECT = "correct"
    """The gradient agrees with independent derivatives."""
    WRONG = "wrong"
    """It does not, and they agree with each other."""
    NOISE = "noise"
    """The gradient is too small beside the loss for differences to decide."""
    KINK = "kink"
    """Every entry sits on a kink, where no derivative exists."""
    ZERO = "zero"
    """The gradient is zero, and rightly so: the loss does not depend on the tensor there."""

    __str__ = str.__str__


@dataclass(frozen=True)
class Element:
    """One entry of a tensor with its two derivatives.

    Attributes:
        index: Where it stands in the tensor.
        analytic: The gradient that is checked.
        numeric: The independent derivative.
    """

    index: tuple[int, ...]
    analytic: float
    numeric: float


@dataclass(frozen=True)
class TensorCheck:
    """One tensor's gradient g beside independent derivatives n.

    Attributes:
        name: The tensor.
        shape: Its shape.
        verdict: What follows.
        relative_error: |g − n| / max(|g|, |n|), 0 where both are zero; n with the step that agrees
            best, or by the complex step where only that can decide.
        cosine: Cosine of the angle between g and n; None where one of them is zero.
        scale: Factor c that makes c·n the nearest to g; None where n is zero.
        residual: |g − c·n| / |g|, what no factor explains.
        noise: The relative error that rounding alone can make.
        worst: The entry with the largest difference; None where none could be compared.
        complex_error: The same error against the complex step, on a sample of entries; None where
            something is not analytic, or the gradient is all rounding.
        checked: Number of entries that were compared.
        kinks: Number of entries left out because a kink is in reach.
        entries: The entries that decided, flat, shape (n,).
        gradient: g at them, shape (n,).
        numeric: n at them, shape (n,).
        covered: Whether entries that were not compared one by one agree along a random direction;
            None where there are none, or where it cannot be told.
    """

    name: str
    shape: tuple[int, ...]
    verdict: Verdict
    relative_error: float
    cosine: float | None
    scale: float | None
    residual: float
    noise: float
    worst: Element | None
    complex_error: float | None
    checked: int
    kinks: int
    entries: IndexArray = field(compare=False, repr=False)
    gradient: FloatArray = field(compare=False, repr=False)
    numeric: FloatArray = field(compare=False, repr=False)
    covered: bool | None = None

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(np.prod(self.shape, dtype=int))

    @property
    def is_right(self) -> bool:
        """Whether the gradient is right, zero among it."""
        return self.verdict in (Verdict.CORRECT, Verdict.ZERO)

    @property
    def is_wrong(self) -> bool:
        """Whether the gradient is wrong."""
        return self.verdict is Verdict.WRONG


@dataclass(frozen=True)
class GradientCheck:
    """The check of a gradient at one point.

    Attributes:
        loss: The loss there.
        noise: Its absolute rounding error.
        scale: The factor of right tensors over the loss's gradient: 1, or that of a step.
        tensors: One check per tensor, in their order.
    """

    loss: float
    noise: float
    scale: float
    tensors: tuple[TensorCheck, ...]

    @property
    def correct(self) -> bool:
        """Whether no tensor is wrong."""
        return not any(tensor.is_wrong for tensor in self.tensors)

    def __iter__(self) -> Iterator[TensorCheck]:
        return iter(self.tensors)

    def __getitem__(self, name: str) -> TensorCheck:
        return next(tensor for tensor in self.tensors if tensor.name == name)

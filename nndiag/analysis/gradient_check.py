"""Whether a network's gradient is right, tensor by tensor, and whether the check can tell.

A gradient is compared with central differences and, where everything is analytic, with the complex
step. When they disagree the check itself is questioned first: the step size is swept, and
parameters with a kink in reach are evaluated closer or left out. Only a difference that stays the
same over two step sizes is held against the gradient.

All errors are relative to the norm of the tensor, so that multiplying the loss by a constant
changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nndiag.analysis.finite_differences import (
    STEP,
    Differences,
    FloatArray,
    central_differences,
    complex_steps,
    full_differences,
    is_analytic,
)
from nndiag.analysis.rounding import gradient_rounding, loss_rounding
from nndiag.analysis.sampling import affordable_units
from nndiag.nn.network import Architecture, Examples, loss_and_gradient

TOLERANCE = 1e-6  # agreement of two independent derivatives; central differences reach 1e-9
_SWEEP = (1e-2, 1e-1, 1e1, 1e2)  # further steps, relative to the first
_STEADY = 0.1  # two step sizes that agree this much better than with the gradient prove it wrong
_CERTAIN = 10  # differences that exceed the estimated rounding by this are no rounding
_CLOSER = (1e-2, 1e-4)  # steps for parameters with a kink in reach, relative to the first
_AT_KINKS = 500  # of those at most so many are evaluated
_SAMPLE = 8  # parameters per tensor that are checked by whole forward passes
_SEED = 7  # of the parameters that are sampled: the same network gives the same report


class Verdict(StrEnum):
    """What the comparison says about one tensor."""

    CORRECT = "correct"
    """The gradient agrees with independent derivatives."""
    WRONG = "wrong"
    """It does not, and they agree with each other."""
    NOISE = "noise"
    """The gradient is too small beside the loss for differences to decide."""
    KINK = "kink"
    """Every parameter sits on a kink, where no derivative exists."""


@dataclass(frozen=True)
class Element:
    """One parameter with its two derivatives; `index` is (unit, input) or (unit,)."""

    index: tuple[int, ...]
    analytic: float
    numeric: float


@dataclass(frozen=True)
class TensorCheck:
    """One tensor's gradient beside independent derivatives.

    Attributes:
        name: "layer1.weights", "layer1.biases", …
        verdict: What follows.
        relative_error: |g − n| / max(|g|, |n|), 0 where both are zero; n at the step size that
            agrees best, or by the complex step where only that can decide.
        cosine: Cosine of the angle between g and n; None where one of them is zero.
        scale: Factor c that makes c·n the nearest to g; None where n is zero.
        worst: The parameter with the largest difference; None where none could be checked.
        complex_error: The same error against the complex step, on a sample of parameters; None
            where something is not analytic, or the gradient is all rounding.
        checked: Number of parameters that were compared.
        kinks: Number of parameters left out because a kink is in reach.
        size: Number of parameters.
    """

    name: str
    verdict: Verdict
    relative_error: float
    cosine: float | None
    scale: float | None
    worst: Element | None
    complex_error: float | None
    checked: int
    kinks: int
    size: int


@dataclass(frozen=True)
class PointCheck:
    """The check at one point of parameter space.

    Attributes:
        point: What the point is: "initial", …
        loss: The loss there.
        examples: Number of examples in it.
        spot_error: How far the fast differences are from those of whole forward passes, relative
            to the tensor's norm, at worst over a sample of parameters.
        tensors: One check per tensor, from the input side.
    """

    point: str
    loss: float
    examples: int
    spot_error: float
    tensors: tuple[TensorCheck, ...]

    @property
    def correct(self) -> bool:
        """Whether no tensor is wrong."""
        return all(tensor.verdict is not Verdict.WRONG for tensor in self.tensors)


@dataclass(frozen=True, eq=False)
class _Tensor:
    """A tensor's name, shape and places (n,) in the parameter vector."""

    name: str
    shape: tuple[int, ...]
    places: NDArray[np.intp]


def check_gradient(
    shape: Architecture,
    parameters: FloatArray,
    data: Examples,
    *,
    point: str = "initial",
    gradient: FloatArray | None = None,
    layer_names: Sequence[str] | None = None,
    seconds: float = 1.0,
) -> PointCheck:
    """Check a gradient at one point.

    Args:
        shape: The network.
        parameters: The point, shape (P,).
        data: The examples of the loss; `sampling.thinned` bounds them.
        point: What to call the point.
        gradient: The gradient to check, shape (P,); that of nndiag's backward pass by default.
        layer_names: What to call the layers.
        seconds: Work to spend, in seconds of an ordinary core; where it does not suffice, some
            units of each layer stand for the rest.
    """
    value, own = loss_and_gradient(shape, parameters, data)
    comparison = _Comparison(
        shape,
        parameters,
        data,
        gradient=own if gradient is None else gradient,
        units=affordable_units(shape, data.count, seconds=seconds),
    )
    names = layer_names or [f"layer{number}" for number in range(1, shape.layers + 1)]
    tensors = _tensors(shape, names)
    return PointCheck(
        point,
        float(value),
        data.count,
        comparison.spot_error(tensors),
        tuple(comparison.check(tensor) for tensor in tensors),
    )


class _Comparison:
    """A gradient beside its differences, with what was needed to trust them."""

    def __init__(
        self,
        shape: Architecture,
        parameters: FloatArray,
        data: Examples,
        *,
        gradient: FloatArray,
        units: Sequence[NDArray[np.intp]],
    ) -> None:
        self._shape, self._parameters, self._data = shape, parameters, data
        self._gradient, self._units = gradient, units
        self._analytic = is_analytic(shape)
        self._rng = np.random.default_rng(_SEED)
        self._sweep: list[Differences] | None = None
        self._loss_rounding = loss_rounding(shape, parameters, data)
        self._rounding = gradient_rounding(shape, parameters, data)
        self._first = self._closer(central_differences(shape, parameters, data, units=units))

    def spot_error(self, tensors: Sequence[_Tensor]) -> float:
        """Largest relative distance of fast from whole differences, on a sample."""
        errors = [0.0]
        for tensor in tensors:
            places = self._sampled(self._usable(tensor))
            whole, _ = full_differences(
                self._shape,
                self._parameters,
                self._data,
                indices=places,
                steps=self._first.steps[places],
            )
            size = np.abs(self._first.gradient[tensor.places]).max(initial=0.0)
            apart = np.abs(whole - self._first.gradient[places])
            distance = np.fmax.reduce(apart, initial=0.0)  # leaves nan out
            errors.append(float(distance / size) if size > 0 else 0.0)
        return max(errors)

    def check(self, tensor: _Tensor) -> TensorCheck:
        """The verdict on one tensor."""
        usable = self._usable(tensor)
        numeric, verdict = self._first.gradient[usable], Verdict.CORRECT
        opinion = self._second_opinion(usable)
        if not len(usable):
            verdict = Verdict.KINK
        elif not _relative_error(self._gradient[usable], numeric) <= TOLERANCE:
            usable, numeric, verdict = self._questioned(usable)
        compared = len(usable)
        if opinion is not None and opinion.certain and opinion.verdict is not verdict:
            usable, numeric, verdict = opinion.places, opinion.derivatives, opinion.verdict
        exact = self._gradient[usable]
        return TensorCheck(
            tensor.name,
            verdict,
            _relative_error(exact, numeric),
            *_direction(exact, numeric),
            worst=_worst(tensor, usable, exact, numeric),
            complex_error=opinion.error if opinion is not None and opinion.certain else None,
            checked=compared,
            kinks=int(np.sum(self._first.known[tensor.places])) - compared,
            size=len(tensor.places),
        )

    def _usable(self, tensor: _Tensor) -> NDArray[np.intp]:
        """The places of a tensor whose differences cross no kink."""
        usable = self._first.known[tensor.places] & ~self._first.crossed[tensor.places]
        return tensor.places[usable]

    def _sampled(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        if len(places) <= _SAMPLE:
            return places
        return np.sort(self._rng.choice(places, _SAMPLE, replace=False))

    def _closer(self, found: Differences) -> Differences:
        """`found` with smaller steps where a kink was crossed, as far as that helps."""
        for factor in _CLOSER:
            places = np.flatnonzero(found.crossed)[:_AT_KINKS]
            if not len(places):
                break
            steps = factor * found.steps[places]
            derivatives, crossed = full_differences(
                self._shape, self._parameters, self._data, indices=places, steps=steps
            )
            free = ~crossed & np.isfinite(derivatives)
            resolved = places[free]
            found.gradient[resolved] = derivatives[free]
            found.steps[resolved] = steps[free]
            found.crossed[resolved] = False
        return found

    def _questioned(self, places: NDArray[np.intp]) -> tuple[NDArray[np.intp], FloatArray, Verdict]:
        """The parameters that could be compared at several step sizes, and what came out.

        Returns:
            Their places (n,), the differences (n,) that agree best or, where they prove the
            gradient wrong, those that are steadiest, and the verdict.
        """
        exact = self._gradient[places]
        if self._sweep is None:
            self._sweep = [
                central_differences(
                    self._shape,
                    self._parameters,
                    self._data,
                    step=factor * STEP,
                    units=self._units,
                )
                for factor in _SWEEP
            ]
        found = [*self._sweep[:2], self._first, *self._sweep[2:]]
        smooth = ~np.any([differences.crossed[places] for differences in found[:3]], axis=0)
        places, exact = places[smooth], exact[smooth]
        if not len(places):
            return places, exact, Verdict.KINK
        # Larger steps reach more kinks; one of them is enough to make two such steps agree.
        found = [*found[:3], *(one for one in found[3:] if not one.crossed[places].any())]
        rows = [differences.gradient[places] for differences in found]
        errors = [_relative_error(exact, row) for row in rows]
        best = int(np.argmin(errors))
        if errors[best] <= TOLERANCE:
            return places, rows[best], Verdict.CORRECT
        spreads = [_relative_error(one, two) for one, two in pairwise(rows)]
        steady = int(np.argmin(spreads))
        apart = [float(np.linalg.norm(exact - row)) for row in rows]
        noise = [
            _CERTAIN * self._loss_rounding * float(np.linalg.norm(0.5 / one.steps[places]))
            for one in found
        ]
        # A step that sees the difference, and is finer than those that agree on it, overrules them.
        fine = range(steady)
        refuted = any(apart[step] <= noise[step] < apart[steady] for step in fine)
        wrong = (
            spreads[steady] <= _STEADY * errors[best]
            and apart[steady] > noise[steady]
            and not refuted
        )
        chosen = steady if wrong else best
        return places, rows[chosen], Verdict.WRONG if wrong else Verdict.NOISE

    def _second_opinion(self, usable: NDArray[np.intp]) -> "_Opinion | None":
        """What the complex step says, on a sample that has the worst element."""
        if not self._analytic or not len(usable):
            return None
        difference = np.abs(self._gradient[usable] - self._first.gradient[usable])
        places = np.union1d(self._sampled(usable), usable[[int(np.argmax(difference))]])
        with np.errstate(all="ignore"):  # complex exponentials overflow earlier than real ones
            exact = complex_steps(self._shape, self._parameters, self._data, indices=places)
        if not np.isfinite(exact).all():
            return None
        error = _relative_error(self._gradient[places], exact)
        left = float(np.linalg.norm(self._gradient[places] - exact))
        verdict = Verdict.CORRECT
        if error > TOLERANCE:
            certain = left > _CERTAIN * float(np.linalg.norm(self._rounding[places]))
            verdict = Verdict.WRONG if certain else Verdict.NOISE
        return _Opinion(verdict, error, places, exact)


@dataclass(frozen=True, eq=False)
class _Opinion:
    """What the complex step says of a sample of a tensor: places (n,) and derivatives (n,)."""

    verdict: Verdict
    error: float
    places: NDArray[np.intp]
    derivatives: FloatArray

    @property
    def certain(self) -> bool:
        """Whether the sample is more than rounding."""
        return self.verdict is not Verdict.NOISE


def _tensors(shape: Architecture, names: Sequence[str]) -> list[_Tensor]:
    """The weights and the biases of each layer."""
    found = []
    parts = shape.weights_and_biases(np.arange(shape.size))
    for name, (weights, biases) in zip(names, parts, strict=True):
        found.append(_Tensor(f"{name}.weights", weights.shape, weights.ravel()))
        if biases is not None:
            found.append(_Tensor(f"{name}.biases", biases.shape, biases.ravel()))
    return found


def _relative_error(one: FloatArray, two: FloatArray) -> float:
    """|a − b| / max(|a|, |b|); 0 where both are zero."""
    size = max(float(np.linalg.norm(one)), float(np.linalg.norm(two)))
    return float(np.linalg.norm(one - two)) / size if size != 0 else 0.0


def _direction(exact: FloatArray, numeric: FloatArray) -> tuple[float | None, float | None]:
    """Cosine and scale of a gradient against its differences."""
    lengths = float(np.linalg.norm(exact)), float(np.linalg.norm(numeric))
    if not lengths[1] > 0:
        return None, None
    along = float((exact / lengths[1]) @ (numeric / lengths[1]))  # scale: g·n / n·n
    cosine = along * lengths[1] / lengths[0] if lengths[0] > 0 else None
    return cosine, along


def _worst(
    tensor: _Tensor, usable: NDArray[np.intp], exact: FloatArray, numeric: FloatArray
) -> Element | None:
    """The element with the largest difference."""
    if not len(usable):
        return None
    worst = int(np.argmax(np.abs(exact - numeric)))
    place = int(np.searchsorted(tensor.places, usable[worst]))
    index = tuple(int(number) for number in np.unravel_index(place, tensor.shape))
    return Element(index, float(exact[worst]), float(numeric[worst]))

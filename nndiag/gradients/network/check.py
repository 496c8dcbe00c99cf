"""The check of a network's gradient at one point, with differences of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import BoolArray, FloatArray, IndexArray
from nndiag.gradients.check import check_differences, chosen_entries
from nndiag.gradients.differences import CERTAIN, STEP, Along, Central
from nndiag.gradients.network.differences import (
    Differences,
    central_differences,
    complex_steps,
    full_difference,
    full_differences,
    is_analytic,
)
from nndiag.gradients.network.normalised import BatchDifferences
from nndiag.gradients.network.rounding import gradient_rounding, loss_rounding
from nndiag.gradients.network.sampling import affordable_entries, affordable_units
from nndiag.gradients.verdict import TensorCheck
from nndiag.nn.network import Architecture, Examples, loss, loss_and_gradient

TOLERANCE = 1e-6  # agreement of two independent derivatives; central differences reach 1e-9
_CLOSER = (1e-2, 1e-4)  # steps for parameters with a kink in reach, relative to the first
_AT_KINKS = 500  # of those at most so many are evaluated
_SAMPLE = 8  # parameters per tensor that are checked by whole forward passes
_SEED = 7  # of the parameters that are sampled: the same network gives the same report


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
        return not any(tensor.is_wrong for tensor in self.tensors)


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
        shape: The network; with batch normalisation in the form that steps train.
        parameters: The point, shape (P,).
        data: The examples of the loss; `sampling.thinned` bounds them.
        point: What to call the point.
        gradient: The gradient to check, shape (P,); that of nndiag's backward pass by default.
        layer_names: What to call the layers.
        seconds: Work to spend, in seconds of an ordinary core; where it does not suffice, some
            units of each layer stand for the rest, and a random direction covers them.
    """
    own = loss_and_gradient(shape, parameters, data)[1] if gradient is None else gradient
    source: NetworkDifferences | BatchDifferences
    if shape.gains:
        source = BatchDifferences(shape, parameters, data, layer_names=layer_names)
    else:
        units = affordable_units(shape, data.count, seconds=seconds)
        source = NetworkDifferences(shape, parameters, data, layer_names=layer_names, units=units)
    given = {name: own[places] for name, places in source.places.items()}
    if isinstance(source, NetworkDifferences):
        entries, spot_error = source.known(), source.spot_error()
    else:
        most = affordable_entries(shape, data.count, seconds=seconds / len(given))
        entries = {name: chosen_entries(array, most=most) for name, array in given.items()}
        spot_error = 0.0  # they are of whole passes
    found = check_differences(source, given, source.shapes, entries=entries, tolerance=TOLERANCE)
    return PointCheck(point, source.value, data.count, spot_error, found.tensors)


class NetworkDifferences:
    """Differences of the loss of a network, see `nndiag.gradients.differences.Differences`.

    All differences of one step are formed at once, where one of them is asked for.

    Args:
        shape: The network.
        parameters: The point, shape (P,).
        data: The examples of the loss.
        layer_names: What to call the layers.
        units: Units of each layer whose parameters are perturbed; all by default.

    Attributes:
        shapes: The shape of each tensor, by its name: "layer1.weights", "layer1.biases", …
        places: Where its entries are in the parameters, shape (size,).
    """

    def __init__(
        self,
        shape: Architecture,
        parameters: FloatArray,
        data: Examples,
        *,
        layer_names: Sequence[str] | None = None,
        units: Sequence[NDArray[np.intp]] | None = None,
    ) -> None:
        self._shape, self._parameters, self._data, self._units = shape, parameters, data, units
        self.value = float(loss(shape, parameters, data))
        self._rounding: FloatArray | None = None
        self.noise, self.step = loss_rounding(shape, parameters, data), STEP
        places = places_of(shape, layer_names)
        self.shapes = {name: where.shape for name, where in places.items()}
        self.places = {name: where.ravel() for name, where in places.items()}
        self._found = {1.0: self._every(1.0)}
        self._usual = self._found[1.0].steps.copy()
        self._closer_at_kinks(self._found[1.0])

    def known(self) -> dict[str, IndexArray]:
        """The entries of each tensor that are perturbed, flat."""
        known = self._found[1.0].known
        return {name: np.flatnonzero(known[places]) for name, places in self.places.items()}

    def units(self, name: str) -> FloatArray:
        """The sizes of steps, so that each changes its unit by as much, shape (size,)."""
        steps: FloatArray = self._usual[self.places[name]] / STEP
        return steps

    def central(self, name: str, entries: IndexArray, *, factor: float = 1.0) -> Central:
        """Those of all entries at once, or by whole forward passes where units were left out."""
        if factor not in self._found:
            self._found[factor] = self._every(factor)
        found, places = self._found[factor], self.places[name][entries]
        if found.known[places].all():
            return _central(
                found.gradient[places], found.crossed[places], found.steps[places],
                noise=self.noise, factor=factor,
            )  # fmt: skip
        return self._by_whole_passes(places, factor * self._usual[places], factor)

    def closer(self, name: str, entries: IndexArray, first: Central) -> Central:
        """`first`: kinks are known exactly, and smaller steps were taken there already."""
        return first

    def along(self, name: str, direction: FloatArray, *, factor: float = 1.0) -> Along:
        """The change of the loss between two whole forward passes."""
        distance = np.zeros(self._shape.size)
        distance[self.places[name]] = factor * STEP * direction
        up, down = self._parameters + distance, self._parameters - distance
        change = full_difference(self._shape, up, down, self._data)
        return Along(change, (up - down)[self.places[name]], 2 * CERTAIN * self.noise)

    def exact(self, name: str, entries: IndexArray) -> FloatArray | None:
        """Derivatives by the complex step; None where something is not analytic."""
        if not is_analytic(self._shape):
            return None
        places = self.places[name][entries]
        return complex_steps(self._shape, self._parameters, self._data, indices=places)

    def rounding(self, name: str) -> FloatArray:
        """What the sums of the backward pass round, shape (size,)."""
        if self._rounding is None:
            self._rounding = gradient_rounding(self._shape, self._parameters, self._data)
        rounding: FloatArray = self._rounding[self.places[name]]
        return rounding

    def spot_error(self) -> float:
        """Largest relative distance of fast from whole differences, on a sample."""
        found, rng, errors = self._found[1.0], np.random.default_rng(_SEED), [0.0]
        for places in self.places.values():
            some = places[found.known[places] & ~found.crossed[places]]
            if len(some) > _SAMPLE:
                some = np.sort(rng.choice(some, _SAMPLE, replace=False))
            whole = self._by_whole_passes(some, found.steps[some], 1.0).values
            size = np.abs(found.gradient[places]).max(initial=0.0)
            distance = np.fmax.reduce(np.abs(whole - found.gradient[some]), initial=0.0)  # no nan
            errors.append(float(distance / size) if size > 0 else 0.0)
        return max(errors)

    def _every(self, factor: float) -> Differences:
        return central_differences(
            self._shape, self._parameters, self._data, step=factor * STEP, units=self._units
        )

    def _closer_at_kinks(self, found: Differences) -> None:
        """Smaller steps where a kink was crossed, as far as that helps."""
        for factor in _CLOSER:
            places = np.flatnonzero(found.crossed)[:_AT_KINKS]
            if not len(places):
                return
            steps = factor * found.steps[places]
            closer = self._by_whole_passes(places, steps, factor)
            free = ~closer.kinks
            found.gradient[places[free]] = closer.values[free]
            found.steps[places[free]] = steps[free]
            found.crossed[places[free]] = False

    def _by_whole_passes(self, places: IndexArray, steps: FloatArray, factor: float) -> Central:
        """The differences at some places of the parameters."""
        values, crossed = full_differences(
            self._shape, self._parameters, self._data, indices=places, steps=steps
        )
        crossed |= ~np.isfinite(values)
        return _central(values, crossed, steps, noise=self.noise, factor=factor)


def places_of(
    shape: Architecture, layer_names: Sequence[str] | None = None
) -> dict[str, NDArray[np.intp]]:
    """Where the entries of each tensor are in the parameters, of the tensor's shape.

    Args:
        shape: The network.
        layer_names: What to call the layers.
    """
    names = layer_names or [f"layer{number}" for number in range(1, shape.layers + 1)]
    layers = zip(names, shape.weights_and_biases(np.arange(shape.size)), strict=True)
    return {
        f"{name}.{kind}": part
        for name, parts in layers
        for kind, part in zip(("weights", "biases"), parts, strict=True)
        if part is not None
    }


def _central(
    values: FloatArray, kinks: BoolArray, steps: FloatArray, *, noise: float, factor: float
) -> Central:
    """Differences whose kinks are known, so that nothing need be told from gaps."""
    return Central(values, 0.5 * CERTAIN * noise / steps, kinks, np.zeros(len(values)), factor)

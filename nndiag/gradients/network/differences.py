"""Derivatives of the loss without a backward pass: central differences and the complex step.

Perturbing one weight changes the pre-activation of one unit only. `central_differences` passes on
just that change, for many weights at once, and forms the difference of the two losses before it
sums. It shares neither the backward pass nor the first layers' products with what it checks;
`full_differences` shares nothing, and is there to check `central_differences` in turn.

Differences across a kink (ReLU at zero, absolute error at zero) say nothing about a gradient: where
a perturbation makes any value change sides, it is marked.

Source: Squire and Trapp 1998 (complex step); the step is the cube root of the rounding error, which
balances it with the truncation error (Nocedal and Wright 2006, section 8.1).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product as pairs
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import BoolArray, FloatArray
from nndiag.gradients.differences import STEP
from nndiag.nn.activations import Elementwise
from nndiag.nn.calls import now
from nndiag.nn.losses import Loss
from nndiag.nn.network import Architecture, Examples, Workspace, forward, workspace

_FARTHEST = 1e3  # by which steps grow with the pre-activations where there are curves
_IMAGINARY = 1e-20  # its square vanishes beside 1
_BLOCK = 1 << 17  # numbers per block of perturbations: 1 MiB, about a second-level cache
_NOWHERE = np.zeros(1, bool)


@dataclass(frozen=True, eq=False)
class Differences:
    """Central differences of the loss by each parameter.

    Attributes:
        gradient: (ℓ(θ + h) − ℓ(θ − h)) / 2h, shape (P,).
        crossed: Where a kink lies between θ − h and θ + h, shape (P,).
        steps: The h of each parameter, shape (P,).
        known: Where it was computed, shape (P,).
    """

    gradient: FloatArray
    crossed: BoolArray
    steps: FloatArray
    known: BoolArray


def central_differences(
    shape: Architecture,
    parameters: FloatArray,
    data: Examples,
    *,
    step: float = STEP,
    units: Sequence[NDArray[np.intp]] | None = None,
) -> Differences:
    """The gradient by differences, each as large a step as changes its unit by about `step`.

    Args:
        shape: The network.
        parameters: The point, shape (P,).
        data: The examples of the loss.
        step: Root mean square change of the perturbed unit's pre-activation, relative to the
            smallest of its layer where that is above 1.
        units: Units of each layer whose parameters are perturbed; all by default.
    """
    point = _Point(shape, parameters, data)
    result = Differences(
        np.zeros(shape.size),
        np.zeros(shape.size, bool),
        np.ones(shape.size),
        np.zeros(shape.size, bool),
    )
    views = [
        shape.matrices(array)
        for array in (result.gradient, result.crossed, result.steps, result.known)
    ]
    for layer, (gradient, crossed, steps, known) in enumerate(zip(*views, strict=True)):
        steps[...] = point.steps(layer, step=step)
        chosen = np.arange(shape.units[layer]) if units is None else units[layer]
        for some, rows in _blocks(point, chosen, layer=layer):
            outputs, crossing = point.perturbed(layer, units=some, rows=rows, steps=steps[0, rows])
            differences = point.loss_differences(outputs).reshape(len(some), -1)
            gradient[some, rows] = differences / (2 * steps[0, rows])
            crossed[some, rows] = np.broadcast_to(crossing, differences.size).reshape(len(some), -1)
            known[some, rows] = True
    return result


def full_differences(
    shape: Architecture,
    parameters: FloatArray,
    data: Examples,
    *,
    indices: NDArray[np.intp],
    steps: FloatArray,
) -> tuple[FloatArray, BoolArray]:
    """Central differences from whole forward passes of perturbed copies of the network.

    Args:
        shape: The network.
        parameters: The point, shape (P,).
        data: The examples of the loss.
        indices: The n parameters to perturb, shape (n,).
        steps: Their steps, shape (n,).

    Returns:
        The derivatives (n,), nan where a step is lost in its parameter, and where a kink was
        crossed (n,).
    """
    point = _Point(shape, parameters, data)
    derivatives, crossed = np.empty(len(indices)), np.empty(len(indices), bool)
    block = _copies(shape, data)
    for start in range(0, len(indices), block):
        part = slice(start, start + block)
        count = len(indices[part])
        stack = np.tile(parameters, (2, count, 1))
        stack[0, np.arange(count), indices[part]] += steps[part]
        stack[1, np.arange(count), indices[part]] -= steps[part]
        space = workspace(shape, data, stack=(2, count))
        forward(now, shape, shape.matrices(stack), space)
        crossed[part] = point.crossings(space)
        up, down = stack[:, np.arange(count), indices[part]]
        with np.errstate(all="ignore"):  # 0/0 where a parameter swallows its step
            derivatives[part] = point.loss_differences(space.values[-1]) / (up - down)
    return derivatives, crossed


def full_difference(shape: Architecture, up: FloatArray, down: FloatArray, data: Examples) -> float:
    """ℓ(up) − ℓ(down) of two parameter vectors (P,), from whole forward passes."""
    space = workspace(shape, data, stack=(2, 1))
    forward(now, shape, shape.matrices(np.stack([up, down])[:, None]), space)
    return float(_Point(shape, down, data).loss_differences(space.values[-1])[0])


def complex_steps(
    shape: Architecture, parameters: FloatArray, data: Examples, *, indices: NDArray[np.intp]
) -> FloatArray:
    """Derivatives by the parameters `indices` (n,), exact to rounding; shape (n,).

    Only where the loss and all activations are analytic. Only what a parameter changes is computed.
    """
    point, derivatives = _Point(shape, parameters, data), np.empty(len(indices))
    for place, index in enumerate(indices):
        layer = int(np.searchsorted(shape.offsets, index, side="right")) - 1
        unit, row = np.unravel_index(index - shape.offsets[layer], shape.shapes[layer])
        change = 1j * _IMAGINARY * point.space.inputs[layer][row]
        outputs, _ = point.moved(layer, units=np.array([unit]), changes=change[None, None])
        derivatives[place] = point.total(outputs)[0, 0].imag / _IMAGINARY
    return derivatives


def is_analytic(shape: Architecture) -> bool:
    """Whether the complex step may be used on this network."""
    return shape.loss.analytic and all(activation.analytic for activation in shape.activations)


class _Point:
    """A forward pass, from which perturbed ones branch off."""

    def __init__(self, shape: Architecture, parameters: FloatArray, data: Examples) -> None:
        self.shape, self.data = shape, data
        self.matrices = shape.matrices(parameters)
        self.space = workspace(shape, data)
        forward(now, shape, self.matrices, self.space)
        # The forward pass overwrites its pre-activations where the activation allows it.
        self._pre = [
            matrix @ inputs for matrix, inputs in zip(self.matrices, self.space.inputs, strict=True)
        ]
        self._scale = shape.loss.scale(shape.outputs, data.count)
        self._mirrored = 2.0 * data.targets

    def steps(self, layer: int, *, step: float) -> FloatArray:
        """The steps of the rows of a layer that change its units by about `step`, (rows,).

        Where all its pre-activations are large, as with unscaled inputs, the change grows with
        them: else it would drown in their rounding. It stays small beside the width of a curve,
        about 1, where anything from here on is curved.
        """
        smallest = float(_root_mean_squares(self._pre[layer]).min())
        sizes = _root_mean_squares(self.space.inputs[layer])
        sizes[~(sizes > 0)] = 1.0
        above = self.shape.activations[layer:]
        exact = self.shape.loss.quadratic and all(
            isinstance(activation, Elementwise) and activation.straight for activation in above
        )
        farthest = np.inf if exact else _FARTHEST
        return step * min(max(1.0, smallest), farthest) / sizes

    def perturbed(
        self, layer: int, *, units: NDArray[np.intp], rows: slice, steps: FloatArray
    ) -> tuple[FloatArray, BoolArray]:
        """The outputs with each of units × rows of a layer's matrix perturbed up and down.

        Returns:
            Outputs (2, n, O, B) and where a kink was crossed (n,).
        """
        changes = steps[:, None] * self.space.inputs[layer][rows]  # (R, B)
        return self.moved(layer, units=units, changes=np.stack([changes, -changes]))

    def moved(
        self, layer: int, *, units: NDArray[np.intp], changes: NDArray[Any]
    ) -> tuple[NDArray[Any], BoolArray]:
        """The outputs with changes (S, R, B) of the pre-activation of each of some units.

        Returns:
            Outputs (S, n, O, B) and, for real changes to both sides, where a kink was crossed (n,).
        """
        signed = changes[:, None]  # (S, 1, R, B)
        activation = self.shape.activations[layer]
        if not isinstance(activation, Elementwise):
            return self._mixed(layer, units=units, signed=signed)
        before = self._pre[layer][units][:, None]  # (U, 1, B)
        values = before + signed  # (S, U, R, B)
        activation.value(now, values, values)
        crossed = self._crossed(layer, values[:, :, :, None])
        if layer == self.shape.layers - 1:
            outputs = self._replaced(values, units=units)
            return outputs, crossed | self._loss_crossed(outputs)
        above = self.matrices[layer + 1][:, units].T[:, None, :, None]  # (U, 1, H, 1)
        others = self._pre[layer + 1] - above * self.space.values[layer][units][:, None, None]
        pre = values[:, :, :, None] * above  # (2, U, R, H, B)
        pre += others  # what the unit adds, and what all others do
        outputs, more = self._through(layer + 1, pre.reshape(len(pre), -1, *pre.shape[-2:]))
        return outputs, crossed | more

    def loss_differences(self, outputs: FloatArray) -> FloatArray:
        """ℓ(up) − ℓ(down) from outputs (2, n, O, B), overwritten; shape (n,)."""
        up, down = outputs
        if self.shape.loss.name == "mean_squared_error":
            # ½(u − y)² − ½(d − y)² = ½(u − d)(u + d − 2y), without the cancellation of squares.
            total = up + down
            total -= self._mirrored
            up -= down
            flat = (len(up), -1)
            products: FloatArray = np.vecdot(up.reshape(flat), total.reshape(flat))
            return products * (0.5 * self._scale)
        each = _per_example(self.shape.loss, outputs, self.data.targets)  # (2, n, B)
        summed: FloatArray = np.add.reduce(each[0] - each[1], axis=-1)
        return summed * self._scale

    def total(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """The loss at outputs (S, n, O, B), shape (S, n)."""
        each = _per_example(self.shape.loss, outputs, self.data.targets)
        return np.asarray(np.add.reduce(each, axis=-1) * self._scale)

    def crossings(self, space: Workspace) -> BoolArray:
        """Where the pair of stacks (2, n) of a forward pass lies on two sides of a kink; (n,)."""
        crossed = self._loss_crossed(space.values[-1])
        for layer, values in enumerate(space.values):
            crossed = crossed | self._crossed(layer, values)
        return crossed

    def _mixed(
        self, layer: int, *, units: NDArray[np.intp], signed: NDArray[Any]
    ) -> tuple[NDArray[Any], BoolArray]:
        """`moved` for an activation in which each unit changes all values of its layer."""
        before, sides = self._pre[layer].astype(signed.dtype), len(signed)  # (H, B)
        pre = np.tile(before, (sides, len(units), signed.shape[2], 1, 1))  # (S, U, R, H, B)
        for place, unit in enumerate(units):
            pre[:, place, :, unit] += signed[:, 0]
        return self._through(layer, pre.reshape(sides, -1, *before.shape))

    def _through(self, layer: int, pre: NDArray[Any]) -> tuple[NDArray[Any], BoolArray]:
        """From pre-activations (S, n, H, B) of a layer, overwritten, to the outputs."""
        crossed = _NOWHERE
        for above in range(layer, self.shape.layers):
            if above > layer:
                weights = self.matrices[above][:, : self.shape.units[above - 1]]
                pre = np.matmul(weights, pre)
                if self.shape.biases[above]:
                    pre += self.matrices[above][:, -1:]
            self.shape.activations[above].value(now, pre, pre)
            crossed = crossed | self._crossed(above, pre)
        return pre, crossed | self._loss_crossed(pre)

    def _replaced(self, values: NDArray[Any], *, units: NDArray[np.intp]) -> NDArray[Any]:
        """The outputs (S, n, O, B) with the values (S, U, R, B) of single units in place."""
        sides, before = len(values), self.space.values[-1].astype(values.dtype)
        if self.shape.outputs == 1:
            return values.reshape(sides, -1, 1, self.data.count)
        outputs = np.tile(before, (sides, len(units), values.shape[2], 1, 1))
        for place, unit in enumerate(units):
            outputs[:, place, :, unit] = values[:, place]
        return outputs.reshape(sides, -1, *before.shape)

    def _crossed(self, layer: int, values: NDArray[Any]) -> BoolArray:
        """Where any value (2, …, H, B) of a layer is above zero on one side only, (n,) or (1,)."""
        if self.shape.activations[layer].analytic:
            return _NOWHERE
        above = values > 0
        sides: BoolArray = (above[0] != above[1]).any(axis=(-2, -1)).ravel()
        return sides

    def _loss_crossed(self, outputs: NDArray[Any]) -> BoolArray:
        """Where the loss changes its branch between the outputs (2, n, O, B); (n,) or (1,)."""
        function = self.shape.loss
        if function.analytic:
            return _NOWHERE
        slopes = np.empty_like(outputs)
        function.slope(now, outputs, self.data.targets, slopes)
        straight = function.bend(outputs, self.data.targets, np.ones_like(outputs)) == 0
        turned = np.sign(slopes[0]) != np.sign(slopes[1])
        crossed: BoolArray = (turned | (straight[0] != straight[1])).any(axis=(-2, -1))
        return crossed


def _blocks(
    point: _Point, chosen: NDArray[np.intp], *, layer: int
) -> Iterator[tuple[NDArray[np.intp], slice]]:
    """The perturbations of a layer in blocks of units × rows that fit the cache."""
    shape = point.shape
    rows = shape.shapes[layer][1]
    mixing = not isinstance(shape.activations[layer], Elementwise)
    touched = shape.units[layer if mixing else layer + 1 :] or (shape.outputs,)
    room = max(1, _BLOCK // (2 * point.data.count * max(touched)))
    width = min(rows, room)
    height = max(1, room // width)
    for first, start in pairs(range(0, len(chosen), height), range(0, rows, width)):
        yield chosen[first : first + height], slice(start, start + width)


def _root_mean_squares(rows: FloatArray) -> FloatArray:
    """Root mean square of each row (n, B), shape (n,); its squares may exceed the largest float."""
    largest = np.max(np.abs(rows), axis=1)
    largest[~(largest > 0)] = 1.0
    shares = rows / largest[:, None]
    sizes: FloatArray = largest * np.sqrt(np.mean(shares * shares, axis=1))
    return sizes


def _copies(shape: Architecture, data: Examples) -> int:
    """How many whole copies of a network are worked through at once."""
    return max(1, _BLOCK // max(data.count * sum(shape.units), shape.size))


def _per_example(function: Loss, outputs: FloatArray, targets: FloatArray) -> FloatArray:
    """ℓ of each example, (…, O, B) → (…, B)."""
    each: FloatArray = function.total(np.swapaxes(outputs, -1, -2)[..., None], targets.T[..., None])
    return each

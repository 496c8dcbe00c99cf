"""One network shape: its parameters' layout, its forward and its backward pass.

Layer l computes a = f(W·[x; 1]). The bias is the last column of W, so that one product gives the
pre-activation and one gives the gradient of weights and biases together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np

from nndiag.nn.activations import ACTIVATIONS, Activation, Elementwise
from nndiag.nn.batch_norm import Normalised
from nndiag.nn.calls import Array, Do, buffer, constant, now, product, transposed
from nndiag.nn.losses import Loss, predictions

_NARROW = 3  # columns up to which a gradient is made of matrix–vector products
_LARGE = 4_000  # activations from which on that makes up for the slower call
Masks: TypeAlias = Sequence[Array | None]

_ELEMENT, _MULTIPLY, _CALL = 1e-8, 0.12e-9, 6e-6  # seconds of a tanh and its passes, and so on


@dataclass(frozen=True)
class Architecture:
    """The shape of a network and the functions in it.

    The loss may have absorbed the last activation: then the last of `activations` is linear, the
    network's outputs are logits, and `loss.link` leads from them to predictions.

    Attributes:
        inputs: Number of inputs D.
        units: Units of each layer, L numbers.
        activations: Activation of each layer.
        biases: Whether each layer has biases.
        loss: The loss on the outputs.
        dropout: Share of each layer's values that a training step sets to zero, L numbers; ()
            where there is none. Only passes with `masks` drop anything.
        batch_norm: Which layers are normalised over a step's batch; () where none is. What is
            evaluated is the ordinary network that a normalised one is with fixed statistics.
        gains: The same in the form that steps train (`in_training`), whose layers have [W | β | γ].
    """

    inputs: int
    units: tuple[int, ...]
    activations: tuple[Activation, ...]
    biases: tuple[bool, ...]
    loss: Loss
    dropout: tuple[float, ...] = ()
    batch_norm: tuple[bool, ...] = ()
    gains: tuple[bool, ...] = ()

    @property
    def layers(self) -> int:
        """Number of layers L."""
        return len(self.units)

    @property
    def outputs(self) -> int:
        """Number of outputs O."""
        return self.units[-1]

    @property
    def drops(self) -> bool:
        """Whether training steps drop values."""
        return any(self.dropout)

    @property
    def normalises(self) -> bool:
        """Whether any layer is normalised over a step's batch."""
        return any(self.batch_norm)

    @property
    def in_training(self) -> "Architecture":
        """The form that steps train: with a γ for each unit of a normalised layer."""
        return replace(self, gains=self.batch_norm) if self.normalises else self

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shape (units, inputs + 1) of each layer's matrix; without the 1 where it has no bias."""
        fan_in = (self.inputs, *self.units[:-1])
        gains = self.gains or (False,) * self.layers
        return tuple(
            (units, width + bias + gain)
            for units, width, bias, gain in zip(self.units, fan_in, self.biases, gains, strict=True)
        )

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each layer begins in the parameter vector; one more entry: the end."""
        return (0, *accumulate(rows * columns for rows, columns in self.shapes))

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return self.offsets[-1]

    def matrices(self, parameters: Array) -> list[Array]:
        """Views of (…, P) as one matrix (…, units, inputs + 1) per layer."""
        return [
            parameters[..., start:end].reshape(*parameters.shape[:-1], *shape)
            for start, end, shape in zip(self.offsets, self.offsets[1:], self.shapes, strict=False)
        ]

    def weights_and_biases(self, parameters: Array) -> list[tuple[Array, Array | None]]:
        """Views per layer: weights (…, units, inputs), and biases (…, units) or None."""
        return [
            (matrix[..., :-1], matrix[..., -1]) if bias else (matrix, None)
            for matrix, bias in zip(self.matrices(parameters), self.biases, strict=True)
        ]


def architecture(
    inputs: int,
    layers: Sequence[tuple[int, str | Activation]],
    *,
    loss: Loss,
    biases: Sequence[bool] | bool = True,
    dropout: Sequence[float] = (),
    batch_norm: Sequence[bool] = (),
) -> Architecture:
    """The architecture of `layers`, given as (units, activation) from the input side.

    The last activation is absorbed by the loss where the two belong together.
    """
    if isinstance(biases, bool):
        biases = [biases] * len(layers)
    names = [name for _, name in layers]
    functions = [ACTIVATIONS.get(name)() if isinstance(name, str) else name for name in names]
    if loss.absorbs is not None and names[-1] == loss.absorbs:
        functions[-1] = ACTIVATIONS.get("linear")()
        loss = loss.absorbed or loss
    return Architecture(
        inputs,
        tuple(units for units, _ in layers),
        tuple(functions),
        tuple(biases),
        loss,
        tuple(dropout),
        tuple(batch_norm),
    )


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples as the network takes them: last axis, with a row of ones where it has biases.

    Attributes:
        inputs: Shape (D, B) or (D + 1, B).
        targets: Shape (O, B).
    """

    inputs: Array
    targets: Array

    @property
    def count(self) -> int:
        """Number of examples B."""
        return int(self.targets.shape[-1])


def examples(shape: Architecture, inputs: Array, targets: Array) -> Examples:
    """Inputs (B, D) and targets (B, O), laid out for the network."""
    rows = shape.inputs + shape.biases[0]
    laid = buffer((rows, len(inputs)), dtype=inputs.dtype)
    laid[-1] = 1.0
    laid[: shape.inputs] = inputs.T
    aligned = buffer((targets.shape[1], len(targets)), dtype=targets.dtype)
    aligned[...] = targets.T
    return Examples(laid, aligned)


@dataclass(frozen=True, eq=False)
class Workspace:
    """Buffers of one forward and backward pass.

    Attributes:
        inputs: What each layer multiplies, (…, inputs + 1, B); the first is the examples' own.
        pre: Pre-activation of each layer, (…, H, B); the same memory as `values` where the
            activation does not need it.
        values: Value of each layer, (…, H, B).
        deltas: Gradient with respect to each pre-activation, (…, H, B).
        scratch: Room for slopes, (…, H, B).
        masks: What each layer's values are multiplied by on the way to the next layer, (H, B): 0
            where dropped, else 1/(1 − share); None for a layer without dropout.
        normal: What normalises each layer; None for a layer that is not normalised.
    """

    inputs: list[Array]
    pre: list[Array]
    values: list[Array]
    deltas: list[Array]
    scratch: list[Array]
    masks: Masks
    normal: Sequence[Normalised | None]


def workspace(
    shape: Architecture,
    data: Examples,
    *,
    stack: tuple[int, ...] = (),
    dtype: Any = np.float64,
    outputs: Array | None = None,
    masks: Masks | None = None,
) -> Workspace:
    """Buffers for `data` and a stack of networks: `stack` is () for one, (K,) for K.

    Args:
        shape: The network.
        data: Examples of the size that the passes will see.
        stack: Leading axes of all buffers.
        dtype: float64, or complex128 for the complex step.
        outputs: Where the last layer's values go, (…, O, B); a new buffer by default.
        masks: The layers' masks; none by default, as at every evaluation.
    """
    masks = [None] * shape.layers if masks is None else masks
    inputs: list[Array] = [data.inputs]
    values: list[Array] = []
    for layer in range(shape.layers - 1):
        padded = buffer(
            (*stack, shape.units[layer] + shape.biases[layer + 1], data.count), dtype=dtype
        )
        padded[..., -1, :] = 1.0
        inputs.append(padded)
        values.append(
            padded[..., : shape.units[layer], :]
            if masks[layer] is None
            else buffer((*stack, shape.units[layer], data.count), dtype=dtype)
        )
    last = (*stack, shape.outputs, data.count)
    values.append(buffer(last, dtype=dtype) if outputs is None else outputs)
    sizes = [(*stack, units, data.count) for units in shape.units]
    pre = [
        buffer(size, dtype=dtype) if activation.needs_input else value
        for size, activation, value in zip(sizes, shape.activations, values, strict=True)
    ]
    deltas = [buffer(size, dtype=dtype) for size in sizes]
    scratch = [buffer(size, dtype=dtype) for size in sizes]
    gains = shape.gains or (False,) * shape.layers
    normal = [
        Normalised(size, dtype=dtype) if gain else None
        for size, gain in zip(sizes, gains, strict=True)
    ]
    return Workspace(inputs, pre, values, deltas, scratch, masks, normal)


def forward(do: Do, shape: Architecture, matrices: list[Array], space: Workspace) -> None:
    """The outputs of the network, into `space.values`."""
    for layer, activation in enumerate(shape.activations):
        normal = space.normal[layer]
        if normal is None:
            product(do, matrices[layer], space.inputs[layer], out=space.pre[layer])
        else:
            normal.forward(do, matrices[layer], space.inputs[layer], out=space.pre[layer])
        values, mask = space.values[layer], space.masks[layer]
        activation.value(do, space.pre[layer], values)
        if mask is not None:
            do(np.multiply, values, mask, space.inputs[layer + 1][..., : shape.units[layer], :])


def backward(
    do: Do,
    shape: Architecture,
    matrices: list[Array],
    space: Workspace,
    *,
    targets: Array,
    scale: float,
    gradients: list[Array],
) -> None:
    """The gradient of `scale`·Σℓ after a forward pass, into `gradients`, one matrix per layer."""
    last = shape.layers - 1
    delta = space.deltas[last]
    shape.loss.slope(do, space.values[last], targets, delta)
    if scale != 1.0:
        do(np.multiply, delta, constant(scale), delta)
    _pull_back(do, shape, space, layer=last)
    _layer_gradient(do, matrices[last], space, layer=last, out=gradients[last])
    for layer in range(last - 1, -1, -1):
        weights = matrices[layer + 1][..., : shape.units[layer]]
        activation, mask = shape.activations[layer], space.masks[layer]
        bare = mask is None and space.normal[layer] is None
        short = bare and layer == 0 and shape.units[1] == 1
        if short and isinstance(activation, Elementwise):
            _first_gradient(do, activation, space, weights=weights, gradient=gradients[0])
            return
        product(do, transposed(weights), space.deltas[layer + 1], out=space.deltas[layer])
        if mask is not None:
            do(np.multiply, space.deltas[layer], mask, space.deltas[layer])
        _pull_back(do, shape, space, layer=layer)
        _layer_gradient(do, matrices[layer], space, layer=layer, out=gradients[layer])


def _layer_gradient(do: Do, matrix: Array, space: Workspace, *, layer: int, out: Array) -> None:
    """A layer's gradient from its delta, which becomes that of W·x where it is normalised."""
    normal, delta, inputs = space.normal[layer], space.deltas[layer], space.inputs[layer]
    if normal is None:
        _gradient(do, delta, inputs, out=out)
    else:
        normal.backward(do, matrix, inputs, delta=delta, gradient=out)


def _gradient(do: Do, delta: Array, inputs: Array, *, out: Array) -> None:
    """delta·inputsᵀ, from (…, H, B) and (…, D + 1, B) into (…, H, D + 1).

    A matrix product that is only two or three columns wide leaves most of its kernel idle: there a
    matrix–vector product for each of them takes less than half the time.
    """
    if inputs.shape[-2] > _NARROW or delta.size < _LARGE or delta.shape[-2] == 1:
        product(do, delta, transposed(inputs), out=out)
        return
    columns = transposed(out)[..., None]  # (…, D + 1, H, 1)
    do(np.matmul, delta[..., None, :, :], inputs[..., None], columns)


def _pull_back(do: Do, shape: Architecture, space: Workspace, *, layer: int) -> None:
    """From the gradient of a layer's values to that of its pre-activations, in place."""
    shape.activations[layer].pull_back(
        do,
        space.pre[layer],
        space.values[layer],
        vector=space.deltas[layer],
        scratch=space.scratch[layer],
    )


def _first_gradient(
    do: Do, activation: Elementwise, space: Workspace, *, weights: Array, gradient: Array
) -> None:
    """The first layer's gradient below a single unit, without its delta (H, B).

    With one unit above, delta = wᵀ ∘ f′ ∘ δ is a product of a column, a matrix and a row, so
    delta·xᵀ = wᵀ ∘ (f′·(x ∘ δ)ᵀ): two passes over (H, B) fewer.
    """
    scratch, inputs, delta = space.scratch[0], space.inputs[0], space.deltas[1]
    weighted = buffer((*delta.shape[:-2], *inputs.shape[-2:]), dtype=delta.dtype)
    activation.slope(do, space.pre[0], space.values[0], scratch)
    do(np.multiply, inputs, delta, weighted)  # (…, D + 1, B)
    _gradient(do, scratch, weighted, out=gradient)  # (…, H, D + 1)
    do(np.multiply, gradient, transposed(weights), gradient)


def outputs(
    shape: Architecture, parameters: Array, data: Examples, *, masks: Masks | None = None
) -> Array:
    """Outputs of the networks `parameters` (…, P): shape (…, O, B)."""
    lead, dtype = parameters.shape[:-1], parameters.dtype
    space = workspace(shape, data, stack=lead, dtype=dtype, masks=masks)
    forward(now, shape, shape.matrices(parameters), space)
    return space.values[-1]


def predicted(shape: Architecture, parameters: Array, data: Examples) -> Array:
    """Predictions of the networks `parameters` (…, P): shape (…, O, B)."""
    return predictions(shape.loss.link, outputs(shape, parameters, data))


def loss(
    shape: Architecture, parameters: Array, data: Examples, *, masks: Masks | None = None
) -> Array:
    """Loss of the networks `parameters` (…, P): shape (…)."""
    total = shape.loss.total(outputs(shape, parameters, data, masks=masks), data.targets)
    return np.asarray(total * shape.loss.scale(shape.outputs, data.count))


def loss_and_gradient(
    shape: Architecture,
    parameters: Array,
    data: Examples,
    *,
    masks: Masks | None = None,
    space: Workspace | None = None,
) -> tuple[Array, Array]:
    """Loss (…) and gradient (…, P) of networks `parameters` (…, P); in given buffers."""
    if space is None:
        lead, dtype = parameters.shape[:-1], parameters.dtype
        space = workspace(shape, data, stack=lead, dtype=dtype, masks=masks)
    matrices = shape.matrices(parameters)
    gradient = np.empty_like(parameters)
    scale, goal = shape.loss.scale(shape.outputs, data.count), data.targets
    forward(now, shape, matrices, space)
    into = shape.matrices(gradient)
    backward(now, shape, matrices, space, targets=goal, scale=scale, gradients=into)
    total = shape.loss.total(space.values[-1], data.targets)
    return np.asarray(total * scale), gradient


def gradient_seconds(shape: Architecture, examples: int, *, call: float = _CALL) -> float:
    """Estimated seconds of one gradient on an ordinary core, where a call takes `call` of them."""
    passes = _ELEMENT * sum(shape.units) * examples
    return passes + 3 * _MULTIPLY * shape.size * examples + call * 10 * shape.layers

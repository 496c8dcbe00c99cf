"""The ways to a Hessian product: what each layer does to a tangent, and two short cuts.

See `nndiag.nn.hessian` for the formulas. `Passage` is a layer's activation at the point,
`SingleDirection` the way of one direction in memory that is kept (`Room`), `OneHiddenLayer` the
closed form for the most frequent kind of network.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nndiag.nn.activations import Activation, Elementwise
from nndiag.nn.calls import Array, now, transposed
from nndiag.nn.network import Architecture, Examples, Workspace

_ALIGNED = 8  # numbers in 64 bytes


class Passage:
    """What an elementwise activation does to vectors at one point.

    Attributes:
        delta: Gradient of the loss with respect to the pre-activation, shape (H, B).
        curve: f″(z)·∂ℓ/∂a, shape (H, B); None where it is zero.
    """

    def __init__(self, activation: Elementwise, space: Workspace, *, layer: int, vector: Array):
        z, a = space.pre[layer], space.values[layer]
        self.delta = space.deltas[layer]
        self._slope: Array | None = None
        self.curve: Array | None = None
        if activation.identity:
            np.copyto(self.delta, vector)
        else:
            self._slope = space.scratch[layer]
            activation.slope(now, z, a, self._slope)
            np.multiply(self._slope, vector, out=self.delta)
            curve = activation.slope_change(z, a)
            curve *= vector
            self.curve = curve if np.any(curve) else None

    def through(self, vectors: Array, *, out: Array | None = None) -> Array:
        """J·v, shape (…, H, B), into `out` where it is given."""
        if self._slope is not None:
            product: Array = np.multiply(self._slope, vectors, out=out)
            return product
        if out is not None and out is not vectors:
            np.copyto(out, vectors)
            return out
        return vectors

    def bent(self, delta: Array, *, along: Array) -> Array:
        """`delta` + (∂J/∂z·along)·∂ℓ/∂a, shape (…, H, B); both may be overwritten."""
        if self.curve is not None:
            along *= self.curve
            delta += along
        return delta


class MixingPassage(Passage):
    """The same for an activation that mixes the units of a layer, such as softmax."""

    def __init__(self, activation: Activation, space: Workspace, *, layer: int, vector: Array):
        self._activation, self._vector = activation, vector.copy()
        self._z, self._a = space.pre[layer], space.values[layer]
        self.delta = self.through(vector, out=space.deltas[layer])

    def through(self, vectors: Array, *, out: Array | None = None) -> Array:
        """See `Passage`."""
        pulled = np.empty_like(vectors) if out is None else out
        np.copyto(pulled, vectors)
        scratch = np.empty_like(pulled)
        self._activation.pull_back(now, self._z, self._a, vector=pulled, scratch=scratch)
        return pulled

    def bent(self, delta: Array, *, along: Array) -> Array:
        """See `Passage`."""
        change = self._activation.bend(self._z, self._a, along=along, vector=self._vector)
        delta += change
        return delta


def passage_of(activation: Activation, space: Workspace, *, layer: int, vector: Array) -> Passage:
    """The passage that fits the activation."""
    if isinstance(activation, Elementwise):
        return Passage(activation, space, layer=layer, vector=vector)
    return MixingPassage(activation, space, layer=layer, vector=vector)


@dataclass(frozen=True, eq=False)
class Room:
    """Memory of a forward and a backward pass, with room beside it for those of a tangent.

    Attributes:
        space: Buffers of the passes; views of the stacked arrays.
        inputs: [x; Rx] of each layer, (rows + units below, B); the data have no tangent.
        deltas: [Rδ; δ] of each layer, (2·units, B).
        pre: Rz of each layer, (units, B).
    """

    space: Workspace
    inputs: list[Array]
    deltas: list[Array]
    pre: list[Array]


def room_for(shape: Architecture, data: Examples) -> Room:
    """Memory for one point."""
    count, units = data.count, shape.units
    bare = [width for width, one in zip(units, shape.activations, strict=True) if one.needs_input]
    stacks = [height + below for below, (_, height) in zip(units, shape.shapes[1:], strict=False)]
    doubled = [2 * width for width in units]
    carved = _carved([*stacks, units[-1], *doubled, *units, *units, *bare], count)
    inputs, rows, values = [data.inputs], [data.inputs], list[Array]()
    for (_, height), width in zip(shape.shapes[1:], units, strict=False):
        inputs.append(next(carved))
        inputs[-1][height - 1] = 1.0
        rows.append(inputs[-1][:height])
        values.append(inputs[-1][:width])
    values.append(next(carved))
    deltas, scratch, pre = ([next(carved) for _ in units] for _ in range(3))
    space = Workspace(
        rows,
        [
            next(carved) if activation.needs_input else value
            for value, activation in zip(values, shape.activations, strict=True)
        ],
        values,
        [stacked[width:] for stacked, width in zip(deltas, units, strict=True)],
        scratch,
        [None] * shape.layers,
        [None] * shape.layers,
    )
    return Room(space, inputs, deltas, pre)


def _carved(heights: list[int], count: int) -> Iterator[Array]:
    """Arrays (height, count) from one piece of memory.

    The allocator keeps a large piece for the next one that asks; many middling ones it gives back
    to the system, and touching fresh pages takes longer than the passes through the network.
    """
    stride = -(-count // _ALIGNED) * _ALIGNED
    memory = np.empty(stride * sum(heights) + _ALIGNED)
    start = -(memory.ctypes.data // memory.itemsize) % _ALIGNED
    for height in heights:
        yield memory[start : start + height * count].reshape(height, count)
        start += height * stride


class SingleDirection:
    """Products with one direction at a time, in memory that is allocated once.

    Fresh arrays of half a megabyte cost more than what is computed in them. Sums of two products
    are single products with stacked matrices: V·x + W·Rx = [V W]·[x; Rx].

    Args:
        shape: The network.
        matrices: Its matrices at the point.
        room: Its forward and backward pass at the point.
        data: The examples.
        passages: What each layer does to a tangent.
    """

    def __init__(
        self,
        shape: Architecture,
        matrices: list[Array],
        room: Room,
        data: Examples,
        *,
        passages: list[Passage],
    ) -> None:
        self._shape, self._matrices, self._passages = shape, matrices, passages
        self._room, self._targets = room, data.targets
        self._scale = shape.loss.scale(shape.outputs, data.count)

    def product(self, direction: Array, result: Array, *, curved: bool) -> None:
        """H·v, or G·v, of one direction (P,) into `result` (P,)."""
        changes, results = self._shape.matrices(direction), self._shape.matrices(result)
        room, loss = self._room, self._shape.loss
        tangent = self._forward(changes)
        vector = loss.bend(room.space.values[-1], self._targets, tangent) * self._scale
        for layer in range(self._shape.layers - 1, -1, -1):
            passage, units = self._passages[layer], self._shape.units[layer]
            delta = passage.through(vector, out=room.deltas[layer][:units])
            if curved:
                passage.bent(delta, along=room.pre[layer])
            np.matmul(delta, room.space.inputs[layer].T, out=results[layer])
            if layer == 0:
                return
            below = self._shape.units[layer - 1]
            outgoing = self._matrices[layer][:, :below]
            change = room.inputs[layer][-below:]  # Rx, later R(∂ℓ/∂x)
            if not curved:
                vector = np.matmul(outgoing.T, delta, out=change)
                continue
            results[layer][:, :below] += passage.delta @ change.T
            stacked = np.concatenate([outgoing, changes[layer][:, :below]])  # [W; V]
            vector = np.matmul(stacked.T, room.deltas[layer], out=change)

    def _forward(self, changes: list[Array]) -> Array:
        """Rz of each layer into its place, and Ra of the last layer."""
        room, tangent = self._room, self._room.pre[-1]
        for layer, passage in enumerate(self._passages):
            stacked, out = changes[layer], None
            if layer > 0:
                below = self._shape.units[layer - 1]
                stacked = np.concatenate([stacked, self._matrices[layer][:, :below]], axis=1)
            np.matmul(stacked, room.inputs[layer], out=room.pre[layer])
            if layer + 1 < len(self._passages):
                out = room.inputs[layer + 1][-self._shape.units[layer] :]
            tangent = passage.through(room.pre[layer], out=out)
        return tangent


class OneHiddenLayer:
    """The Hessian of a network with one hidden layer and one output, from its output's gradient.

    With z the output before its activation, H = ∇z·(d²ℓ/dz²)·∇zᵀ + Σ dℓ/dz·∇²z over the examples,
    and ∇²z only couples parameters of one hidden unit.

    Args:
        shape: The network.
        space: Forward pass at the point.
        hidden: Passage of the hidden layer.
        weights: What reads the hidden layer, shape (1, H).
        delta: dℓ/dz, shape (1, B).
        rise: d²ℓ/dz² without the output activation's own curvature, shape (1, B).
        curvature: d²ℓ/dz², shape (1, B).
    """

    def __init__(
        self,
        shape: Architecture,
        space: Workspace,
        *,
        hidden: "Passage",
        weights: Array,
        delta: Array,
        rise: Array,
        curvature: Array,
    ) -> None:
        self._shape, self._rise, self._curvature = shape, rise, curvature
        self._inputs, self._hidden = space.inputs[0], space.inputs[1]
        units, rows = shape.shapes[0]
        self._slopes = hidden.through(np.broadcast_to(weights.T, hidden.delta.shape))  # ∂z/∂z₁
        ones = np.ones((units, 1))
        ones_through = hidden.through(np.broadcast_to(ones, hidden.delta.shape))
        self._crossed = ones_through @ (delta * self._inputs).T  # Σ δ·f′·x, (H, D + 1)
        self._bowed: Array | None = None  # Σ δ·w·f″·x·xᵀ, (H, D + 1, D + 1)
        if hidden.curve is not None:
            squares = (self._inputs[:, None] * self._inputs).reshape(rows * rows, -1)
            self._bowed = (hidden.curve @ squares.T).reshape(units, rows, rows)

    def product(self, directions: Array, result: Array, *, curved: bool) -> None:
        """H·v, or without ∇²z and the output's own curvature G·v, into `result`; (…, P)."""
        changes, results = self._shape.matrices(directions), self._shape.matrices(result)
        pre = changes[0] @ self._inputs  # (…, H, B)
        pre *= self._slopes
        along = np.add.reduce(pre, axis=-2, keepdims=True)  # ∇zᵀ·v, (…, 1, B)
        along += changes[1] @ self._hidden
        along *= self._curvature if curved else self._rise
        np.matmul(along, self._hidden.T, out=results[1])
        np.matmul(self._slopes, transposed(along * self._inputs), out=results[0])
        if curved:
            self._couple(changes, results)

    def dense(self) -> Array:
        """The whole Hessian, shape (P, P)."""
        units, rows = self._shape.shapes[0]
        end = units * rows
        jacobian = np.empty((self._shape.size, self._inputs.shape[1]))  # ∂z/∂θ, (P, B)
        np.multiply(
            self._slopes[:, None], self._inputs, out=jacobian[:end].reshape(units, rows, -1)
        )
        jacobian[end:] = self._hidden
        matrix: Array = (jacobian * self._curvature) @ jacobian.T
        unit = np.arange(units)
        couplings = matrix[:end, end:].reshape(units, rows, -1)
        couplings[unit, :, unit] += self._crossed
        matrix[end:, :end] = matrix[:end, end:].T
        if self._bowed is not None:
            blocks = matrix[:end, :end].reshape(units, rows, units, rows)
            blocks[unit, :, unit] += self._bowed
        return matrix

    def _couple(self, changes: list[Array], results: list[Array]) -> None:
        """Adds Σ δ·∇²z·v to `results`, matrices of each layer like `changes`."""
        units = self._shape.units[0]
        outgoing = changes[1][..., 0, :units]  # (…, H)
        results[0] += self._crossed * outgoing[..., None]
        results[1][..., 0, :units] += (self._crossed * changes[0]).sum(axis=-1)
        if self._bowed is not None:
            results[0] += (self._bowed @ changes[0][..., None])[..., 0]

"""Exact products of the loss Hessian with vectors, by the R-operator.

R{·} is the derivative along a direction v in parameter space. Applied to the forward and then to
the backward pass it gives H·v for the price of about two gradients, without finite differences:

    forward   Rz = V·[x; 1] + W·Rx                      Ra = J·Rz
    backward  Rδ = J·R(∂ℓ/∂a) + (∂J/∂z·Rz)·∂ℓ/∂a        H·v = Rδ·[x; 1]ᵀ + δ·[Rx; 0]ᵀ
              R(∂ℓ/∂x) = Wᵀ·Rδ + Vᵀ·δ

Leaving out the terms with δ and ∂J gives the Gauss–Newton matrix, which has no negative
eigenvalues where the loss is convex in the outputs.

Source: Pearlmutter 1994, section 3; Schraudolph 2002, section 4.
"""

import numpy as np

from nndiag.nn.activations import Activation, Elementwise
from nndiag.nn.calls import Array, now, transposed
from nndiag.nn.network import Architecture, Examples, Workspace, forward, workspace

_BLOCK = 1 << 18  # numbers of the widest layer that are worked on at once; 2 MB, about an L2 cache
_SHALLOW_INPUTS = 8  # inputs + 1 up to which the short way through one hidden layer is short
_SHALLOW_NUMBERS = 1 << 21  # P·B up to which its Jacobian is kept: 16 MB


class HessianProducts:
    """Hessian and Gauss–Newton products at one point; the passes through the point are kept.

    At a kink (ReLU, absolute error, Huber) the second derivative of the piece that the activation's
    slope belongs to is taken: zero for straight pieces.

    Args:
        shape: The network.
        parameters: The point, shape (P,).
        data: The examples of the loss.
        weight_decay: Adds `weight_decay`·v to each product, the Hessian of ½·weight_decay·|θ|².

    Attributes:
        loss: The loss at the point, without the weight decay.
        gradient: Its gradient with that of the weight decay, shape (P,).
    """

    def __init__(
        self,
        shape: Architecture,
        parameters: Array,
        data: Examples,
        *,
        weight_decay: float = 0.0,
    ) -> None:
        self.shape = shape
        self.size = shape.size
        self._weight_decay = weight_decay
        self._scale = shape.loss.scale(shape.outputs, data.count)
        self._targets = data.targets
        self._matrices = shape.matrices(parameters)
        self._space = workspace(shape, data)
        forward(now, shape, self._matrices, self._space)
        self._passages: list[_Passage] = self._pulled_back()
        self.loss = float(shape.loss.total(self._space.values[-1], self._targets) * self._scale)
        self.gradient = np.concatenate(
            [
                (passage.delta @ inputs.T).ravel()
                for passage, inputs in zip(self._passages, self._space.inputs, strict=True)
            ]
        )
        self.gradient += weight_decay * parameters
        self._shallow = self._short_way()

    @property
    def shallow(self) -> bool:
        """Whether the whole Hessian costs no more than a few products."""
        return self._shallow is not None

    def hessian(self, directions: Array) -> Array:
        """H·v for each direction v; shape (P,) or (K, P), as given."""
        return self._products(directions, curved=True)

    def gauss_newton(self, directions: Array) -> Array:
        """G·v for each direction v; shape (P,) or (K, P), as given."""
        return self._products(directions, curved=False)

    def dense(self) -> Array:
        """The whole Hessian, shape (P, P)."""
        if self._shallow is not None:
            matrix = self._shallow.dense()
            matrix.flat[:: self.size + 1] += self._weight_decay
            return matrix
        matrix = self.hessian(np.eye(self.size))
        symmetric: Array = 0.5 * (matrix + matrix.T)
        return symmetric

    def _pulled_back(self) -> list["_Passage"]:
        """The backward pass, keeping what each layer's activation sees."""
        space, passages = self._space, list[_Passage]()
        vector = np.empty_like(space.values[-1])
        self.shape.loss.slope(now, space.values[-1], self._targets, vector)
        vector *= self._scale
        for layer in range(self.shape.layers - 1, -1, -1):
            passage = _passage(self.shape.activations[layer], space, layer=layer, vector=vector)
            passages.insert(0, passage)
            if layer > 0:
                vector = transposed(self._outgoing(self._matrices, layer - 1)) @ passage.delta
        return passages

    def _short_way(self) -> "_OneHiddenLayer | None":
        """The short way, where the network is of the kind that has one."""
        shape = self.shape
        rows, count = self._space.inputs[0].shape
        if (
            shape.layers == 2
            and shape.outputs == 1
            and isinstance(shape.activations[0], Elementwise)
            and rows <= _SHALLOW_INPUTS
            and shape.size * count <= _SHALLOW_NUMBERS
        ):
            ones = np.ones((1, count))
            output = self._passages[1]
            bent = shape.loss.bend(self._space.values[1], self._targets, output.through(ones))
            rise = output.through(bent * self._scale)
            curvature = output.bent(rise.copy(), along=ones)
            return _OneHiddenLayer(
                shape,
                self._space,
                hidden=self._passages[0],
                weights=self._outgoing(self._matrices, 0),
                delta=output.delta,
                rise=rise,
                curvature=curvature,
            )
        return None

    def _outgoing(self, matrices: list[Array], layer: int) -> Array:
        """The weights that read the units of `layer`, without the biases beside them."""
        return matrices[layer + 1][..., : self.shape.units[layer]]

    def _products(self, directions: Array, *, curved: bool) -> Array:
        """The products, in blocks of directions that fit the cache."""
        result = np.empty_like(directions)
        if self._shallow is not None:
            result[...] = self._shallow.products(directions, curved=curved)
            return self._decayed(directions, result)
        if directions.ndim == 1:
            self._product(directions, result, curved=curved)
            return self._decayed(directions, result)
        widest = max(self.shape.units) * self._targets.shape[-1]
        block = max(1, _BLOCK // widest)
        for start in range(0, len(directions), block):
            chosen = slice(start, start + block)
            self._product(directions[chosen], result[chosen], curved=curved)
        return self._decayed(directions, result)

    def _decayed(self, directions: Array, result: Array) -> Array:
        """`result` with the products of the weight decay added, in place."""
        if self._weight_decay:
            result += self._weight_decay * directions
        return result

    def _product(self, directions: Array, result: Array, *, curved: bool) -> None:
        """One block of products, from `directions` (…, P) into `result` (…, P)."""
        passages, inputs = self._passages, self._space.inputs
        changes, results = self.shape.matrices(directions), self.shape.matrices(result)
        pre: list[Array] = []  # Rz of each layer, (…, H, B)
        values: list[Array] = []  # Ra of each layer, (…, H, B)
        for layer, passage in enumerate(passages):
            along = changes[layer] @ inputs[layer]
            if layer > 0:
                along += self._outgoing(self._matrices, layer - 1) @ values[-1]
            pre.append(along)
            values.append(passage.through(along))
        vector = self.shape.loss.bend(self._space.values[-1], self._targets, values[-1])
        vector = vector * self._scale
        for layer in range(self.shape.layers - 1, -1, -1):
            passage = passages[layer]
            delta = passage.through(vector)
            if curved:
                delta = passage.bent(delta, along=pre[layer])
            np.matmul(delta, inputs[layer].T, out=results[layer])
            if layer == 0:
                return
            if curved:
                width = self.shape.units[layer - 1]
                results[layer][..., :width] += passage.delta @ transposed(values[layer - 1])
            vector = transposed(self._outgoing(self._matrices, layer - 1)) @ delta
            if curved:
                vector += transposed(self._outgoing(changes, layer - 1)) @ passage.delta


class _OneHiddenLayer:
    """The Hessian of a network with one hidden layer and one output, from its output's Jacobian.

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
        hidden: "_Passage",
        weights: Array,
        delta: Array,
        rise: Array,
        curvature: Array,
    ) -> None:
        self._shape, self._rise, self._curvature = shape, rise, curvature
        inputs = space.inputs[0]
        units, rows = shape.shapes[0]
        self._jacobian = np.empty((shape.size, inputs.shape[1]))  # ∂z/∂θ, (P, B)
        slopes = hidden.through(np.broadcast_to(weights.T, hidden.delta.shape))  # (H, B)
        first = self._jacobian[: units * rows].reshape(units, rows, -1)
        np.multiply(slopes[:, None], inputs, out=first)
        self._jacobian[units * rows :] = space.inputs[1]
        self._crossed = hidden.through(delta) @ inputs.T  # Σ δ·f′·x, (H, D + 1)
        self._bowed: Array | None = None  # Σ δ·w·f″·x·xᵀ, (H, D + 1, D + 1)
        if hidden.curve is not None:
            squares = (inputs[:, None] * inputs).reshape(rows * rows, -1)
            self._bowed = (hidden.curve @ squares.T).reshape(units, rows, rows)

    def products(self, directions: Array, *, curved: bool) -> Array:
        """H·v, or without ∇²z and the output's own curvature G·v; shape (…, P)."""
        along = directions @ self._jacobian  # (…, B)
        along *= (self._curvature if curved else self._rise)[0]
        result: Array = along @ self._jacobian.T
        if curved:
            self._couple(self._shape.matrices(directions), self._shape.matrices(result))
        return result

    def dense(self) -> Array:
        """The whole Hessian, shape (P, P)."""
        matrix: Array = (self._jacobian * self._curvature) @ self._jacobian.T
        units, rows = self._shape.shapes[0]
        end = units * rows
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


class _Passage:
    """What an elementwise activation does to vectors at one point.

    Attributes:
        delta: Gradient of the loss with respect to the pre-activation, shape (H, B).
        curve: f″(z)·∂ℓ/∂a, shape (H, B); None where it is zero.
    """

    def __init__(self, activation: Elementwise, space: Workspace, *, layer: int, vector: Array):
        z, a = space.pre[layer], space.values[layer]
        self.delta = vector
        self._slope: Array | None = None
        self.curve: Array | None = None
        if not activation.identity:
            self._slope = space.scratch[layer]
            activation.slope(now, z, a, self._slope)
            self.delta = np.multiply(self._slope, vector, out=space.deltas[layer])
            curve = activation.slope_change(z, a)
            curve *= vector
            self.curve = curve if np.any(curve) else None

    def through(self, vectors: Array) -> Array:
        """J·v, shape (…, H, B)."""
        return vectors if self._slope is None else self._slope * vectors

    def bent(self, delta: Array, *, along: Array) -> Array:
        """`delta` + (∂J/∂z·along)·∂ℓ/∂a, shape (…, H, B)."""
        if self.curve is None:
            return delta
        delta += self.curve * along
        return delta


class _MixingPassage(_Passage):
    """The same for an activation that mixes the units of a layer, such as softmax."""

    def __init__(self, activation: Activation, space: Workspace, *, layer: int, vector: Array):
        self._activation, self._vector = activation, vector
        self._z, self._a = space.pre[layer], space.values[layer]
        self.delta = self.through(vector)

    def through(self, vectors: Array) -> Array:
        """See `_Passage`."""
        pulled = vectors.copy()
        scratch = np.empty_like(pulled)
        self._activation.pull_back(now, self._z, self._a, vector=pulled, scratch=scratch)
        return pulled

    def bent(self, delta: Array, *, along: Array) -> Array:
        """See `_Passage`."""
        change = self._activation.bend(self._z, self._a, along=along, vector=self._vector)
        total: Array = delta + change
        return total


def _passage(activation: Activation, space: Workspace, *, layer: int, vector: Array) -> _Passage:
    """The passage that fits the activation."""
    if isinstance(activation, Elementwise):
        return _Passage(activation, space, layer=layer, vector=vector)
    return _MixingPassage(activation, space, layer=layer, vector=vector)

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

from functools import cached_property

import numpy as np

from nndiag.nn.activations import Elementwise
from nndiag.nn.calls import Array, now, transposed
from nndiag.nn.hessian_ways import (
    OneHiddenLayer,
    Passage,
    SingleDirection,
    passage_of,
    room_for,
)
from nndiag.nn.network import Architecture, Examples, forward

_BLOCK = 1 << 18  # numbers of the widest layer that are worked on at once; 2 MB, about an L2 cache
_SHALLOW_INPUTS = 8  # inputs + 1 up to which the short way through one hidden layer is short
_SHALLOW_NUMBERS = 1 << 21  # P·B up to which its Jacobian is made: 16 MB


class HessianProducts:
    """Hessian and Gauss–Newton products at one point; the passes through the point are kept.

    At a kink (ReLU, absolute error, Huber) the second derivative of the piece that the activation's
    slope belongs to is taken: zero for straight pieces.

    Args:
        shape: The network.
        parameters: The point, shape (P,).
        data: The examples of the loss.
        weight_decay: Adds `weight_decay`·v to each product, the Hessian of ½·weight_decay·|θ|².
    """

    def __init__(
        self,
        shape: Architecture,
        parameters: Array,
        data: Examples,
        *,
        weight_decay: float | Array = 0.0,
    ) -> None:
        self.shape = shape
        self.size = shape.size
        self._weight_decay = weight_decay
        self._scale = shape.loss.scale(shape.outputs, data.count)
        self._targets = data.targets
        self._parameters = parameters
        self._matrices = shape.matrices(parameters)
        self._room = room_for(shape, data)
        self._space = self._room.space
        forward(now, shape, self._matrices, self._space)
        self._passages: list[Passage] = self._pulled_back()
        self._shallow = self._short_way()
        self._single = self._shallow or SingleDirection(
            shape, self._matrices, self._room, data, passages=self._passages
        )

    @cached_property
    def loss(self) -> float:
        """The loss at the point, without the weight decay."""
        return float(self.shape.loss.total(self._space.values[-1], self._targets) * self._scale)

    @cached_property
    def gradient(self) -> Array:
        """The gradient at the point with that of the weight decay, shape (P,)."""
        parts = [
            (passage.delta @ inputs.T).ravel()
            for passage, inputs in zip(self._passages, self._space.inputs, strict=True)
        ]
        gradient: Array = np.concatenate(parts)
        gradient += self._weight_decay * self._parameters
        return gradient

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

    def _pulled_back(self) -> list[Passage]:
        """The backward pass, keeping what each layer's activation sees."""
        space, passages = self._space, list[Passage]()
        vector = np.empty_like(space.values[-1])
        self.shape.loss.slope(now, space.values[-1], self._targets, vector)
        vector *= self._scale
        for layer in range(self.shape.layers - 1, -1, -1):
            passage = passage_of(self.shape.activations[layer], space, layer=layer, vector=vector)
            passages.insert(0, passage)
            if layer > 0:
                weights = self._outgoing(self._matrices, layer - 1)
                free = self._room.inputs[layer][-weights.shape[1] :]
                vector = np.matmul(weights.T, passage.delta, out=free)
        return passages

    def _short_way(self) -> OneHiddenLayer | None:
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
            return OneHiddenLayer(
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
        if directions.ndim == 1:
            self._single.product(directions, result, curved=curved)
            return self._decayed(directions, result)
        widest = max(self.shape.units) * self._targets.shape[-1]
        block = max(1, _BLOCK // widest)
        for start in range(0, len(directions), block):
            chosen = slice(start, start + block)
            if self._shallow is not None:
                self._shallow.product(directions[chosen], result[chosen], curved=curved)
            else:
                self._product(directions[chosen], result[chosen], curved=curved)
        return self._decayed(directions, result)

    def _decayed(self, directions: Array, result: Array) -> Array:
        """`result` with the products of the weight decay added, in place."""
        if np.any(self._weight_decay):
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

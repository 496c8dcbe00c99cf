"""Batch normalisation: each unit's pre-activation with mean 0 and variance 1 over the step's batch.

    z = W·x    ẑ = (z − μ)/√(σ² + ε)    u = γ ∘ ẑ + β    a = f(u)

Steps train W, β and γ, which stand in that order in a layer's matrix, [W | β | γ]. Evaluated is the
network with μ and σ² of all training examples, and that is an ordinary one with the weights
γ/√(σ² + ε)·W and the biases β − γ·μ/√(σ² + ε): whatever is measured of a run is measured of it.

Source: Ioffe and Szegedy 2015, Batch normalization, algorithms 1 and 2. There, too, evaluation
takes the statistics of the whole training set; running means over batches are an estimate of them.
"""

from typing import Any

import numpy as np

from nndiag.nn.calls import Array, Do, buffer, constant, transposed

_EPSILON = 1e-5  # as in Keras and PyTorch, within a factor of 100


class Normalised:
    """The buffers of one normalised layer, and its passes between input and `u`.

    Attributes:
        mean: μ of each unit, (…, H, 1).
        spread: √(σ² + ε) of each unit, (…, H, 1).

    Args:
        size: Shape of the layer's pre-activations, (…, H, B).
        dtype: float64, or complex128 for the complex step.
    """

    def __init__(self, size: tuple[int, ...], *, dtype: Any = np.float64) -> None:
        self._unit, self._scratch = buffer(size, dtype=dtype), buffer(size, dtype=dtype)
        one = (*size[:-1], 1)
        self.mean, self.spread, self._means = (buffer(one, dtype=dtype) for _ in range(3))
        self._count = constant(size[-1])

    def forward(self, do: Do, matrix: Array, inputs: Array, *, out: Array) -> None:
        """The value u of a layer with `matrix` (…, H, D + 2), into `out` (…, H, B)."""
        unit, scratch, width = self._unit, self._scratch, matrix.shape[-1] - 2
        do(np.matmul, matrix[..., :width], inputs[..., :width, :], unit)
        self._average(do, unit, out=self.mean)
        do(np.subtract, unit, self.mean, unit)
        do(np.multiply, unit, unit, scratch)
        self._average(do, scratch, out=self.spread)
        do(np.add, self.spread, constant(_EPSILON), self.spread)
        do(np.sqrt, self.spread, self.spread)
        do(np.divide, unit, self.spread, unit)
        do(np.multiply, unit, matrix[..., width + 1 :], out)
        do(np.add, out, matrix[..., width : width + 1], out)

    def backward(
        self, do: Do, matrix: Array, inputs: Array, *, delta: Array, gradient: Array
    ) -> None:
        """From ∂ℓ/∂u in `delta` (…, H, B) to ∂ℓ/∂z in its place, and the layer's `gradient`.

        ∂ℓ/∂z = γ/√(σ² + ε)·(δ − mean δ − ẑ·mean(δ·ẑ)).
        """
        unit, scratch, width = self._unit, self._scratch, matrix.shape[-1] - 2
        shift, gain = gradient[..., width : width + 1], gradient[..., width + 1 :]
        do(np.multiply, delta, unit, scratch)
        do(np.add.reduce, scratch, -1, None, gain, True)
        do(np.add.reduce, delta, -1, None, shift, True)
        do(np.divide, gain, self._count, self._means)
        do(np.multiply, unit, self._means, scratch)
        do(np.subtract, delta, scratch, delta)
        do(np.divide, shift, self._count, self._means)
        do(np.subtract, delta, self._means, delta)
        do(np.multiply, delta, matrix[..., width + 1 :], delta)
        do(np.divide, delta, self.spread, delta)
        do(np.matmul, delta, transposed(inputs[..., :width, :]), gradient[..., :width])

    def folded(self, matrix: Array, out: Array) -> None:
        """The ordinary layer (…, H, D + 1) that does the same with these μ and σ², into `out`."""
        width = matrix.shape[-1] - 2
        factor = matrix[..., width + 1 :] / self.spread
        out[..., :width] = factor * matrix[..., :width]
        out[..., width:] = matrix[..., width : width + 1] - factor * self.mean

    def _average(self, do: Do, values: Array, *, out: Array) -> None:
        do(np.add.reduce, values, -1, None, out, True)
        do(np.divide, out, self._count, out)

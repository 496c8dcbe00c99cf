"""The network of a program at one reading of its iteration."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nndiag.program.loop.tensors import Tensor
from nndiag.program.network.layers import Forward, Layer, layers_in, squares
from nndiag.program.network.outputs import Output, output_of
from nndiag.program.network.parts import TensorPart
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.reading import Reading

Array = Any


@dataclass(frozen=True, eq=False)
class Network:
    """Layers one behind the other, and what the last one is to give.

    Attributes:
        forward: The iteration.
        layers: From the input side.
        output: Output, targets and loss; None where they are not known.
        inputs: What the first layer takes, shape (examples, inputs).
    """

    forward: Forward
    layers: list[Layer]
    output: Output | None
    inputs: Array

    @property
    def squares(self) -> float:
        """The sum of the squares of all weights."""
        value, numbers = self.forward.value, self.forward.numbers
        return sum(
            squares(layer, layer.product.inputs(value), numbers(layer.weights))
            for layer in self.layers
        )

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All parameters, those that are parts of a vector by themselves."""
        return self.forward.tensors


def network_of(
    reading: Reading,
    loss: Loss,
    tensors: Sequence[Tensor],
    *,
    needed: frozenset[str],
    syntax: Mapping[int, ast.AST],
) -> Network | None:
    """The network; None where the parameters are no chain of layers.

    Args:
        reading: The iteration.
        loss: Its loss.
        tensors: What may be its parameters.
        needed: Those that must have a place in it.
        syntax: The program's syntax tree by node_id.
    """
    forward = Forward(reading, loss, tensors, syntax)
    parts = [item for item in forward.tensors if isinstance(item, TensorPart)]
    wholes = {item.whole.name for item in parts if item.whole is not None}
    moved = {item.name for item in parts if item.whole is not None and item.whole.name in needed}
    layers = layers_in(forward, (needed - wholes) | moved)
    if not layers:
        return None
    inputs = layers[0].product.inputs(forward.value)
    return Network(forward, layers, output_of(forward, layers[-1]), inputs)

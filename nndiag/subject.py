"""What can be trained, whatever it is: a network of a config, a program, a script.

A `Subject` gives what an analysis needs at any parameters: the loss, the gradient as it computes it
itself, curvature, the values of its units; and it can be run, and edited. What one cannot give is
missing from its `capabilities`: what needs it is skipped with the reason.

Imports the standard library and numpy alone and runs on Python 3.9: it is imported beside a user's
program, in the user's own Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray

if TYPE_CHECKING:
    from nndiag.trace.recorder import TraceRecorder
    from nndiag.trace.trace import Ending, Facts

Theta = Mapping[str, FloatArray]
"""Parameters, or a gradient: the name of each tensor and its array, in a fixed order."""
Batch = NDArray[np.intp]
"""Numbers of some examples, shape (n,)."""
Product = Callable[[FloatArray], FloatArray]
"""A symmetric operator on all parameters, as `vector_of` lays them out: (P,) → (P,)."""


class Capability(str, Enum):  # noqa: UP042 (StrEnum came with Python 3.11)
    """What a Subject can give."""

    RUN = "run"
    """It can be trained from its start to its end."""
    LAYERS = "layers"
    """Each tensor belongs to a layer."""
    DATA = "data"
    """The examples, and what the loss is handed, are known."""
    LOSS = "loss"
    """The loss at any parameters."""
    GRADIENT = "gradient"
    """The gradient at any parameters."""
    UNITS = "units"
    """The values of the units over all examples."""
    CURVATURE = "curvature"
    """Products with the Hessian."""
    ANALYTIC = "analytic"
    """The loss takes complex parameters and is analytic in them."""
    EDITS = "edits"
    """It can be changed."""

    __str__ = str.__str__


@dataclass(frozen=True, eq=False)
class LayerUnits:
    """The units of one layer over some examples.

    Attributes:
        name: The layer.
        pre_activations: Before the activation, shape (B, H).
        activations: After it, shape (B, H).
    """

    name: str
    pre_activations: FloatArray
    activations: FloatArray


Units = tuple[LayerUnits, ...]
"""The layers from the input side."""


@dataclass(frozen=True)
class Edit:
    """A change of a Subject that may make it train.

    Attributes:
        name: The registered name of the fix.
        title: What it does, in a line.
        diff: The change as a unified diff of what a person wrote.
        change: What `Subject.edited` needs to make it; a value of that Subject's own.
    """

    name: str
    title: str
    diff: str
    change: Any


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training leaves behind, besides the record.

    Attributes:
        ending: How it ended.
        theta: The last parameters.
    """

    ending: Ending
    theta: Theta


class Subject(Protocol):
    """Whatever can be trained."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can give; each method says what it needs."""

    def start(self) -> Theta:
        """The parameters before the first step; always there."""

    def describe(self) -> Facts:
        """Layers, data, loss, optimizer and rate, as far as they are known; always there."""

    def run(self, recorder: TraceRecorder, *, until: int | None = None) -> Trained:
        """One training, unedited, from the start to its own end, or to a step; needs RUN."""

    def loss_at(self, theta: Theta, batch: Batch | None = None) -> float:
        """The loss of some examples, of all by default; needs LOSS."""

    def gradient_at(self, theta: Theta, batch: Batch | None = None) -> Theta:
        """The gradient of that loss as the Subject computes it itself; needs GRADIENT."""

    def curvature_at(self, theta: Theta) -> Product:
        """Products with the Hessian of the loss of all examples; needs CURVATURE."""

    def units_at(self, theta: Theta, batch: Batch | None = None) -> Units:
        """The values of all layers' units; needs UNITS."""

    def edits(self) -> Iterable[Edit]:
        """The changes that may make it train; needs EDITS."""

    def edited(self, edit: Edit) -> Subject:
        """The Subject with one of its edits made; needs EDITS."""


def vector_of(theta: Theta) -> FloatArray:
    """All parameters in a row, shape (P,), each tensor flat in the mapping's order."""
    return np.concatenate([np.ravel(array).astype(float) for array in theta.values()])


def theta_of(vector: FloatArray, like: Theta) -> dict[str, FloatArray]:
    """The tensors of a vector (P,), of the names and shapes of `like`."""
    theta, place = {}, 0
    for name, array in like.items():
        size = int(np.size(array))
        theta[name] = vector[place : place + size].reshape(np.shape(array))
        place += size
    return theta

"""The network of a config as a Subject: what can be trained, analysed and edited."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.experiment import Experiment, resolved_yaml
from nndiag.experiment.building import Built, build
from nndiag.gradients.network.check import NetworkDifferences, places_of
from nndiag.gradients.network.differences import is_analytic
from nndiag.nn.calls import now
from nndiag.nn.hessian import HessianProducts
from nndiag.nn.network import Examples, examples, forward, loss, loss_and_gradient, workspace
from nndiag.remedies.change import changed
from nndiag.remedies.contract import Case, remedies
from nndiag.subject import Batch, Capability, Edit, LayerUnits, Product, Theta, Trained, Units
from nndiag.trace import Facts
from nndiag.trace.recorder import TraceRecorder
from nndiag.training.facts import facts_of
from nndiag.training.trainer import train

_ALWAYS = frozenset(Capability) - {Capability.ANALYTIC}


class NetworkSubject:
    """The network of a config; its tensors are called "layer1.weights", "layer1.biases", and so on.

    The loss is that of the config over the training examples; a weight decay belongs to the
    optimizer and is in neither loss, gradient nor curvature.

    Args:
        experiment: The config.

    Attributes:
        experiment: The config.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment

    @cached_property
    def built(self) -> Built:
        """Arrays, architecture, initial parameters."""
        return build(self.experiment)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Everything; ANALYTIC where loss and activations are."""
        return _ALWAYS | ({Capability.ANALYTIC} if is_analytic(self.built.shape) else set())

    def start(self) -> dict[str, FloatArray]:
        """The initial parameters."""
        return self._tensors(self.built.parameters)

    def describe(self) -> Facts:
        """What is known before the first step."""
        return facts_of(self.built)

    def run(self, recorder: TraceRecorder, *, until: int | None = None) -> Trained:
        """Train to the config's own end, or to a step."""
        built = self.built if until is None else replace(self.built, steps=until, epochs=None)
        result = train(built, recorder)
        ending = result.trace.ending
        assert ending is not None  # the trainer records one however a run ends
        return Trained(ending, self._tensors(result.parameters))

    def loss_at(self, theta: Theta, batch: Batch | None = None) -> float:
        """The loss; complex where the parameters are."""
        value: float = loss(self.built.shape, self._parameters(theta), self._examples(batch)).item()
        return value

    def gradient_at(self, theta: Theta, batch: Batch | None = None) -> dict[str, FloatArray]:
        """The gradient of nndiag's backward pass."""
        data = self._examples(batch)
        return self._tensors(loss_and_gradient(self.built.shape, self._parameters(theta), data)[1])

    def curvature_at(self, theta: Theta) -> Product:
        """Exact products with the Hessian."""
        shape, order = self.built.shape, self._order
        products = HessianProducts(shape, self._parameters(theta), self._data)

        def product(direction: FloatArray) -> FloatArray:
            own = np.empty_like(direction)
            own[order] = direction
            image: FloatArray = products.hessian(own)[order]
            return image

        return product

    def units_at(self, theta: Theta, batch: Batch | None = None) -> Units:
        """Pre-activations and activations of every layer, shape (B, H)."""
        shape, data = self.built.shape, self._examples(batch)
        matrices, space = shape.matrices(self._parameters(theta)), workspace(shape, data)
        forward(now, shape, matrices, space)
        layers = zip(self.built.layer_names, matrices, space.inputs, space.values, strict=True)
        return tuple(
            LayerUnits(name, (matrix @ inputs).T, values.T.copy())
            for name, matrix, inputs, values in layers
        )

    def differences_at(self, theta: Theta, batch: Batch | None = None) -> NetworkDifferences:
        """Differences of the loss that pass on only what a perturbed weight changes."""
        return NetworkDifferences(
            self.built.shape,
            self._parameters(theta),
            self._examples(batch),
            layer_names=self.built.layer_names,
        )

    def edits(self) -> Iterator[Edit]:
        """The remedies that apply to the config, each with the config's diff."""
        case = Case(self.experiment)
        before = resolved_yaml(changed(self.experiment, {})).splitlines()
        for remedy in remedies().values():
            changes = remedy.changes(case)
            if changes is None:
                continue
            after = resolved_yaml(changed(self.experiment, changes)).splitlines()
            diff = "\n".join(difflib.unified_diff(before, after, lineterm="", n=1))
            if diff:
                yield Edit(remedy.name, remedy.title, diff, changes)

    def edited(self, edit: Edit) -> "NetworkSubject":
        """The network of the config with the changes of an edit on top."""
        changes: Mapping[str, Any] = edit.change
        return NetworkSubject(changed(self.experiment, changes))

    @cached_property
    def _data(self) -> Examples:
        return examples(self.built.shape, *self.built.training)

    @cached_property
    def _places(self) -> dict[str, Batch]:
        return places_of(self.built.shape, self.built.layer_names)

    @cached_property
    def _order(self) -> Batch:
        """Where each number of `vector_of` is in the network's own parameters, shape (P,)."""
        return np.concatenate([places.ravel() for places in self._places.values()])

    def _examples(self, batch: Batch | None) -> Examples:
        if batch is None:
            return self._data
        columns = (self._data.inputs[:, batch], self._data.targets[:, batch])
        return Examples(*(np.ascontiguousarray(part) for part in columns))

    def _parameters(self, theta: Theta) -> FloatArray:
        """The network's own parameters, shape (P,)."""
        whole = np.concatenate([np.ravel(theta[name]) for name in self._places])
        parameters = np.empty_like(whole)
        parameters[self._order] = whole
        return parameters

    def _tensors(self, parameters: FloatArray) -> dict[str, FloatArray]:
        return {name: parameters[places] for name, places in self._places.items()}

"""A program's network as one of nndiag's own, from the roles that its values told."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.experiment.building import Built
from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.losses import LOSSES, Loss
from nndiag.nn.network import Architecture, Examples, architecture, examples, loss, predicted
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.nn.scaling import Scaling

Told = Mapping[str, Any]
"""What `program.running.task.watch` gives."""

_WHOLE = (0.5, 1.0, 2.0)  # what a sum over examples is multiplied by
_SAME = 1e-6
_LARGEST_GUARD = 0.01  # what programs add to a probability, or hold it off 0 by
_SMALLEST = float(np.finfo(np.float64).tiny)
_HELD = 1e-3  # how far the loss of the first step may be from the network's own


@dataclass(frozen=True, eq=False)
class Mirror:
    """A network that computes what the program's computes.

    Attributes:
        shape: With the loss that the program computes.
        descended: With the loss whose gradient, times the rate that the program names, is its step.
        data: All examples.
        inputs: Shape (B, D).
        targets: Shape (B, O).
        names: Names of the layers: what the program calls their weights.
        activations: Name of the activation of each layer.
        rate: The rate that the program names; what stands for it where it names none.
        guarded: Whether a guard in the program's logarithms bounds its loss, and not this one's.
    """

    shape: Architecture
    descended: Architecture
    data: Examples
    inputs: FloatArray
    targets: FloatArray
    names: tuple[str, ...]
    activations: tuple[str, ...]
    rate: float
    told: Told
    guarded: bool = False

    @property
    def odd_labels(self) -> tuple[float, float] | None:
        """The two values of the labels, where they are others than a cross-entropy's 0 and 1."""
        values = np.unique(self.targets)
        if len(values) != 2 or set(values) == {0.0, 1.0}:
            return None
        meant = set(values) == {-1.0, 1.0} or self.told["kind"] == "binary_cross_entropy"
        return (float(values[0]), float(values[1])) if meant else None

    def vector(self, parameters: Mapping[str, FloatArray]) -> FloatArray:
        """The program's parameters as those of the network, shape (P,)."""
        parts = []
        for link in self.told["links"]:
            numbers = np.asarray(parameters[link["weights"]], dtype=np.float64)
            ones = link.get("ones")
            units, columns = link["units"], link["columns"] + (ones is not None)
            turned = numbers.reshape(columns, units).T if link["turned"] else None
            weights = numbers.reshape(units, columns) if turned is None else turned
            if link["biases"] is not None:
                weights = np.hstack([weights, parameters[link["biases"]].reshape(units, 1)])
            elif ones is not None:
                weights = np.hstack([np.delete(weights, ones, axis=1), weights[:, [ones]]])
            parts.append(weights.ravel())
        return np.concatenate(parts)

    def predictions(self, parameters: Mapping[str, FloatArray]) -> FloatArray:
        """What the program's network gives for all inputs, shape (B, O)."""
        return np.asarray(predicted(self.shape, self.vector(parameters), self.data).T)

    def built(self, start: FloatArray, *, steps: int) -> Built:
        """The network as an experiment that is ready to train."""
        told, none = self.told, Scaling(np.zeros(1), np.ones(1))
        optimizer = "adam" if told["adaptive"] else "sgd"
        options: dict[str, Any] = {}
        if optimizer == "sgd" and told["momentum"] > 0:
            options = {"momentum": told["momentum"]}
            options |= {"nesterov": told.get("settings", {}).get("nesterov", False)}
        batch = told["batch"]
        return Built(
            name="",
            shape=self.descended,
            parameters=start,
            drawn=start,
            optimizer=OPTIMIZERS.get(optimizer)(learning_rate=self.rate, **options),
            layer_names=self.names,
            activation_names=self.activations,
            training=(self.inputs, self.targets),
            validation=None,
            raw_inputs=None,
            input_scaling=none,
            target_scaling=none,
            input_names=(),
            target_names=(),
            classes=None,
            batch_size=None if batch is None or batch >= len(self.inputs) else batch,
            order="shuffled",
            steps=steps,
            epochs=None,
            stop_when_converged=False,
            seed=0,
            settings={},
        )


def mirror_of(told: Told) -> Mirror | None:
    """The network; None where its layers, data or loss are not known, do not fit, or grow."""
    output, data, links = told["output"], told["data"], told["links"]
    if not links or output is None or data is None or told["kind"] is None or told.get("grows"):
        return None
    inputs, targets = (np.asarray(part, dtype=np.float64) for part in data)
    if not (np.isfinite(inputs).all() and np.isfinite(targets).all()):
        return None
    last = len(links) - 1
    layers = [
        (link["units"], _activation(output if place == last else link))
        for place, link in enumerate(links)
    ]
    biases = [link["biases"] is not None or link.get("ones") is not None for link in links]
    rate, scale = told["rate"], told["scale"]
    times = 1.0 if rate is None or scale is None or told["adaptive"] else scale / rate[1]
    made = [_loss(told, outputs=links[-1]["units"], times=factor) for factor in (1.0, times)]
    shapes = [architecture(inputs.shape[1], layers, loss=one, biases=biases) for one in made]
    mirror = Mirror(
        shape=shapes[0],
        descended=shapes[1],
        data=examples(shapes[0], inputs, targets),
        inputs=inputs,
        targets=targets,
        names=tuple(link["weights"] for link in links),
        activations=tuple(
            (output if place == last else link)["activation"] for place, link in enumerate(links)
        ),
        rate=rate[1] if rate is not None else (scale or 1.0),
        told=told,
    )
    return _held(mirror)


def _activation(link: Mapping[str, Any]) -> Any:
    name, slope = link["activation"], link["slope"]
    return name if slope is None else ACTIVATIONS.get(name)(slope=slope)


def _loss(told: Told, *, outputs: int, times: float) -> Loss:
    """The loss with the factor that the program's has, times a number, as a mean or a sum."""
    kind, batch = told["kind"], told["batch"] or 1
    factor = told["factor"] * times * (2.0 if kind == "mean_squared_error" else 1.0)
    number = told["factor"] * times
    whole_data = told["data"] is not None and batch >= len(told["data"][0])
    summed = whole_data and batch > 1 and any(abs(number / whole - 1) < _SAME for whole in _WHOLE)
    made: Loss = LOSSES.get(kind)(reduction="sum" if summed else "mean")
    whole = factor if summed else factor * batch * (outputs if made.counts == "elements" else 1)
    absorbed = None if made.absorbed is None else replace(made.absorbed, factor=whole)
    return replace(made, factor=whole, absorbed=absorbed)


def _held(mirror: Mirror) -> Mirror | None:
    """The network where its loss before the first step is what the program computes there."""
    told = mirror.told
    copies, rows = told["copies"], told["rows"]
    batch = told["batch"]
    if not copies or not len(rows) or batch is None or batch < len(mirror.inputs):
        return mirror if copies else None
    start = float(loss(mirror.shape, mirror.vector(copies[0][1]), mirror.data))
    first = float(rows[0, 0])
    if not np.isfinite(first) or len(told["steps"]) == 0 or told["steps"][0] != 0:
        return mirror
    if abs(start - first) <= _HELD * max(abs(first), 1e-12):
        return mirror
    guarded = _least_guarded(mirror, copies[0][1], start) <= first < start
    return replace(mirror, guarded=True) if guarded else None


def _least_guarded(mirror: Mirror, parameters: Mapping[str, FloatArray], start: float) -> float:
    """The least that a cross-entropy can be where a guard bounds its logarithms; inf for others.

    Args:
        mirror: The network.
        parameters: The program's, at the start.
        start: The loss there without a guard.
    """
    if mirror.told["kind"] not in ("binary_cross_entropy", "softmax_cross_entropy"):
        return math.inf
    outputs, wanted = mirror.predictions(parameters), mirror.targets
    pairs = [(outputs, wanted)]
    if mirror.told["kind"] == "binary_cross_entropy":
        pairs.append((1 - outputs, 1 - wanted))
    bounded, whole = (
        -sum(float(np.sum(part * np.log(np.maximum(share, least)))) for share, part in pairs)
        for least in (_LARGEST_GUARD, _SMALLEST)
    )
    return start * bounded / whole * (1 - _HELD) if whole > 0 else math.inf


def final_loss(mirror: Mirror, told: Told) -> float:
    """The loss over all examples at the parameters of a program's end.

    Args:
        mirror: The program's network.
        told: What was watched of it.
    """
    if mirror.guarded:
        return last_loss(told)
    return float(loss(mirror.shape, mirror.vector(told["final"]), mirror.data))


def last_loss(told: Told) -> float:
    """The last loss of a training that is known; nan where none is."""
    losses = told["rows"][:, 0] if "rows" in told else np.empty(0)
    known = losses[~np.isnan(losses)]
    return float(known[-1]) if len(known) else math.nan

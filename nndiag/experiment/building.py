"""From a config to what the trainer needs: arrays, an architecture, initial parameters.

Random numbers come from independent streams of one seed: data, then weights, then the order of
the examples (drawn by the trainer). Changing one part of a config leaves the others' draws alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.errors import ConfigError, Problem
from nndiag.experiment.components import Component
from nndiag.experiment.config import Config, Layer
from nndiag.experiment.data import data_of, dataset_of
from nndiag.experiment.loading import Experiment
from nndiag.experiment.node import dotted
from nndiag.nn.activations import ACTIVATIONS, Activation
from nndiag.nn.class_weights import balanced_weights
from nndiag.nn.folding import evaluated_start
from nndiag.nn.initializers import INITIALIZERS
from nndiag.nn.losses import LOSSES, Loss
from nndiag.nn.network import Architecture, architecture, examples
from nndiag.nn.optimizers import OPTIMIZERS, Optimizer
from nndiag.nn.scaling import Scaling
from nndiag.nn.schedules import SCHEDULES, Schedule
from nndiag.nn.stack import Stack

_WEIGHT_STREAM = 1  # of the seed; 0 and 3 are the data's, 2 the order's
_MOST_PARAMETERS = 20_000_000


@dataclass(frozen=True)
class EarlyStopping:
    """When a run stops because its validation loss falls no further.

    Attributes:
        patience: Epochs without progress after which it stops.
        min_delta: By how much the loss has to fall for that to be progress.
        restore_best_weights: Whether the best parameters are taken in the end, not the last.
    """

    patience: int
    min_delta: float
    restore_best_weights: bool


@dataclass(frozen=True, eq=False)
class Built:
    """An experiment, ready to train.

    Attributes:
        name: The config's name.
        shape: The network and its loss.
        parameters: Initial parameters, shape (P,), as they are evaluated.
        drawn: Initial weights and biases as they are drawn, shape (P,): where layers are
            normalised, what steps begin with.
        optimizer: The optimizer.
        layer_names: "layer1" … "layerL", from the input side.
        activation_names: Activation of each layer, as the config names it.
        training: Scaled inputs (B, D) and targets (B, O) of the training examples.
        validation: The same of the examples held out; None where there are none.
        raw_inputs: Training inputs before scaling, shape (B, D); None where they are not scaled.
        input_scaling: From raw to scaled inputs.
        target_scaling: From raw to scaled targets.
        input_names: Name of each input column.
        target_names: Name of each target column.
        classes: Class of each training example, shape (B,); None where targets are not classes.
        batch_size: Examples per step; None for all.
        order: How examples are dealt out.
        steps: Steps to take; None where epochs are given.
        epochs: Epochs to train; None where steps are given.
        stop_when_converged: Whether to stop when nothing is left to gain.
        seed: Seed of the order of the examples.
        settings: The whole resolved config, as plain data.
        early_stopping: When it stops by its validation loss; None where it does not.
    """

    name: str
    shape: Architecture
    parameters: FloatArray
    drawn: FloatArray
    optimizer: Optimizer
    layer_names: tuple[str, ...]
    activation_names: tuple[str, ...]
    training: tuple[FloatArray, FloatArray]
    validation: tuple[FloatArray, FloatArray] | None
    raw_inputs: FloatArray | None
    input_scaling: Scaling
    target_scaling: Scaling
    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    classes: NDArray[np.int64] | None
    batch_size: int | None
    order: str
    steps: int | None
    epochs: int | None
    stop_when_converged: bool
    seed: int
    settings: Mapping[str, Any]
    early_stopping: EarlyStopping | None = None


def build(experiment: Experiment) -> Built:
    """What an experiment trains.

    Raises:
        ConfigError: Shapes that do not fit each other, at the layer's line.
        DataError: Data that cannot be read, generated or scaled.
    """
    config = experiment.config
    dataset = dataset_of(experiment)
    data = data_of(experiment, dataset)
    inputs, targets = dataset.inputs.shape[1], dataset.targets.shape[1]
    problems = _shape_problems(experiment, inputs=inputs, targets=targets)
    if problems:
        raise ConfigError(problems)
    shape = _architecture(config, inputs, _loss(experiment, data.training[1]))
    training, drawn = config.training, initial_parameters(config, shape)
    return Built(
        name=config.name,
        shape=shape,
        parameters=evaluated_start(shape, drawn, examples(shape, *data.training)),
        drawn=drawn,
        optimizer=_optimizer(config, shape, steps=_steps(config, len(data.training[0]))),
        layer_names=tuple(f"layer{number}" for number in range(1, shape.layers + 1)),
        activation_names=tuple(layer.activation.name for layer in config.network.layers),
        training=data.training,
        validation=data.validation,
        raw_inputs=data.raw_inputs,
        input_scaling=data.scalings[0],
        target_scaling=data.scalings[1],
        input_names=dataset.input_names,
        target_names=dataset.target_names,
        classes=data.classes,
        batch_size=None if training.batch_size == "full" else training.batch_size,
        order=training.order,
        steps=training.steps,
        epochs=training.epochs,
        stop_when_converged=training.stop_when_converged,
        seed=config.seed,
        settings=experiment.resolved,
        early_stopping=_early_stopping(experiment, validated=data.validation is not None),
    )


def _early_stopping(experiment: Experiment, *, validated: bool) -> EarlyStopping | None:
    """When the run stops by its validation loss.

    Raises:
        ConfigError: There are no validation examples.
    """
    asked = experiment.config.training.early_stopping
    if asked is None:
        return None
    if not validated:
        place = experiment.location("training", "early_stopping")
        hint = "dataset.validation=0.2 keeps a fifth of the examples for it"
        raise ConfigError(Problem("early stopping needs validation examples", place, hint=hint))
    return EarlyStopping(asked.patience, asked.min_delta, asked.restore_best_weights)


def _steps(config: Config, examples: int) -> int:
    """Steps that a config asks for."""
    training = config.training
    if training.steps is not None:
        return training.steps
    size = examples if training.batch_size == "full" else min(training.batch_size, examples)
    return (training.epochs or 1) * -(-examples // size)


def _shape_problems(experiment: Experiment, *, inputs: int, targets: int) -> list[Problem]:
    """Where the layers, the data and the values given for weights and biases do not fit."""
    layers = experiment.config.network.layers
    problems = []
    last = len(layers) - 1
    if layers[last].units != targets:
        units, columns = _counted(layers[last].units, "unit"), _counted(targets, "column")
        problems.append(
            Problem(
                f"the last layer has {units} but the targets have {columns}",
                experiment.location("network", "layers", last, "units"),
                hint=f"write units: {targets}",
            )
        )
    fan_in, total = inputs, 0
    for index, layer in enumerate(layers):
        problems.extend(_value_problems(experiment, layer, index=index, fan_in=fan_in))
        total += layer.units * (fan_in + 1)
        fan_in = layer.units
    if layers[last].dropout:
        place = experiment.location("network", "layers", last, "dropout")
        hint = "leave it out here, or give it to a hidden layer"
        problems.append(Problem("the outputs themselves would be dropped", place, hint=hint))
    if total > _MOST_PARAMETERS:
        place = experiment.location("network", "layers")
        allowed = f"up to {_MOST_PARAMETERS:,}"
        problems.append(Problem("too many parameters", place, f"{total:,}", allowed))
    return problems


def _value_problems(
    experiment: Experiment, layer: Layer, *, index: int, fan_in: int
) -> list[Problem]:
    """Weights and biases of one layer that have not the layer's shape."""
    path = ("network", "layers", index)
    problems = []
    if layer.weights is not None:
        rows, widths = len(layer.weights), {len(row) for row in layer.weights}
        if rows != fan_in or widths != {layer.units}:
            width = (
                "rows of unequal length"
                if len(widths) > 1
                else f"{rows} × {max(widths, default=0)}"
            )
            problems.append(
                Problem(
                    f"{dotted((*path, 'weights'))!r} has not the layer's shape",
                    experiment.location(*path, "weights"),
                    got=width if rows else "no rows",
                    allowed=f"{fan_in} × {layer.units}: a row for each input, in it a number for "
                    "each unit",
                )
            )
    if layer.biases is not None and len(layer.biases) != layer.units:
        problems.append(
            Problem(
                f"{dotted((*path, 'biases'))!r} has not the layer's shape",
                experiment.location(*path, "biases"),
                got=_counted(len(layer.biases), "number"),
                allowed=f"{layer.units}: one for each unit",
            )
        )
    return problems


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _has_bias(config: Config, layer: Layer) -> bool:
    if layer.batch_norm:
        return True  # its shift
    if layer.bias is not None:
        return layer.bias
    return config.network.bias or layer.biases is not None


def _loss(experiment: Experiment, targets: FloatArray) -> Loss:
    """The loss, with the weights of its classes.

    Raises:
        ConfigError: As many weights as there are no classes.
    """
    section = experiment.config.loss
    options = dict(section.options)
    binary = section.name == "binary_cross_entropy"
    weights, classes = options.get("class_weights"), 2 if binary else targets.shape[1]
    if weights == "balanced":
        options["class_weights"] = balanced_weights(targets)
    elif weights is not None and len(weights) != classes:
        place = experiment.location("loss", "class_weights")
        got, allowed = _counted(len(weights), "weight"), f"{classes}: one for each class"
        raise ConfigError(Problem("these are not the weights of the classes", place, got, allowed))
    loss: Loss = LOSSES.get(section.name)(**options)
    return loss


def _architecture(config: Config, inputs: int, loss: Loss) -> Architecture:
    layers = config.network.layers
    return architecture(
        inputs,
        [(layer.units, _activation(layer.activation)) for layer in layers],
        loss=loss,
        biases=[_has_bias(config, layer) for layer in layers],
        dropout=[layer.dropout or 0.0 for layer in layers],
        batch_norm=[bool(layer.batch_norm) for layer in layers],
    )


def _activation(section: Component) -> str | Activation:
    """Its name where it has no options: a loss knows by it which activation it absorbs."""
    options = section.options
    return ACTIVATIONS.get(section.name)(**options) if options else section.name


def initial_parameters(
    config: Config, shape: Architecture, *, seed: int | None = None
) -> FloatArray:
    """Initial weights and biases, shape (P,), drawn with the config's own seed or another one."""
    network = config.network
    if seed is None:
        seed = config.seed if network.seed is None else network.seed
    rng = np.random.default_rng([seed, _WEIGHT_STREAM])
    parameters = np.zeros(shape.size)
    parts = shape.weights_and_biases(parameters)
    for layer, (weights, biases) in zip(network.layers, parts, strict=True):
        units, fan_in = weights.shape
        initial = _drawn(layer.initializer or network.initializer, rng, units, fan_in)
        weights[...] = initial if layer.weights is None else np.array(layer.weights).T
        if biases is not None:
            initial = _drawn(layer.bias_initializer or network.bias_initializer, rng, units, 1)
            biases[...] = initial[:, 0] if layer.biases is None else layer.biases
    return parameters


def _drawn(section: Component, rng: np.random.Generator, units: int, fan_in: int) -> FloatArray:
    """Initial weights of one layer, shape (units, inputs)."""
    initial: FloatArray = INITIALIZERS.get(section.name)(**section.options)(rng, units, fan_in)
    return initial


def _optimizer(config: Config, shape: Architecture, *, steps: int) -> Optimizer:
    """The optimizer with what any can have; the schedule knows the steps of the run."""
    section, schedule = config.optimizer, None
    optimizer: Optimizer = OPTIMIZERS.get(section.name)(**section.options)
    if section.schedule is not None:
        made: Schedule = SCHEDULES.get(section.schedule.name)(**section.schedule.options)
        schedule = made.changed(warmup_steps=section.schedule.warmup_steps, total=steps)
    shared = 0.0 if "weight_decay" in section.registered else section.weight_decay
    return optimizer.changed(
        weight_decay=_weight_decay(config, shape, shared=shared),
        schedule=schedule,
        clip_norm=section.clip_norm,
    )


def _weight_decay(config: Config, shape: Architecture, *, shared: float) -> float | FloatArray:
    """One number, or one for each parameter (P,) where layers have a decay of their weights."""
    own = [layer.weight_decay for layer in config.network.layers]
    if all(decay is None for decay in own):
        return shared
    decays = np.full(shape.size, shared)
    for decay, (weights, biases) in zip(own, shape.weights_and_biases(decays), strict=True):
        if decay is not None:
            weights[...] = decay
            if biases is not None:
                biases[...] = 0.0
    return decays


def stack_of(built: Built, *, steps: int = 0) -> Stack:
    """The network of an experiment before its first step, as a stack of one, with its data.

    Args:
        built: The experiment.
        steps: Steps that will be taken, where there are many.
    """
    inputs, targets = built.training
    return Stack(
        built.shape,
        built.drawn[None],
        optimizer=built.optimizer,
        inputs=inputs,
        targets=targets,
        steps=steps,
        seed=built.seed,
    )

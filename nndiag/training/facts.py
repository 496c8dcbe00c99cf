"""What is known of a run before its first step."""

import numpy as np

from nndiag.analysis.curvature import sharpness, stability_ceiling
from nndiag.experiment.building import Built
from nndiag.nn.losses import baseline
from nndiag.nn.network import examples
from nndiag.trace import Facts, LayerFacts
from nndiag.training.schedule import batches_of, total_steps


def facts_of(built: Built) -> Facts:
    """The facts of an experiment: data, layers, settings, and what theory says of its rate."""
    shape = built.shape
    inputs, targets = built.training
    data = examples(shape, inputs, targets)
    largest = sharpness(
        shape, built.parameters, data, weight_decay=built.optimizer.weight_decay
    ).value
    known = bool(np.isfinite(largest))
    bounded = known and not built.optimizer.adaptive  # each parameter has a rate of its own there
    parts = shape.weights_and_biases(built.parameters)
    return Facts(
        inputs=inputs,
        targets=targets,
        raw_inputs=built.raw_inputs,
        layers=_layers(built),
        initial_weights=tuple(weights for weights, _ in parts),
        initial_biases=tuple(biases for _, biases in parts),
        loss=shape.loss.name,
        reduction=shape.loss.reduction,
        baseline_loss=baseline(shape.loss, data.targets),
        optimizer=built.optimizer.name,
        learning_rate=built.optimizer.learning_rate,
        batch_size=batches_of(built).size,
        total_steps=total_steps(built),
        settings=built.settings,
        initial_sharpness=largest if known else None,
        stability_ceiling=(
            stability_ceiling(built.optimizer, largest * _seen_share(built)) if bounded else None
        ),
    )


def _seen_share(built: Built) -> float:
    """Share of the curvature that a step sees: a sum over a batch has only its part of it."""
    batches = batches_of(built)
    if not built.shape.loss.reduction.endswith("sum"):
        return 1.0
    return min(batches.size / batches.examples, 1.0)


def _layers(built: Built) -> tuple[LayerFacts, ...]:
    """The layers as the config names them: an output activation inside the loss is shown."""
    shape = built.shape
    shown = [*shape.activations[:-1], shape.loss.link or shape.activations[-1]]
    return tuple(
        LayerFacts(name, units, activation, function.low, function.high, bias)
        for name, units, activation, function, bias in zip(
            built.layer_names,
            shape.units,
            built.activation_names,
            shown,
            shape.biases,
            strict=True,
        )
    )

"""What is known of a run before its first step."""

import numpy as np

from nndiag.analysis.batch_noise import curvature_trace, noise_limit
from nndiag.analysis.curvature import Sharpness, sharpness, stability_limit_of
from nndiag.experiment.building import Built
from nndiag.nn.losses import baseline
from nndiag.nn.network import Examples, examples
from nndiag.trace import Facts, LayerFacts
from nndiag.training.schedule import batches_of, total_steps
from nndiag.training.stability import seen_share, stability_of


def facts_of(built: Built, *, explained: bool = False) -> Facts:
    """The facts of an experiment: data, layers, settings, and what theory says of its rate.

    Args:
        built: The experiment.
        explained: Whether to explain the rate's stability limit, too: what it means for
        mini-batches and
            adaptive optimizers, and what would raise it. That may take some tenths of a second.
    """
    shape = built.shape
    inputs, targets = built.training
    validation_inputs, validation_targets = built.validation or (None, None)
    data = examples(shape, inputs, targets)
    found = sharpness(shape, built.parameters, data, weight_decay=built.optimizer.weight_decay)
    largest = found.value
    known = bool(np.isfinite(largest))
    bounded = known and not built.optimizer.adaptive  # each parameter has a rate of its own there
    parts = shape.weights_and_biases(built.parameters)
    return Facts(
        inputs=inputs,
        targets=targets,
        raw_inputs=built.raw_inputs,
        validation_inputs=validation_inputs,
        validation_targets=validation_targets,
        layers=_layers(built),
        initial_weights=tuple(weights for weights, _ in parts),
        initial_biases=tuple(biases for _, biases in parts),
        loss=shape.loss.name,
        reduction=shape.loss.reduction,
        baseline_loss=baseline(shape.loss, data.targets),
        validation_baseline_loss=(
            None
            if validation_targets is None
            else baseline(shape.loss, data.targets, on=validation_targets.T)
        ),
        optimizer=built.optimizer.name,
        learning_rate=built.optimizer.learning_rate,
        batch_size=batches_of(built).size,
        total_steps=total_steps(built),
        settings=built.settings,
        initial_sharpness=largest if known else None,
        stability_limit=(
            stability_limit_of(built.optimizer, largest * seen_share(shape, batches_of(built)))
            if bounded
            else None
        ),
        noise_limit=_noise_limit(built, data, found) if bounded else None,
        stability=stability_of(built, whole=largest) if explained else None,
    )


def _noise_limit(built: Built, data: Examples, found: Sharpness) -> float | None:
    """The rate that the configured batches bear; None where each step sees all examples."""
    batches = batches_of(built)
    if batches.full:
        return None
    total = curvature_trace(built.shape, built.parameters, data, vector=found.vector)
    seen = seen_share(built.shape, batches)
    return noise_limit(
        seen * max(total, found.value),
        seen * found.value,
        batch=batches.size,
        examples=batches.examples,
        momentum=built.optimizer.momentum,
    )


def _layers(built: Built) -> tuple[LayerFacts, ...]:
    """The layers as the config names them: an output activation inside the loss is shown."""
    shape = built.shape
    shown = [*shape.activations[:-1], shape.loss.link or shape.activations[-1]]
    return tuple(
        LayerFacts(name, units, activation, function.low, function.high, bias, dropout, batch_norm)
        for name, units, activation, function, bias, dropout, batch_norm in zip(
            built.layer_names,
            shape.units,
            built.activation_names,
            shown,
            shape.biases,
            shape.dropout or (0.0,) * shape.layers,
            shape.batch_norm or (False,) * shape.layers,
            strict=True,
        )
    )

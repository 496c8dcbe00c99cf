"""What theory says of a learning rate before the first step, and what would raise its limit.

Gradient descent on a quadratic is stable below 2/λ_max; each optimizer has its own multiple. The
changes that would lower λ_max are computed on the changed network, without training it.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from nndiag.analysis.curvature import preconditioned, sharpness, stability_limit_of
from nndiag.analysis.lanczos import extreme_eigenvalues
from nndiag.arrays import FloatArray
from nndiag.experiment.building import Built
from nndiag.nn.calls import now
from nndiag.nn.hessian import HessianProducts
from nndiag.nn.network import Architecture, Examples, examples, loss_and_gradient
from nndiag.nn.optimizers import Optimizer, Step
from nndiag.nn.scaling import SCALINGS
from nndiag.trace import SharpnessChange, Stability
from nndiag.training.schedule import Batches, batches_of

_BATCHES = 8  # single batches whose curvature is looked at
_VALUES = 2_000_000  # activations of a preconditioned product; more examples are thinned out
_PRODUCTS = 40
_HELPS = 1.25  # factor by which a change has to raise the stability limit to be told


def stability_of(built: Built, *, whole: float | None = None) -> Stability:
    """What theory says of the configured rate, before the first step.

    Args:
        built: The experiment.
        whole: λ_max of its loss over all examples, where that is known already.
    """
    shape, optimizer, batches = built.shape, built.optimizer, batches_of(built)
    data = examples(shape, *built.training)
    if whole is None or optimizer.adaptive:
        largest = step_sharpness(
            shape, built.parameters, data, optimizer=optimizer, batches=batches
        )
    else:
        largest = seen_share(shape, batches) * whole
    stability_limit = stability_limit_of(optimizer, largest) if np.isfinite(largest) else None
    found = Stability(
        rule=rule_of(optimizer),
        learning_rate=optimizer.learning_rate,
        sharpness=largest if np.isfinite(largest) else None,
        stability_limit=stability_limit,
        batch_limits=batch_limits(
            shape, built.parameters, data, optimizer=optimizer, batches=batches, seed=built.seed
        ),
        batch_size=None if batches.full else batches.size,
        adaptive=optimizer.adaptive,
    )
    return replace(found, changes=changes_of(built, largest=largest)) if found.above else found


def rule_of(optimizer: Optimizer) -> str:
    """The formula of the optimizer's stability limit."""
    if optimizer.averaging:
        return "2(1 + β₁)/((1 − β₁)·λ_max), preconditioned"
    if optimizer.adaptive:
        return "2/λ_max, preconditioned"
    if optimizer.nesterov:
        return "2(1 + β)/((1 + 2β)·λ_max)"
    return "2(1 + β)/λ_max" if optimizer.momentum else "2/λ_max"


def step_sharpness(
    shape: Architecture,
    parameters: FloatArray,
    data: Examples,
    *,
    optimizer: Optimizer,
    batches: Batches,
    mean_square: FloatArray | None = None,
) -> float:
    """The largest curvature per unit of learning rate that a step meets; NaN where not finite.

    Args:
        shape: The network.
        parameters: The point, shape (P,).
        data: All training examples.
        optimizer: The optimizer; for an adaptive one the Hessian is preconditioned.
        batches: How examples are dealt out; a sum over a batch has only its part of the curvature.
        mean_square: Bias-corrected mean square of an adaptive optimizer, shape (P,); by default
            that after its first step.
    """
    if shape.normalises:
        return np.nan  # its steps are of other parameters
    decay = optimizer.weight_decay
    seen = seen_share(shape, batches)
    if not optimizer.adaptive:
        return seen * sharpness(shape, parameters, data, weight_decay=decay).value
    with np.errstate(all="ignore"):
        chosen, share = _thinned(shape, data)
        if mean_square is None:
            gradient = seen * share * loss_and_gradient(shape, parameters, chosen)[1]
            mean_square = _first_mean_square(optimizer, gradient + decay * parameters)
        products = HessianProducts(shape, parameters, chosen)

        def product(direction: FloatArray) -> FloatArray:
            curved: FloatArray = seen * share * products.hessian(direction) + decay * direction
            return curved

        scaled = preconditioned(product, optimizer, mean_square)
        found = extreme_eigenvalues(scaled, shape.size, both=False, steps=_PRODUCTS)
    return np.nan if found is None else float(found.largest)


def batch_limits(
    shape: Architecture,
    parameters: FloatArray,
    data: Examples,
    *,
    optimizer: Optimizer,
    batches: Batches,
    seed: int,
) -> tuple[float, float] | None:
    """Smallest and largest stability limit of single mini-batches; None for full batches.

    A step sees the curvature of its own batch, which varies around that of all examples and on
    average has a larger top eigenvalue (λ_max is convex).
    """
    if batches.full or optimizer.adaptive:
        return None
    rows = next(batches.rows(np.random.default_rng([seed, 2])))[:_BATCHES]
    found = []
    for chosen in rows:
        batch = Examples(
            np.ascontiguousarray(data.inputs[:, chosen]),
            np.ascontiguousarray(data.targets[:, chosen]),
        )
        largest = sharpness(
            shape, parameters, batch, weight_decay=optimizer.weight_decay, seconds=0.01
        ).value
        stability_limit = stability_limit_of(optimizer, largest) if np.isfinite(largest) else None
        if stability_limit is not None:
            found.append(stability_limit)
    return (min(found), max(found)) if found else None


def changes_of(built: Built, *, largest: float) -> tuple[SharpnessChange, ...]:
    """What would lower λ_max before the first step, the most effective first.

    Args:
        built: The experiment.
        largest: Its λ_max, as `step_sharpness` gives it.
    """
    found = []
    for name, title, override, changed in _changed(built):
        data = examples(changed.shape, *changed.training)
        lowered = step_sharpness(
            changed.shape,
            changed.parameters,
            data,
            optimizer=changed.optimizer,
            batches=batches_of(changed),
        )
        if lowered > 0 and largest > _HELPS * lowered:
            found.append(SharpnessChange(name, title, largest / lowered, override))
    return tuple(sorted(found, key=lambda change: -change.factor))


def _changed(built: Built) -> Iterator[tuple[str, str, str | None, Built]]:
    """Name, title, override and the changed experiment of each change that applies."""
    shape, (inputs, targets) = built.shape, built.training
    if shape.loss.reduction.endswith("sum"):
        reduction = shape.loss.reduction.replace("sum", "mean")
        mean = replace(shape.loss, reduction=reduction)
        title = "the mean of the loss instead of its sum"
        changed = replace(built, shape=replace(shape, loss=mean))
        yield "mean-loss", title, f"loss.reduction={reduction}", changed
    scaled = SCALINGS.get("standardize")(inputs).apply(inputs)
    if not np.allclose(scaled, inputs, rtol=0.0, atol=0.1 * max(1.0, float(np.abs(inputs).max()))):
        changed = replace(built, training=(scaled, targets))
        override = "dataset.scale_inputs=standardize"
        yield "standardized-inputs", "standardized inputs", override, changed
    yield "half-weights", "initial weights half as large", None, _with_half_weights(built)
    if shape.layers > 1 and max(shape.units[:-1]) > 1:
        title = "half as many hidden units"
        yield "half-units", title, None, _with_half_units(built)


def _with_half_weights(built: Built) -> Built:
    parameters = built.parameters.copy()
    for weights, _ in built.shape.weights_and_biases(parameters):
        np.multiply(weights, 0.5, out=weights)
    return replace(built, parameters=parameters, drawn=parameters)


def _with_half_units(built: Built) -> Built:
    """Every other hidden unit, with its weights as they are drawn."""
    shape = built.shape
    units = (*((count + 1) // 2 for count in shape.units[:-1]), shape.units[-1])
    smaller = replace(shape, units=units)
    parameters = np.zeros(smaller.size)
    before = shape.weights_and_biases(built.parameters)
    after = smaller.weights_and_biases(parameters)
    for layer, ((old, old_bias), (new, new_bias)) in enumerate(zip(before, after, strict=True)):
        rows = slice(None) if layer == shape.layers - 1 else slice(None, None, 2)
        columns = slice(None) if layer == 0 else slice(None, None, 2)
        new[...] = old[rows, columns]
        if new_bias is not None and old_bias is not None:
            new_bias[...] = old_bias[rows]
    return replace(built, shape=smaller, parameters=parameters, drawn=parameters)


def _first_mean_square(optimizer: Optimizer, gradient: FloatArray) -> FloatArray:
    """The mean square after the first step: Adam corrects its bias, RMSprop does not."""
    if optimizer.averaging:
        return gradient**2
    memory = [np.zeros_like(gradient) for _ in range(optimizer.memories)]
    scratch, still = np.empty_like(gradient), np.array(0.0)
    step = Step(np.zeros_like(gradient), gradient, scratch, memory, [still, still])
    optimizer.update(now, step)
    return memory[-1]


def seen_share(shape: Architecture, batches: Batches) -> float:
    """Share of the curvature that a step sees: a sum over a batch has only its part of it."""
    if not shape.loss.reduction.endswith("sum") or batches.full:
        return 1.0
    return batches.size / batches.examples


def _thinned(shape: Architecture, data: Examples) -> tuple[Examples, float]:
    """Evenly spaced examples, and what to multiply their derivatives by to stand for all."""
    count = max(1, min(data.count, _VALUES // sum(shape.units)))
    if count == data.count:
        return data, 1.0
    spaced = np.linspace(0, data.count - 1, count).astype(int)
    chosen = Examples(
        np.ascontiguousarray(data.inputs[:, spaced]), np.ascontiguousarray(data.targets[:, spaced])
    )
    scale = shape.loss.scale
    share = scale(shape.outputs, data.count) * data.count / (scale(shape.outputs, count) * count)
    return chosen, share

"""The first step: the loss, whether every parameter moves, the gradient, the rate."""

from collections.abc import Mapping

import numpy as np

from nndiag.checkup.contract import Check, Patient, Status
from nndiag.errors import NndiagError
from nndiag.experiment.building import Built, stack_of
from nndiag.formatting import chosen, number, percent, rough
from nndiag.gradients.network.points import check_network
from nndiag.nn.network import gradient_seconds, loss
from nndiag.training.schedule import batches_of, total_steps

_SHOWN = 3  # names
_HIGH = 10.0  # times the loss of outputs at zero, or of the mean baseline
_SLOW = 1e-4  # of the stability limit: a rate that needs 10,000 times as many steps
_TRIAL_STEPS, _FEWEST_STEPS = 100, 10
_TRIAL_SECONDS = 1.0
_BLOWN_UP = 10.0  # times the loss at the start
_DEAD = 0.5  # share of units
_VANISHED = 1e-3  # gradient of the first layer over that of the last, as the detectors have it
_SMALLER = "network.initializer=glorot_uniform"
_OTHER = "network.initializer=he_normal"


def starting_loss(patient: Patient) -> Check:
    """The loss before the first step beside what it should be: that of outputs near zero."""
    shape = patient.built.shape
    expected = float(loss(shape, np.zeros(shape.size), patient.data))
    return at_start(patient.start[0], expected=expected, baseline=patient.baseline)


def at_start(value: float, *, expected: float | None, baseline: float) -> Check:
    """A loss before the first step beside what it should be.

    Args:
        value: The loss.
        expected: That of outputs at zero; None where it is not known.
        baseline: That of the mean baseline.
    """
    name = "loss at the start"
    numbers = {"loss": value, "best_constant": baseline}
    numbers |= {} if expected is None else {"expected": expected}
    if not np.isfinite(value):
        return Check(name, Status.FAILED, f"it is {value}", _SMALLER, "weights-too-large", numbers)
    usual = max(expected or 0.0, baseline)
    zero = "" if expected is None else f"{number(expected)} with all outputs at zero, "
    words = f"{number(value)}; {zero}{number(baseline)} at best by a constant"
    if value > _HIGH * usual:
        return Check(name, Status.WARNING, words, _SMALLER, "weights-too-large", numbers)
    return Check(name, Status.OK, words, numbers=numbers)


def moving_parameters(patient: Patient) -> Check:
    """No layer, and few units, have a gradient of exactly zero; no units are twins."""
    name = "parameters move"
    slope, built = patient.start[1], patient.built
    if not np.isfinite(slope).all():
        message = "the gradient is not finite"
        return Check(name, Status.FAILED, message, _SMALLER, "weights-too-large")
    matrices = dict(zip(built.layer_names, built.shape.matrices(slope), strict=True))
    zero = {layer: float(np.mean(~np.any(one, axis=1))) for layer, one in matrices.items()}
    still = [layer for layer, share in zero.items() if share == 1]
    if still:
        return _stillness(patient, still[0], ", ".join(still))
    twins = [layer for layer in built.layer_names[:-1] if _has_twins(patient, layer)]
    if twins:
        message = f"the units of {', '.join(twins)} are equal and get equal steps"
        return Check(name, Status.FAILED, message, _SMALLER, "identical-units")
    layer, share = max(zero.items(), key=lambda item: item[1])
    if share >= _DEAD:
        return _stillness(patient, layer, layer, share=share)
    first, *_, last = (float(np.linalg.norm(one)) for one in [*matrices.values()] * 2)
    numbers = {"first_to_last": first / last}
    if len(matrices) > 2 and not _VANISHED <= first / last <= 1 / _VANISHED:
        message = f"the gradient of the first layer is {rough(first / last)} × that of the last"
        vanishing = first < last
        problem = "vanishing-gradients" if vanishing else "exploding-gradients"
        remedy = "activation: tanh or relu in the hidden layers" if vanishing else _SMALLER
        return Check(name, Status.WARNING, message, remedy, problem, numbers)
    message = f"all layers have a gradient: {slope.size:,} parameters"
    return Check(name, Status.OK, message, numbers=numbers)


def all_move(gradients: Mapping[str, float], *, count: int) -> Check:
    """No parameter has a gradient of exactly zero.

    Args:
        gradients: Parameter → the norm of its gradient at the first step.
        count: Numbers in all of them.
    """
    name = "parameters move"
    if not all(np.isfinite(x) for x in gradients.values()):
        return Check(name, Status.FAILED, "the gradient is not finite", problem="non-finite-values")
    still = [parameter for parameter, norm in gradients.items() if norm == 0]
    if not still:
        return Check(name, Status.OK, f"all layers have a gradient: {count:,} parameters")
    shown = ", ".join(still[:_SHOWN]) + (" …" if len(still) > _SHOWN else "")
    return Check(name, Status.FAILED, f"the gradient of {shown} is zero", problem="dead-units")


def _stillness(patient: Patient, layer: str, layers: str, *, share: float = 1.0) -> Check:
    """A gradient that is zero: behind flat ends of an activation, or units that are off."""
    index = patient.built.layer_names.index(layer)
    reached = patient.facts.layers[index:]
    bounded = any(np.isfinite(one.low) and np.isfinite(one.high) for one in reached)
    problem = "saturated-units" if bounded else "dead-units"
    remedy = f"{_SMALLER}, or dataset.scale_inputs=standardize" if bounded else _OTHER
    numbers = {"zero_share": share}
    if share == 1:
        message = f"the gradient of {layers} is zero: nothing there is learned"
        return Check("parameters move", Status.FAILED, message, remedy, problem, numbers)
    message = f"{percent(share)} of the units of {layers} get no gradient"
    return Check("parameters move", Status.WARNING, message, remedy, problem, numbers)


def _has_twins(patient: Patient, layer: str) -> bool:
    """Whether at least half of a layer's units are equal to another in weights and gradient."""
    shape, index = patient.built.shape, patient.built.layer_names.index(layer)
    weights = shape.matrices(patient.built.parameters)[index]
    both = np.concatenate([weights, shape.matrices(patient.start[1])[index]], axis=1)
    counts = np.unique(both, axis=0, return_counts=True)[1]
    return bool(counts[counts > 1].sum() >= _DEAD * len(weights)) and len(weights) > 1


def gradient(patient: Patient) -> Check:
    """The gradient agrees with finite differences."""
    name = "gradient"
    try:
        check = check_network(patient.built, seconds=0.5)
    except NndiagError as error:
        return Check(name, Status.NOT_CHECKED, error.problems[0].message)
    errors = [tensor.relative_error for tensor, _ in check.tensors()]
    numbers = {"relative_error": max(errors, default=0.0)}
    if not check.correct:
        return Check(name, Status.FAILED, "it disagrees with differences", "nndiag gradcheck")
    message = f"agrees with differences to {rough(numbers['relative_error'])}"
    return Check(name, Status.OK, message, numbers=numbers)


def rate(patient: Patient) -> Check:
    """The configured rate against its stability limit, and against a few steps."""
    name = "learning rate"
    rate, stability_limit = patient.built.optimizer.learning_rate, patient.facts.stability_limit
    steps = _trial_steps(patient.built)
    lost = _lost_at(patient, steps=steps)
    numbers = {"learning_rate": rate}
    problem = "learning-rate-above-stability-limit"
    if stability_limit is None:
        optimizer, shape = patient.built.optimizer.name, patient.built.shape
        also = " and batch norm" if shape.normalises else ""
        words = f"{chosen(rate)} with {optimizer}{also}, which has no fixed stability limit"
    else:
        numbers["stability_limit"] = stability_limit
        words = f"{chosen(rate)}, the stability limit is {number(stability_limit)}"
    if lost is not None:
        remedy = f"optimizer.learning_rate={_below(rate, stability_limit)}"
        message = f"{words}; the loss exploded within {lost} steps"
        return Check(name, Status.FAILED, message, remedy, problem, numbers)
    if stability_limit is not None and rate > stability_limit:
        remedy = f"optimizer.learning_rate={_below(rate, stability_limit)}"
        message = f"{words}; the first {steps} steps survive it"
        return Check(name, Status.WARNING, message, remedy, problem, numbers)
    if stability_limit is not None and rate < _SLOW * stability_limit:
        message = f"{words}: {stability_limit / rate:,.0f} times as large"
        problem = "learning-rate-too-small"
        return Check(name, Status.WARNING, message, "nndiag sweep-lr", problem, numbers)
    return Check(name, Status.OK, words, numbers=numbers)


def _trial_steps(built: Built) -> int:
    """Steps that are tried: a hundred, fewer where they take long or the run has not as many."""
    batches = batches_of(built)
    affordable = int(_TRIAL_SECONDS / gradient_seconds(built.shape, batches.size))
    return min(total_steps(built), max(_FEWEST_STEPS, min(_TRIAL_STEPS, affordable)))


def _lost_at(patient: Patient, *, steps: int) -> int | None:
    """The number of steps after which the loss had run away; None where it did not."""
    built, batches = patient.built, batches_of(patient.built)
    stack = stack_of(built)
    limit = _BLOWN_UP * max(patient.start[0], patient.baseline)
    rows = batches.rows(np.random.default_rng([built.seed, 2]))
    with np.errstate(all="ignore"):
        while stack.step < steps:
            left = steps - stack.step
            block = stack.run(steps=left) if batches.full else stack.run(rows=next(rows)[:left])
            finite = np.isfinite(block.losses[:, 0])
            if not finite.all():
                return stack.step - len(finite) + int(np.argmin(finite)) + 1
        final = float(loss(built.shape, stack.parameters[0], patient.data))
    return None if final <= limit else steps


def _below(rate: float, stability_limit: float | None) -> str:
    """Half of the stability limit, or a tenth of the rate."""
    return f"{rate / 10 if stability_limit is None else stability_limit / 2:.2g}"

"""What the network can learn at all, by a strong optimizer: a handful of examples, and all."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nndiag.analysis.bounds import linear_loss
from nndiag.analysis.reference_fit import reference_fit
from nndiag.arrays import FloatArray
from nndiag.checkup.contract import Check, Patient, Status
from nndiag.detectors.attainable import attainable_share
from nndiag.formatting import number, r_squared_words
from nndiag.gradients.network.sampling import thinned
from nndiag.nn.calls import now
from nndiag.nn.losses import LOSSES, baseline
from nndiag.nn.network import Architecture, Examples, examples, forward, gradient_seconds, workspace

_MOST = 8
_OVERFITTED = 0.02  # loss over that of the mean baseline
_HOPELESS = 0.5  # … from which on it is not the fit that failed
_NOTHING = 0.05  # R² that chance gives
_NOISE = 0.2  # share of the targets' variance that the data allow, with the estimate's own error
_ROUGH = 0.15  # error of the estimated share that the data allow
_ALIKE = 0.1  # of the targets' range
_LARGER = "more units, biases, or another output activation"
_SECONDS = 1.0
_FEWEST = 30  # gradients that a fit computes in any case
_CERTAIN = 5.0  # a logit
_ENOUGH = 50  # examples that are fitted in any case


def handful(patient: Patient) -> Check:
    """A few examples can be learned by heart: what cannot, has no way to learn all of them."""
    name = "a handful can be learned"
    inputs, targets = patient.built.training
    rows = _distinct(inputs, targets, count=_wanted(patient))
    shape = _smooth(patient.built.shape)
    few = examples(shape, inputs[rows], targets[rows])
    constant = baseline(shape.loss, few.targets)
    if len(rows) < 2 or constant <= 0:
        return Check(name, Status.NOT_CHECKED, "fewer than two examples that differ")
    starts = patient.starting()
    starts = {"solved": _solved(shape, patient.built.parameters, few), **starts}
    fit = reference_fit(shape, starts, few, seconds=_SECONDS / 2)
    left = float(np.clip(fit.loss / constant, 0.0, 1.0))
    return learned_by_heart(left, count=len(rows), hopeless=lambda: not _trains(patient))


def learned_by_heart(left: float, *, count: int, hopeless: Callable[[], bool]) -> Check:
    """A few examples were fitted as well as they can be.

    Args:
        left: Share of the mean baseline's loss that is left.
        count: Examples.
        hopeless: Whether all examples are not learned either.
    """
    name = "a handful can be learned"
    numbers = {"examples": float(count), "left": left}
    words = f"{count} examples: {_share(1 - left)} of their variance is learned"
    if left > _OVERFITTED:
        status = Status.FAILED if left > _HOPELESS and hopeless() else Status.WARNING
        return Check(name, status, words, _LARGER, "too-few-units", numbers)
    return Check(name, Status.OK, words, numbers=numbers)


def signal(patient: Patient) -> Check:
    """The network can beat the mean baseline, and what a linear model leaves is known."""
    name = "there is something to learn"
    constant = patient.baseline
    if constant <= 0:
        return Check(name, Status.NOT_CHECKED, "the mean baseline has no error")
    r_squared, linear = r_squared_of(patient)
    attainable = attainable_share(patient.facts)
    numbers = {"r_squared": r_squared, "linear_r_squared": linear, "attainable": attainable}
    words = f"R² {r_squared_words(r_squared)}; of a linear model {r_squared_words(max(linear, 0))}"
    if attainable < _NOISE:
        message = f"{words}; neighbours differ so much that the targets look like noise"
        status = Status.FAILED if r_squared <= _NOTHING else Status.WARNING
        return Check(name, status, message, "other inputs", "nothing-to-learn", numbers)
    if r_squared > _NOTHING:
        return Check(name, Status.OK, words, numbers=numbers)
    message = f"no better than the mean baseline; a linear model has R² {r_squared_words(linear)}"
    return Check(name, Status.FAILED, message, _LARGER, None, numbers)


def _trains(patient: Patient) -> bool:
    """Whether the network learns all examples as far as they can be, whatever a handful says."""
    return r_squared_of(patient)[0] >= attainable_share(patient.facts) - _ROUGH


def r_squared_of(patient: Patient) -> tuple[float, float]:
    """R² of the network and of a linear model, each fitted to as many examples as time allows."""
    shape, data = patient.built.shape, patient.data
    most = _SECONDS / (2 * _FEWEST * gradient_seconds(shape, data.count)) * data.count
    chosen = thinned(data, most=max(int(most), _ENOUGH))
    constant = baseline(shape.loss, chosen.targets)
    fit = reference_fit(shape, patient.starting(), chosen, seconds=_SECONDS)
    linear = linear_loss(shape, chosen.inputs[: shape.inputs].T, chosen.targets.T)
    return 1 - fit.loss / constant, 1 - linear / constant


def _solved(shape: Architecture, parameters: FloatArray, data: Examples) -> FloatArray:
    """The parameters (P,) with the last layer solved for these examples by least squares.

    With more units than examples that is all that learning them takes. Logits of classes are asked
    to be at ±5, where a class is as good as certain.
    """
    logits = shape.loss.link is not None
    wanted = _CERTAIN * (2 * data.targets - 1) if logits else data.targets
    solved = parameters.copy()
    space = workspace(shape, data)
    with np.errstate(all="ignore"):
        forward(now, shape, shape.matrices(solved), space)
    if np.isfinite(space.inputs[-1]).all() and np.isfinite(wanted).all():
        shape.matrices(solved)[-1][...] = np.linalg.lstsq(space.inputs[-1].T, wanted.T)[0].T
    return solved


def _smooth(shape: Architecture) -> Architecture:
    """The same network with a loss that a quasi-Newton method can follow to the end."""
    if shape.loss.name != "mean_absolute_error":
        return shape
    return replace(shape, loss=LOSSES.get("mean_squared_error")())


def _share(share: float) -> str:
    """A share in percent; never "100 %" for less."""
    if 0.999 < share < 1:
        return f"{100 * share:.3f} %" if share < 0.99999 else "> 99.999 %"
    return f"{number(100 * share)} %"


def _wanted(patient: Patient) -> int:
    """Few enough for the parameters to fit them all."""
    shape = patient.built.shape
    return int(np.clip(shape.size // (2 * shape.outputs), 2, _MOST))


def _distinct(
    inputs: FloatArray, targets: FloatArray, *, count: int
) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Examples of different inputs, spread over the data; over the targets where those that are
    taken hardly differ: equal ones would be no task.
    """
    rows = np.sort(np.unique(inputs, axis=0, return_index=True)[1])
    places = np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.intp)
    spread = np.ptp(targets[rows[places]], axis=0).max()
    if spread < _ALIKE * np.ptp(targets, axis=0).max():
        rows = rows[np.lexsort(targets[rows].T)]
    return rows[places]

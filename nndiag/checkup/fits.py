"""What the network can learn at all, by a strong optimizer: a handful of examples, and all."""

from dataclasses import replace

import numpy as np

from nndiag.analysis.bounds import linear_loss
from nndiag.analysis.reference_fit import reference_fit
from nndiag.checkup.contract import Check, Patient, Status
from nndiag.detectors.attainable import attainable_share
from nndiag.experiment.building import initial_parameters
from nndiag.nn.losses import LOSSES, baseline
from nndiag.nn.network import Architecture, examples
from nndiag.numbers import number, r_squared_words
from nndiag.trace import FloatArray

_MOST = 8
_OVERFITTED = 0.02  # loss over that of the mean baseline
_HOPELESS = 0.5  # … from which on it is not the fit that failed
_NOTHING = 0.05  # R² that chance gives
_NOISE = 0.2  # share of the targets' variance that the data allow, with the estimate's own error
_ALIKE = 0.1  # of the targets' range
_LARGER = "more units, biases, or another output activation"
_SECONDS = 1.0
_SEEDS = (1000, 2000)  # from the config's own


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
    starts = _starts(patient)
    if not starts:
        return Check(name, Status.NOT_CHECKED, "the starting weights are not finite")
    fit = reference_fit(shape, starts, few, seconds=_SECONDS / 2)
    left = float(np.clip(fit.loss / constant, 0.0, 1.0))
    numbers = {"examples": float(len(rows)), "left": left}
    words = f"{len(rows)} examples: {_share(1 - left)} of their variance is learned"
    if left > _OVERFITTED:
        status = Status.FAILED if left > _HOPELESS else Status.WARNING
        return Check(name, status, words, _LARGER, "too-few-units", numbers)
    return Check(name, Status.OK, words, numbers=numbers)


def signal(patient: Patient) -> Check:
    """The network can beat the mean baseline, and what a linear model leaves is known."""
    name = "there is something to learn"
    constant = patient.baseline
    if constant <= 0:
        return Check(name, Status.NOT_CHECKED, "the mean baseline has no error")
    starts = _starts(patient)
    if not starts:
        return Check(name, Status.NOT_CHECKED, "the starting weights are not finite")
    shape = patient.built.shape
    fit = reference_fit(shape, starts, patient.data, seconds=_SECONDS)
    r_squared = 1 - fit.loss / constant
    linear = 1 - linear_loss(shape, *patient.built.training) / constant
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


def _starts(patient: Patient) -> dict[str, FloatArray]:
    """The config's own start and two others; those that are finite."""
    config, shape = patient.experiment.config, patient.built.shape
    starts = {"start": patient.built.parameters}
    for seed in _SEEDS:
        starts[f"seed {seed}"] = initial_parameters(config, shape, seed=config.seed + seed)
    return {name: start for name, start in starts.items() if np.isfinite(start).all()}

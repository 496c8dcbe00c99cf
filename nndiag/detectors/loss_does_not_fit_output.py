"""The loss and the last layer, or the loss and the targets, do not fit together.

What it sees
    One unit behind a softmax, which is 1 whatever the network does. A cross-entropy of classes
    behind an activation that gives no probabilities (a ReLU, tanh or linear output in
    `binary_cross_entropy`) or no logits (a sigmoid, tanh or ReLU in `softmax_cross_entropy`).
    Cross-entropy with targets below 0 or above 1, or with shares that do not add up to 1. Squared
    errors of classes behind an output that is stuck at its wrong end.

Why it matters
    The loss then measures something else: it is constant, has no lower bound, has its minimum
    elsewhere, or its gradient is cut to zero where the output is most wrong.

Fires when
    One unit is behind a softmax, or more than `share` of the targets lie outside the domain of a
    cross-entropy: whatever the run did. Otherwise in a run that did not learn, or whose predictions
    explain far less of the targets than its loss promises, or less than nine tenths of labels of
    which an example may have several: the activation does not fit, more than `share` of the
    examples have shares that do not add up to 1, more than `stuck` of the classes sit within 5 % of
    the wrong end of a bounded output, or a rectified output is switched off for more than half of
    the examples of its upper class.

Silent when
    Loss and output fit; they do not, but the run learned in spite of it; the targets are constant;
    the classes sit at the wrong end since weights begin at ten times their usual size, or with one
    sign so that they add up to that (see `weights-too-large`).

Thresholds
    share = 0.01: ours; single outliers do not count. stuck = 0.2: ours; a well-trained classifier
    has hardly any example at the wrong end, one that is noisy has few.

Fixes
    Two classes: one sigmoid unit with binary_cross_entropy. More classes: one softmax unit for each
    with softmax_cross_entropy. Numbers: a linear output with mean_squared_error.

Source
    Bishop 2006, Pattern Recognition and Machine Learning, sec. 5.2: each loss has its output
    activation. Goodfellow, Bengio and Courville 2016, Deep Learning, sec. 6.2.2.
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.bounds import Share
from nndiag.detectors.attainable import explained_share
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.detectors.starting_weights import mean_over_he, over_he
from nndiag.detectors.underway import impairment
from nndiag.finding import Evidence, Finding, Severity, Skipped
from nndiag.formatting import chosen, number, percent
from nndiag.trace import LayerFacts, Trace

PROBLEM = "loss-does-not-fit-output"
_BINARY, _CLASSES = "binary_cross_entropy", "softmax_cross_entropy"
_GIVES_PROBABILITIES = frozenset({"sigmoid", "softmax"})
_GIVES_LOGITS = frozenset({"softmax", "linear"})
_LEARNED = 0.7  # explained variance over R²; below, the loss measures something else
_EXPLAINED = 0.9  # explained variance of labels from which they are given well enough
_SWITCHED_OFF = 0.5  # share of the upper class at the flat side of a rectified output
_FAR = 10.0  # times the usual size: weights that put any output at an end
_END = 0.05  # part of an output's range that counts as its end


@detector(PROBLEM, stage=Stage.TASK, facts=("targets", "layers", "loss"))
def loss_does_not_fit_output(trace: Trace, *, share: Share = 0.01, stuck: Share = 0.2) -> Findings:
    """The loss and the last layer, or the loss and the targets, do not fit together."""
    targets, layer = trace.facts.targets, trace.facts.layers[-1]
    if targets is None or not len(targets) or not np.isfinite(targets).all():
        return Skipped(PROBLEM, "the targets are not finite")
    if np.ptp(targets, axis=0).max() == 0:
        return []
    found = _always_wrong(trace, layer, targets, share=share)
    if found is not None:
        return [found]
    severity = _severity(trace, targets)
    if severity is None:
        return []
    found = _unfit(trace, layer, targets, severity=severity, share=share)
    found = found or _stuck(trace, layer, targets, severity=severity, limit=stuck)
    return [] if found is None else [found]


def _severity(trace: Trace, targets: FloatArray) -> Severity | None:
    """That of the run; a warning too where only the loss, or noisy data, say that it learned."""
    course, explained = course_of(trace), explained_share(trace)
    unseen = explained is not None and explained < _LEARNED * (course.r_squared or 0.0)
    missed = explained is not None and explained < _EXPLAINED
    several = trace.facts.loss == _CLASSES and _are_labels(targets)
    return impairment(course) or (Severity.WARNING if unseen or (several and missed) else None)


def _are_labels(targets: FloatArray) -> bool:
    """Whether an example may have several classes: no softmax can give that."""
    return bool(np.isin(targets, (0, 1)).all() and (targets.sum(axis=1) > 1).any())


def _always_wrong(
    trace: Trace, layer: LayerFacts, targets: FloatArray, *, share: float
) -> Finding | None:
    """What cannot be right, whatever the run did."""
    loss, one_unit = trace.facts.loss, layer.units == 1
    if one_unit and (layer.activation == "softmax" or loss == _CLASSES):
        message = f"the softmax over the single output of {layer.name} is 1, whatever it gets"
        return _finding(layer, message, Severity.ERROR, observed=1.0, limit=2.0)
    outside = float(np.mean((targets < 0) | (targets > 1)))
    if loss not in (_BINARY, _CLASSES) or outside <= share:
        return None
    message = (
        f"{percent(outside)} of the targets lie outside 0 … 1, where {loss} has no lower bound: "
        f"they run from {number(targets.min())} to {number(targets.max())}"
    )
    return _finding(layer, message, Severity.ERROR, observed=outside, limit=share)


def _unfit(
    trace: Trace, layer: LayerFacts, targets: FloatArray, *, severity: Severity, share: float
) -> Finding | None:
    """A cross-entropy behind an activation, or with shares, that it is not made for."""
    loss, activation = trace.facts.loss, layer.activation
    if loss == _BINARY and activation not in _GIVES_PROBABILITIES:
        message = f"{loss} needs probabilities, and {layer.name} has a {activation} output"
        return _finding(layer, message, severity, observed=1.0, limit=0.0)
    if loss != _CLASSES:
        return None
    if activation not in _GIVES_LOGITS:
        message = f"{loss} takes a softmax of its own, over the {activation} output of {layer.name}"
        return _finding(layer, message, severity, observed=1.0, limit=0.0)
    uneven = float(np.mean(np.abs(targets.sum(axis=1) - 1) > 1e-6))
    if uneven <= share:
        return None
    message = f"the shares of the classes do not add up to 1 in {percent(uneven)} of the targets"
    return _finding(layer, message, severity, observed=uneven, limit=share)


def _stuck(
    trace: Trace, layer: LayerFacts, targets: FloatArray, *, severity: Severity, limit: float
) -> Finding | None:
    """Errors of classes through an output that is flat where it is most wrong."""
    predictions = trace.ending.predictions if trace.ending is not None else None
    width = layer.high - layer.low
    crossed = trace.facts.loss in (_BINARY, _CLASSES)
    if max([0.0, *over_he(trace), *mean_over_he(trace)]) > _FAR:
        return None  # it began there
    if crossed or predictions is None or predictions.shape != targets.shape:
        return None
    if np.isfinite(layer.low) and not np.isfinite(width) and _are_classes(targets):
        return _off(trace, layer, targets, predictions, severity=severity)
    if not np.isfinite(width) or not np.isfinite(predictions).all() or not _are_classes(targets):
        return None
    middle = (layer.low + layer.high) / 2
    at_end = np.minimum(predictions - layer.low, layer.high - predictions) < _END * width
    wrong = (predictions > middle) != (targets > middle)
    observed = float(np.mean(at_end & wrong))
    if observed <= limit:
        return None
    message = (
        f"{percent(observed)} of the classes sit at the wrong end of the {layer.activation} "
        f"output, where the gradient of {trace.facts.loss} is nearly zero"
    )
    return _finding(layer, message, severity, observed=observed, limit=limit)


def _off(
    trace: Trace,
    layer: LayerFacts,
    targets: FloatArray,
    predictions: FloatArray,
    *,
    severity: Severity,
) -> Finding | None:
    """A rectified output that is switched off for most examples of the upper class."""
    upper = targets > (targets.min() + targets.max()) / 2
    observed = float(np.mean(predictions[upper] <= layer.low))
    if targets.max() <= layer.low or observed <= _SWITCHED_OFF:
        return None
    message = (
        f"the {layer.activation} output is switched off for {percent(observed)} of the examples "
        f"with target {chosen(targets.max())}, where no gradient of {trace.facts.loss} gets "
        "through"
    )
    return _finding(layer, message, severity, observed=observed, limit=_SWITCHED_OFF)


def _are_classes(targets: FloatArray) -> bool:
    return len(np.unique(targets)) == 2


def _finding(
    layer: LayerFacts,
    message: str,
    severity: Severity,
    *,
    observed: float,
    limit: float,
) -> Finding:
    return Finding(
        PROBLEM,
        severity,
        message,
        evidence=(Evidence("targets", observed, limit, layer.name, measure="share"),),
        layer=layer.name,
    )

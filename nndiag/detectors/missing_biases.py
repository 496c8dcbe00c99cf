"""The layers have no biases although inputs or targets are off centre.

What it sees
    Layers without biases, together with input columns or targets whose mean is not where a network
    without biases puts it.

Why it matters
    Without biases every unit's boundary runs through the origin, and an input of zero always gives
    the same output. Units cannot be shifted to where the data are.

Fires when
    In a run that did not learn, the first layer has no biases and some input column's mean is more
    than `offset` of its std from 0; or the last layer has none and some target's mean is
    more than `offset` of its std from the output for zero. Also where a strong optimizer
    fits a network without any biases to no less than half of the run's loss, although the data
    allow clearly more.

Silent when
    The layers have biases; the run learned; a constant input column stands in for the biases;
    inputs and targets are centred.

Thresholds
    offset = 0.5: ours. Standardised columns have 0, a gate's columns of 0 and 1 have 1, a uniform
    column from 0 to any end has 1.7.

Fixes
    Biases; centred inputs and targets.

Source
    Bishop 1995, Neural Networks for Pattern Recognition, sec. 4.1: biases as weights of a constant
    input. LeCun et al. 1998, Efficient BackProp, sec. 4.3 for centred inputs.
"""

from dataclasses import replace

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.bounds import Positive
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.reference import reference_of
from nndiag.detectors.run_summary import course_of
from nndiag.detectors.underway import impairment
from nndiag.finding import Evidence, Finding, Severity
from nndiag.formatting import number
from nndiag.trace import LayerFacts, Trace

PROBLEM = "missing-biases"
_GAP = 0.2  # between what the fit explains and what the data allow


@detector(PROBLEM, stage=Stage.START, facts=("inputs", "targets", "layers"))
def missing_biases(trace: Trace, *, offset: Positive = 0.5) -> Findings:
    """The layers have no biases although inputs or targets are off centre."""
    first, last = trace.facts.layers[0], trace.facts.layers[-1]
    severity = impairment(course_of(trace))
    inputs, targets = trace.facts.inputs, trace.facts.targets
    if severity is None or inputs is None or targets is None or (first.bias and last.bias):
        return []
    if not (np.isfinite(inputs).all() and np.isfinite(targets).all()) or _stands_in(inputs):
        return []
    found = []
    if not first.bias:
        found.append((_off_centre(inputs, centre=0.0), "inputs", first))
    if not last.bias:
        found.append((_off_centre(targets, centre=_at_zero(last)), "targets", last))
    observed, what, layer = max(found, key=lambda item: item[0])
    if observed <= offset:
        limited = _limited(trace)
        return [] if limited is None else [replace(limited, severity=severity)]
    who = "no layer has" if not any(x.bias for x in trace.facts.layers) else f"{layer.name} has no"
    return [
        Finding(
            PROBLEM,
            severity,
            f"{who} biases, and the {what} have a mean {number(observed)} std from 0",
            evidence=(
                Evidence(what, observed=observed, limit=offset, layer=layer.name, measure="offset"),
            ),
            layer=layer.name,
            explains_up_to=1.0,
        )
    ]


def _off_centre(columns: FloatArray, *, centre: float) -> float:
    """The largest distance of a column's mean from `centre`, in its deviations; constants aside."""
    varying = columns[:, np.ptp(columns, axis=0) > 0]
    if not varying.size:
        return 0.0
    return float((np.abs(varying.mean(axis=0) - centre) / varying.std(axis=0)).max())


def _stands_in(inputs: FloatArray) -> bool:
    """Whether a column is constant and not zero: its weights are biases."""
    constant = np.ptp(inputs, axis=0) == 0
    return bool((constant & (inputs[0] != 0)).any())


def _at_zero(layer: LayerFacts) -> float:
    """The output for zero: the middle of a bounded range, an even share of a softmax, or 0."""
    if layer.activation == "softmax":
        return 1 / layer.units
    bounded = np.isfinite(layer.low) and np.isfinite(layer.high)
    return (layer.low + layer.high) / 2 if bounded else 0.0


def _limited(trace: Trace) -> Finding | None:
    """The finding for a network with hidden layers that no optimizer gets any further."""
    layers, reference = trace.facts.layers, reference_of(trace)
    if len(layers) < 2 or any(layer.bias for layer in layers):
        return None
    if reference is None or reference.further or reference.r_squared is None:
        return None
    r_squared, possible = reference.r_squared, course_of(trace).attainable
    if possible - r_squared <= _GAP:
        return None
    return Finding(
        PROBLEM,
        Severity.WARNING,
        f"no layer has biases, and a strong optimizer fits the network to an R² of {r_squared:.2f} "
        f"only; the data allow about {possible:.2f}",
        evidence=(Evidence("reference_loss", r_squared, possible - _GAP, measure="r_squared"),),
    )

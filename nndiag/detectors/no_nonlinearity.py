"""The network is linear, and the data are not.

What it sees
    Networks whose hidden layers, if there are any, all have the linear activation, on data that a
    linear model cannot follow and a nonlinear one could.

Why it matters
    A chain of linear layers is one linear layer: depth and width add nothing. The best that
    training can find is the best straight line or plane.

Fires when
    In a run that did not learn, the data allow more than a linear model reaches: for numbers,
    `gap` more of the targets' variance; for classes, `gap` fewer errors, or half of that where they
    are a quarter of the linear model's.

Silent when
    Some hidden layer is nonlinear; a linear model suffices; the run learned; what the data allow is
    not known.

Thresholds
    gap = 0.15: ours; the estimate of what the data allow (nearest neighbours) errs by as much.

Fixes
    tanh or ReLU in the hidden layers; a hidden layer, where there is none.

Source
    Minsky and Papert 1969, Perceptrons; Goodfellow, Bengio and Courville 2016, Deep Learning,
    sec. 6.1.
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.bounds import Share
from nndiag.detectors.attainable import (
    FEWEST_EXAMPLES,
    attainable_share,
    curved_share,
    equal_rows,
    only_switches,
)
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.finding import Evidence, Finding, Outcome, Severity, Skipped
from nndiag.formatting import percent
from nndiag.trace import Trace

PROBLEM = "no-nonlinearity"
_FEWER = 0.25  # errors that the data allow over those of a linear model
_FEWEST = 4  # the rows of a logic gate
_MOST = 400  # examples among which neighbours are searched
_MOST_ROWS = 2**16  # of a whole table
_DIGITS = 9  # of a value between the classes that are not rounding


@detector(PROBLEM, stage=Stage.MODEL, facts=("inputs", "targets", "layers"))
def no_nonlinearity(trace: Trace, *, gap: Share = 0.15) -> Findings:
    """The network is linear, and the data are not."""
    hidden = trace.facts.layers[:-1]
    if any(layer.activation != "linear" for layer in hidden):
        return Skipped(PROBLEM, "some hidden layer is nonlinear")
    course = course_of(trace)
    inputs, targets = trace.facts.inputs, trace.facts.targets
    severity = course.severity
    if severity is None:
        return []
    if course.outcome is Outcome.DIVERGED:
        severity = Severity.WARNING  # what made it diverge is another fault; this one comes next
    if inputs is None or targets is None or not _usable(inputs, targets):
        return []
    linear, possible, what = _shares(trace, inputs, targets)
    limit = possible - gap
    if _are_classes(targets) and 1 - possible <= _FEWER * (1 - linear):
        limit = possible - gap / 2
    if linear >= limit:
        return []
    layers = "all hidden layers are linear" if hidden else "there is no hidden layer"
    return [
        Finding(
            PROBLEM,
            severity,
            f"{layers}: a linear model {what} {percent(max(linear, 0))}, the data allow "
            f"{percent(min(possible, 1))}",
            evidence=(Evidence("linear_share", observed=linear, limit=limit),),
        )
    ]


def _usable(inputs: FloatArray, targets: FloatArray) -> bool:
    enough = len(inputs) == len(targets) >= _FEWEST and np.ptp(targets, axis=0).max() > 0
    return bool(enough and np.isfinite(inputs).all() and np.isfinite(targets).all())


def _shares(trace: Trace, inputs: FloatArray, targets: FloatArray) -> tuple[float, float, str]:
    """What a linear model reaches and what the data allow, and in which words.

    Classes are counted, because even a line that parts them well leaves squared errors.
    """
    design = np.column_stack([inputs, np.ones(len(inputs))])
    fitted = design @ np.linalg.lstsq(design, targets, rcond=None)[0]
    if _are_classes(targets):
        linear = float(np.mean(_labels(fitted, targets) == _labels(targets, targets)))
        return linear, _neighbours_right(inputs, targets), "gets the class right in"
    deviations = targets - targets.mean(axis=0)
    linear = 1 - float(((targets - fitted) ** 2).sum() / (deviations**2).sum())
    few = len(inputs) < FEWEST_EXAMPLES and not only_switches(inputs)
    possible = curved_share(inputs, deviations) if few else attainable_share(trace.facts)
    return linear, possible, "explains"


def _are_classes(targets: FloatArray) -> bool:
    return len(np.unique(targets)) == 2


def _labels(values: FloatArray, targets: FloatArray) -> FloatArray:
    """The class of each row: the largest of several columns, the nearer of two values.

    What only rounding tells apart is a tie, and ties go to the first class.
    """
    low, high = targets.min(), targets.max()
    places = np.round((values - low) / (high - low), _DIGITS)
    if values.shape[1] > 1:
        return np.asarray(places.argmax(axis=1))
    return np.asarray(places[:, 0] > 0.5)


def _is_whole_table(inputs: FloatArray) -> bool:
    """Whether the inputs are switches, and most of the rows that these can make are there, once."""
    varying = int((np.ptp(inputs, axis=0) > 0).sum())
    if not only_switches(inputs) or varying > np.log2(_MOST_ROWS):
        return False
    different = len(np.unique(equal_rows(inputs)))
    return different == len(inputs) and different >= 2.0**varying / 2


def _neighbours_right(inputs: FloatArray, targets: FloatArray) -> float:
    """Share of examples with the class of their nearest neighbour; 1 where all inputs differ.

    Few examples (a gate's four rows) are far apart and can all be learned; so can most rows of a
    table of switches, whose rule may turn with each of them, as parity does.
    """
    if len(inputs) < 5 * _FEWEST or _is_whole_table(inputs):
        return 1.0
    kept = np.linspace(0, len(inputs) - 1, min(len(inputs), _MOST)).astype(int)
    deviation = inputs.std(axis=0)
    points = inputs[kept] / np.where(deviation > 0, deviation, 1.0)
    lengths = (points**2).sum(axis=1)
    distances = lengths[:, None] + lengths - 2 * points @ points.T  # (B, B)
    np.fill_diagonal(distances, np.inf)
    labels = _labels(targets[kept], targets)
    return float(np.mean(labels == labels[distances.argmin(axis=1)]))

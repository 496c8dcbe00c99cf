"""Most units of a hidden layer sit on the flat ends of their activation.

What it sees
    Sigmoid, tanh and other bounded hidden units whose slope is nearly zero on nearly all examples.

Why it matters
    A saturated unit is a constant: it passes neither information forward nor gradient backward.

Fires when
    More than `share` of a hidden layer's units are saturated at the end of a run that did not
    learn. The message says whether they were so from the start (weights or inputs too large) or
    became so (thrown there by a step too large).

Silent when
    The run learned; only the last layer saturates (a confident classifier is right to).

Thresholds
    share = 0.5: ours. A unit counts as saturated where its slope is below 5 % of its maximum on
    over 90 % of the examples.

Fixes
    Scaled inputs; Glorot or LeCun weights; a lower learning rate; tanh or ReLU.

Source
    Glorot and Bengio 2010, sec. 3; LeCun et al. 1998, Efficient BackProp, sec. 4.
"""

import numpy as np

from nndiag.bounds import Share
from nndiag.detectors.causes import LOST_UNITS
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.detectors.unit_shares import layers_beyond
from nndiag.finding import Skipped
from nndiag.trace import Trace

PROBLEM = "saturated-units"


@detector(
    PROBLEM,
    stage=Stage.UNITS,
    explained_by=LOST_UNITS,
    follows=("vanishing-gradients",),
    series=("saturated_share",),
    facts=("layers",),
)
def saturated_units(trace: Trace, *, share: Share = 0.5) -> Findings:
    """Most units of a hidden layer sit on the flat ends of their activation."""
    bounded = [
        column
        for column, layer in enumerate(trace.facts.layers[:-1])
        if np.isfinite(layer.low) and np.isfinite(layer.high) and layer.activation != "softmax"
    ]
    if not bounded:
        return Skipped(PROBLEM, "no hidden layer with a bounded activation")
    severity = course_of(trace).severity
    if severity is None:
        return []
    return layers_beyond(
        trace,
        "saturated_share",
        columns=bounded,
        limit=share,
        problem=PROBLEM,
        severity=severity,
        fault="are saturated",
    )

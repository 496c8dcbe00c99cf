"""The targets are far from mean 0 and size 1.

What it sees
    Targets behind an unbounded output layer that are far too large, or whose spread is tiny beside
    their mean.

Why it matters
    A fresh network gives outputs of about size 1. Large targets make errors and first steps large,
    so that units die or saturate or the loss explodes; with Adam, whose steps have a fixed length,
    it takes long to get there. Where the mean dwarfs the spread, the mean is all that is learned.

Fires when
    In a run that did not learn, a target's root mean square exceeds `size`, or its mean is more
    than `offset` of its std from 0. If the rate is above its stability limit before the
    first step, it is by no more than the targets' root mean square, which is what scaling them
    would gain.

Silent when
    The run learned; the output is bounded (see `targets-outside-output-range`) or inside the loss;
    the loss is a cross-entropy; the targets are constant or two classes; the rate fails by itself;
    a single layer is trained by plain gradient descent, whose way is the same at any size.

Thresholds
    size = 10, offset = 10: ours. Networks of ordinary size learn targets of up to some ten times
    their own outputs without help.

Fixes
    Standardised targets.

Source
    LeCun et al. 1998, Efficient BackProp, sec. 4.5; Bishop 1995, sec. 8.2.
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.bounds import Positive
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.detectors.underway import shortness
from nndiag.detectors.unscaled_inputs import steeper_by_inputs
from nndiag.finding import Evidence, Finding, Skipped
from nndiag.formatting import number
from nndiag.trace import Trace

PROBLEM = "unscaled-targets"
_PLAIN = frozenset({"sgd", "gradient descent", "momentum", "nesterov"})
"""Optimizers whose steps are as large as the gradients."""


@detector(
    PROBLEM,
    stage=Stage.SCALE,
    explained_by=("targets-outside-output-range",),
    facts=("targets", "layers"),
)
def unscaled_targets(trace: Trace, *, size: Positive = 10.0, offset: Positive = 10.0) -> Findings:
    """The targets are far from mean 0 and size 1."""
    layer, targets = trace.facts.layers[-1], trace.facts.targets
    if np.isfinite(layer.low) and np.isfinite(layer.high):
        return Skipped(PROBLEM, f"a {layer.activation} output has a range of its own")
    if (trace.facts.loss or "").endswith("cross_entropy"):
        return Skipped(PROBLEM, "the targets of a cross-entropy are not scaled")
    if len(trace.facts.layers) == 1 and trace.facts.optimizer in _PLAIN:
        return Skipped(PROBLEM, "the steps of a single layer grow with its targets")
    severity = shortness(course_of(trace))
    if severity is None or targets is None or not np.isfinite(targets).all():
        return []
    fault = _fault(targets, size=size, offset=offset)
    if fault is None or _rate_alone_fails(trace, targets):
        return []
    message, evidence = fault
    return [
        Finding(
            PROBLEM,
            severity,
            message,
            evidence=(evidence,),
        )
    ]


def _fault(targets: FloatArray, *, size: float, offset: float) -> tuple[str, Evidence] | None:
    """What is wrong with the columns, in words and as a number."""
    columns = [column for column in targets.T if len(np.unique(column)) > 2]
    if not columns:
        return None
    largest = max(float(np.sqrt(np.mean(column**2))) for column in columns)
    if largest > size:
        message = f"the targets are large: root mean square {number(largest)}"
        return message, Evidence("targets", largest, size, measure="root mean square")
    away = max(float(abs(column.mean()) / column.std()) for column in columns)
    if away > offset:
        message = f"the targets' mean is {number(away)} std from 0"
        return message, Evidence("targets", away, offset, measure="offset")
    return None


def _rate_alone_fails(trace: Trace, targets: FloatArray) -> bool:
    """Whether the rate is further above its stability limit than large errors at the start explain.

    Beside the part that targets do not change, λ_max has one that grows with the errors. Inputs
    that are off scale account for their part.
    """
    rate, stability_limit = trace.facts.learning_rate, trace.facts.stability_limit
    if rate is None or stability_limit is None:
        return False
    errors = max(1.0, float(np.sqrt(np.mean(targets**2))))
    return rate > errors * steeper_by_inputs(trace) * stability_limit

"""The gradient grows from layer to layer, or from step to step.

What it sees
    Growth through depth: the first layer's gradient is far larger than the last one's in the first
    steps. Growth through time: a layer's gradient norm rises far above its first values in a run
    whose loss blew up; told are the layer that rose first and the step.

Why it matters
    Steps that suit one layer throw another one out. In a deep network with large weights no single
    rate suits all layers.

Fires when
    The run did not learn, and the median over the first `window` steps of first over last gradient
    norm exceeds `ratio`; or its loss blew up and a gradient norm exceeds `factor` × its first.

Silent when
    The run is healthy, whatever the gradients did: leaving a plateau multiplies them, too.

Thresholds
    ratio = 1000, window = 3: the mirror image of `vanishing-gradients`. factor = 100: ours; the
    gradient of a squared error grows as the square root of the loss times what the weights add.

Fixes
    Smaller initial weights (Glorot, He); gradient clipping; a lower learning rate; fewer layers.

Source
    Pascanu, Mikolov and Bengio 2013, On the difficulty of training recurrent neural networks,
    sec. 2; Glorot and Bengio 2010 for growth through depth.
"""

from dataclasses import replace

import numpy as np

from nndiag.bounds import Count, Positive
from nndiag.detectors.causes import UNSTABLE
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.finding import Evidence, Finding, Outcome, Severity
from nndiag.formatting import number
from nndiag.trace import Series, Trace

PROBLEM = "exploding-gradients"


@detector(
    PROBLEM,
    stage=Stage.GROWTH,
    explained_by=(*UNSTABLE, Stage.OVERFLOW),
    outcome=Outcome.DIVERGED,
    series=("gradient_norm",),
)
def exploding_gradients(
    trace: Trace, *, ratio: Positive = 1e3, factor: Positive = 100.0, window: Count = 3
) -> Findings:
    """The gradient grows from layer to layer, or from step to step."""
    severity = course_of(trace).severity
    if severity is None:
        return []
    norms = trace.series["gradient_norm"]
    found = _through_depth(trace, norms, ratio=ratio, window=window)
    if found is None and severity is Severity.ERROR:
        found = _through_time(trace, norms, factor=factor)
    return [] if found is None else [replace(found, severity=severity)]


def _through_depth(trace: Trace, norms: Series, *, ratio: float, window: int) -> Finding | None:
    """Growth from the last layer to the first at the start of the run."""
    values = norms.values[:window]
    ratios = values[:, 0] / values[:, -1]
    ratios = ratios[np.isfinite(ratios)]
    if values.shape[1] < 3 or len(ratios) == 0 or np.median(ratios) <= ratio:
        return None
    observed, layer = float(np.median(ratios)), trace.layers[0]
    last = int(norms.steps[len(values) - 1])
    return Finding(
        PROBLEM,
        Severity.ERROR,
        f"{layer} has {number(observed)} × the gradient norm of {trace.layers[-1]} in the first "
        "steps",
        evidence=(
            Evidence("gradient_norm", observed, ratio, layer, (int(norms.steps[0]), last), "ratio"),
        ),
        layer=layer,
    )


def _through_time(trace: Trace, norms: Series, *, factor: float) -> Finding | None:
    """Growth of a layer's gradient norm in a run whose loss blew up."""
    start = norms.values[0]
    if course_of(trace).growth is None or not np.isfinite(start).all():
        return None
    growths = norms.values / np.where(start > 0, start, np.nan)  # (N, L)
    beyond = growths > factor
    if not beyond.any():
        return None
    first = int(np.flatnonzero(beyond.any(axis=1))[0])
    column = int(np.nanargmax(np.where(beyond[first], growths[first], np.nan)))
    finite = growths[np.isfinite(growths[:, column]), column]
    observed, layer, step = float(finite.max()), trace.layers[column], int(norms.steps[first])
    return Finding(
        PROBLEM,
        Severity.ERROR,
        f"the gradient norm of {layer} grew to {number(observed)} × its first value, "
        f"beyond {number(factor)} × at step {step}",
        evidence=(
            Evidence(
                "gradient_norm", observed, factor, layer, (int(norms.steps[0]), step), "growth"
            ),
        ),
        layer=layer,
    )

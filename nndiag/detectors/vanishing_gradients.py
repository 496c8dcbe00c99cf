"""The gradient dies out on its way to the first layers.

What it sees
    In the first steps the first layer's gradient norm is a tiny fraction of the last layer's, and
    the run did not learn.

Why it matters
    The early layers stay as they were drawn. The last layer then learns the mean of the targets
    from what is nearly noise, and the loss stops there.

Fires when
    The median of first over last gradient norm in the first `window` steps is below `ratio` in a
    network of three or more layers, and the run ended without having learned. Ten times that is
    enough where the signal dies out on its way forward as well: where the predictions of the first
    steps differ from example to example by less than `ratio` × the targets' std.

Silent when
    The run learned, or is still learning: a finished run has small gradients everywhere, and that
    is no fault. Networks of one or two layers.

Thresholds
    ratio = 1e-3, window = 3: the ratio is read early because it returns towards 1 once the last
    bias has learned the mean, which takes gradient descent some five steps. Ours, calibrated on
    sigmoid, tanh and ReLU networks of 1 to 8 hidden layers on a sine: those that never left the
    mean began below 3e-4, those that learned with gradient descent above 9e-4. The predictions of
    networks that learn differ by a hundredth of the targets' std or more from the start.

Fixes
    tanh or ReLU instead of sigmoid; Glorot or He weights; fewer layers; Adam.

Source
    Glorot and Bengio 2010, Understanding the difficulty of training deep feedforward neural
    networks, sec. 4; Hochreiter 1991.
"""

import numpy as np

from nndiag.bounds import Count, Positive
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import RunSummary, course_of
from nndiag.detectors.underway import impairment
from nndiag.finding import Evidence, Finding, Outcome, Skipped
from nndiag.formatting import rough
from nndiag.trace import Trace

PROBLEM = "vanishing-gradients"
_FORWARD = 10.0


@detector(
    PROBLEM,
    stage=Stage.SIGNAL,
    explained_by=(
        Stage.TASK,
        "identical-units",
        Stage.DATA,
        Stage.SCALE,
        "weights-too-large",
        "weights-too-small",
        Stage.RULE,
        Stage.PACE,
        Stage.RATE,
        Stage.OVERFLOW,
        Stage.GROWTH,
        Stage.SWINGS,
        Stage.UNITS,
        "noisy-steps",
    ),
    series=("gradient_norm",),
)
def vanishing_gradients(trace: Trace, *, ratio: Positive = 1e-3, window: Count = 3) -> Findings:
    """The gradient dies out on its way to the first layers."""
    norms = trace.series["gradient_norm"]
    if norms.values.shape[1] < 3:
        return Skipped(PROBLEM, "fewer than three layers: there is no depth to vanish in")
    values = norms.values[:window]
    ratios = values[:, 0] / values[:, -1]
    ratios = ratios[np.isfinite(ratios)]
    if len(ratios) == 0:
        return Skipped(PROBLEM, "no finite gradient in the first steps")
    course = course_of(trace)
    severity = impairment(course)
    observed = float(np.median(ratios))
    limit = _FORWARD * ratio if _dies_forward(trace, ratio=ratio, window=window) else ratio
    if observed >= limit or severity is None:
        return []
    first, last = trace.layers[0], trace.layers[-1]
    steps = (int(norms.steps[0]), int(norms.steps[len(values) - 1]))
    return [
        Finding(
            PROBLEM,
            severity,
            f"the gradient of {first} is {rough(observed)} × that of {last} in the first steps, "
            f"and the {_ended(course)}",
            evidence=(Evidence("gradient_norm", observed, limit, first, steps, "ratio"),),
            layer=first,
        )
    ]


def _dies_forward(trace: Trace, *, ratio: float, window: int) -> bool:
    """Whether the first predictions hardly differ from example to example, beside the targets."""
    series, targets = trace.series.get("prediction_deviation"), trace.facts.targets
    if series is None or targets is None or not len(series.steps):
        return False
    spread = float(np.sqrt(targets.var(axis=0).mean()))
    return float(np.median(series.values[:window])) < ratio * spread


def _ended(course: RunSummary) -> str:
    falls = course.outcome is Outcome.IMPROVING
    return "loss falls slowly" if falls else "loss stopped falling"

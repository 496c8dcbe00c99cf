"""The initial weights are so small that hardly any signal gets through.

What it sees
    Hidden layers whose weights start at a small fraction of what keeps signals at their size.

Why it matters
    Each layer shrinks the signal on its way forward and the gradient on its way back. The output is
    a constant at first, and near the point where all weights are zero the loss is flat: a saddle
    that gradient descent leaves slowly or not at all.

Fires when
    In a run that did not learn, some hidden layer's weights start below `ratio` × Glorot's
    std, and the layers together pass less than `passed` of what Glorot's pass.

Silent when
    The run learned; only the last layer starts small, which is good practice; all weights of a
    layer are equal (see `identical-units`); a layer's units are all dead from the start, which
    larger weights may leave as they are; the weights shrink while the network trains, as they do
    near zero by no loss (see `weight-decay-too-strong`).

Thresholds
    ratio = 0.1, passed = 0.01: ours; one hidden layer at a tenth recovers within a few steps.

Fixes
    Glorot, LeCun or He weights.

Source
    Glorot and Bengio 2010, sec. 4.2; Saxe, McClelland and Ganguli 2014, Exact solutions to the
    nonlinear dynamics of learning, for the time to leave the saddle at zero.
"""

import numpy as np

from nndiag.bounds import Positive
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.detectors.starting_weights import all_equal, over_glorot
from nndiag.detectors.underway import impairment
from nndiag.finding import Evidence, Finding, Skipped
from nndiag.formatting import rough
from nndiag.trace import Trace

PROBLEM = "weights-too-small"
_SHRUNK = 0.5  # of the first weights' length


@detector(PROBLEM, stage=Stage.START, facts=("initial_weights", "layers"))
def weights_too_small(trace: Trace, *, ratio: Positive = 0.1, passed: Positive = 0.01) -> Findings:
    """The initial weights are so small that hardly any signal gets through."""
    ratios = over_glorot(trace)
    if len(ratios) < 2:
        return Skipped(PROBLEM, "no hidden layer")
    severity = impairment(course_of(trace))
    hidden, together = ratios[:-1], float(np.prod(ratios))
    if severity is None or all_equal(trace) or hidden.min() >= ratio or not together < passed:
        return []
    if _is_dead(trace) or _shrinks(trace):
        return []
    column = int(np.argmin(hidden))
    observed, layer = float(hidden[column]), trace.facts.layers[column].name
    return [
        Finding(
            PROBLEM,
            severity,
            f"the weights of {layer} start at {rough(observed)} × the usual size; all layers "
            f"together pass {rough(together)} of the usual signal",
            evidence=(
                Evidence("initial_weights", observed, ratio, layer, measure="relative size"),
                Evidence("passed_signal", together, passed),
            ),
            layer=layer,
            explains_up_to=1 / together,
        )
    ]


def _shrinks(trace: Trace) -> bool:
    """Whether the hidden layers' weights end at less than half of their start."""
    series = trace.series.get("weight_norm")
    if series is None or not len(series.values):
        return False
    first, last = series.values[0, :-1], series.values[-1, :-1]
    return bool((last < _SHRUNK * first).all())


def _is_dead(trace: Trace) -> bool:
    """Whether all units of some layer are dead before the first step."""
    series = trace.series.get("dead_share")
    return series is not None and len(series.values) > 0 and bool((series.values[0] == 1).any())

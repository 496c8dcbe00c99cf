"""Units of a hidden layer compute the same thing and always will.

What it sees
    Hidden units with a twin: equal incoming and equal outgoing weights. In most cases all weights
    of the layer started at zero or at one constant.

Why it matters
    Twins get equal gradients and stay equal, so that the layer works as if it had one unit. Where
    all weights are zero, no gradient flows at all.

Fires when
    At least `share` of a hidden layer's units have a twin at the start and still at the end.

Silent when
    The layer has one unit; the symmetry was broken while training.

Thresholds
    share = 0.5: ours. Random weights give 0, constant weights 1; nothing lies between in practice.

Fixes
    Random initial weights (Glorot, He); biases may be zero.

Source
    Rumelhart, Hinton and Williams 1986, Learning internal representations, "breaking symmetry";
    Goodfellow, Bengio and Courville 2016, Deep Learning, sec. 8.4.
"""

from nndiag.bounds import Share
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.detectors.underway import impairment
from nndiag.detectors.unit_shares import layers_beyond
from nndiag.finding import Severity, Skipped
from nndiag.trace import Trace

PROBLEM = "identical-units"


@detector(PROBLEM, stage=Stage.MODEL, series=("identical_share",), facts=("layers",))
def identical_units(trace: Trace, *, share: Share = 0.5) -> Findings:
    """Units of a hidden layer compute the same thing and always will."""
    hidden = [column for column, layer in enumerate(trace.facts.layers[:-1]) if layer.units > 1]
    if not hidden:
        return Skipped(PROBLEM, "no hidden layer of two or more units")
    start = trace.series["identical_share"].values[0]
    course = course_of(trace)
    return layers_beyond(
        trace,
        "identical_share",
        columns=[column for column in hidden if start[column] >= share],
        limit=share,
        problem=PROBLEM,
        severity=impairment(course) or Severity.NOTE,
        fault="have a twin with equal weights",
    )

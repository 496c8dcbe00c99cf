"""Most rectified units of a hidden layer are zero on every example.

What it sees
    ReLU units (and others with a flat side) whose slope is exactly zero on all training examples.

Why it matters
    A dead unit gets no gradient and cannot come back. Where a whole layer is dead the network is a
    constant.

Fires when
    More than `share` of a hidden layer's units are dead at the end of a run that did not learn.

Silent when
    The run learned with the units that are left; no layer is rectified.

Thresholds
    share = 0.5: up to about half of the units die in healthy ReLU networks. Ours; the same as that
    of most tools of the field.

Fixes
    Leaky ReLU or ELU; He weights; scaled inputs; a lower learning rate; positive initial biases.

Source
    Lu, Shin, Su and Karniadakis 2019, Dying ReLU and initialization; Maas, Hannun and Ng 2013.
"""

from nndiag.bounds import Share
from nndiag.detectors.causes import LOST_UNITS
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.detectors.unit_shares import layers_beyond
from nndiag.finding import Skipped
from nndiag.trace import Trace

PROBLEM = "dead-units"
_RECTIFIED = frozenset({"relu"})


@detector(
    PROBLEM,
    stage=Stage.UNITS,
    explained_by=LOST_UNITS,
    follows=("vanishing-gradients",),
    series=("dead_share",),
    facts=("layers",),
)
def dead_units(trace: Trace, *, share: Share = 0.5) -> Findings:
    """Most rectified units of a hidden layer are zero on every example."""
    rectified = [
        column for column, layer in enumerate(trace.facts.layers) if layer.activation in _RECTIFIED
    ]
    if not rectified:
        return Skipped(PROBLEM, "no ReLU layer")
    severity = course_of(trace).severity
    if severity is None:
        return []
    return layers_beyond(
        trace,
        "dead_share",
        columns=rectified,
        limit=share,
        problem=PROBLEM,
        severity=severity,
        fault="are zero on every example",
    )

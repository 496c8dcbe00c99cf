"""The run rests at a saddle: the gradient is gone, but the loss is no minimum.

What it sees
    A flat loss with next to nothing to gain in the directions that curve upwards, and others that
    curve downwards.

Why it matters
    Gradient descent leaves a saddle only by growing a small difference, by a constant factor per
    step. That can take any number of steps, in which the run looks finished.

Fires when
    The run stalled, a Newton step would take off less than `left` of the loss, and the smallest
    Hessian eigenvalue is below −`bend` × the largest.

Silent when
    The run learned, is still falling, took fewer than `few` steps, or converged to a minimum; the
    curvature at the end is not known.

Thresholds
    left = 0.02, bend = 1e-3, few = 50: ours; smaller negative curvature is common at minima and
    leads nowhere, and in fewer steps no run has come to rest.

Fixes
    Momentum or Adam; a higher learning rate; larger or other initial weights; tanh instead of
    sigmoid.

Source
    Dauphin et al. 2014, Identifying and attacking the saddle point problem; Du et al. 2017,
    Gradient descent can take exponential time to escape saddle points.
"""

import numpy as np

from nndiag.bounds import Count, Positive, Share
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.finding import Evidence, Finding, Outcome
from nndiag.formatting import rough
from nndiag.trace import Trace

PROBLEM = "saddle-point"
_PLAIN = frozenset({"sgd"})


@detector(
    PROBLEM,
    stage=Stage.REST,
    explained_by=Stage.LENGTH.and_earlier(),
    ending=("smallest_eigenvalue", "largest_eigenvalue", "newton_decrement"),
)
def saddle_point(
    trace: Trace, *, left: Share = 0.02, bend: Positive = 1e-3, few: Count = 50
) -> Findings:
    """The run rests at a saddle: the gradient is gone, but the loss is no minimum."""
    course = course_of(trace)
    numbers = course.numbers
    smallest, largest = numbers.get("smallest_eigenvalue"), numbers.get("largest_eigenvalue")
    if course.outcome is not Outcome.STALLED or course.severity is None or trace.steps < few:
        return []
    if smallest is None or largest is None or not largest > 0 or smallest >= -bend * largest:
        return []
    rest = numbers.get("newton_decrement", np.inf) / max(abs(course.curve.final), 1e-300)
    if rest > left:
        return []
    return [
        Finding(
            PROBLEM,
            course.severity,
            "the loss rests at a saddle: its gradient is nearly zero, and the Hessian's "
            f"eigenvalues go from {rough(smallest)} to {rough(largest)}{_escape(trace, smallest)}",
            evidence=(
                Evidence("smallest_eigenvalue", smallest / largest, -bend, measure="relative size"),
            ),
        )
    ]


def _escape(trace: Trace, smallest: float) -> str:
    """How many steps gradient descent takes to grow a deviation tenfold: ln 10 / (rate · |λ|)."""
    rate = trace.facts.learning_rate
    if rate is None or trace.facts.optimizer not in _PLAIN:
        return ""
    steps = np.log(10) / (rate * -smallest)
    return f"; to get ten times as far from it takes some {rough(steps)} steps"

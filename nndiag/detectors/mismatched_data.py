"""The inputs cannot tell the examples apart whose targets differ.

What it sees
    Inputs that are all the same, or equal inputs again and again with different targets.

Why it matters
    A network gives equal inputs equal outputs. The differences between their targets are lost to
    any model; most often a column was mixed up, rounded, or the rows were shifted against each
    other.

Fires when
    All input columns are constant and the targets are not; or the targets' variance among examples
    with equal inputs is more than `share` of the whole, in a run that did not reach a good R².

Silent when
    Inputs differ wherever targets do; some columns are constant, but others tell the examples
    apart.

Thresholds
    share = 0.5: ours; more than half of the variance is out of reach then.

Fixes
    A look at how inputs and targets were put together: order of rows, columns, rounding.

Source
    Ours; the split into variance within and among groups is that of the analysis of variance
    (Fisher 1925).
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.bounds import Share
from nndiag.detectors.attainable import equal_rows
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.finding import Evidence, Finding, Severity
from nndiag.formatting import percent
from nndiag.trace import Trace

PROBLEM = "mismatched-data"
_GOOD_R_SQUARED = 0.9
_APART = 3.0  # F ratio


@detector(PROBLEM, stage=Stage.TASK, facts=("inputs", "targets"))
def mismatched_data(trace: Trace, *, share: Share = 0.5) -> Findings:
    """The inputs cannot tell the examples apart whose targets differ."""
    inputs, targets = trace.facts.inputs, trace.facts.targets
    if inputs is None or targets is None or not _usable(inputs, targets):
        return []
    if np.ptp(inputs, axis=0).max() == 0:
        message = f"all {len(inputs)} inputs are the same, and the targets differ"
        evidence = Evidence("inputs", observed=0.0)
        return [Finding(PROBLEM, Severity.ERROR, message, evidence=(evidence,))]
    course = course_of(trace)
    if course.r_squared is not None and course.r_squared >= _GOOD_R_SQUARED:
        return []
    lost, different = _variance_among_equals(inputs, targets)
    if lost <= share:
        return []
    noisy = course.good and _ratio(lost, groups=different, examples=len(inputs)) > _APART
    return [
        Finding(
            PROBLEM,
            Severity.NOTE if noisy else Severity.WARNING,
            f"{percent(lost)} of the targets' variance is among equal inputs ({different} "
            f"different ones in {len(inputs)}): out of reach for any model",
            evidence=(
                Evidence("targets", observed=lost, limit=share, measure="contradictory share"),
            ),
        )
    ]


def _ratio(lost: float, *, groups: int, examples: int) -> float:
    """F ratio: variance among the means of groups over that within, each by its freedom."""
    if groups < 2 or examples <= groups or lost <= 0:
        return 0.0
    return (1 - lost) / (groups - 1) / (lost / (examples - groups))


def _usable(inputs: FloatArray, targets: FloatArray) -> bool:
    """Whether there are two examples or more, all finite, with different targets."""
    if len(inputs) != len(targets) or len(inputs) < 2:
        return False
    finite = np.isfinite(inputs).all() and np.isfinite(targets).all()
    return bool(finite and np.ptp(targets, axis=0).max() > 0)


def _variance_among_equals(inputs: FloatArray, targets: FloatArray) -> tuple[float, int]:
    """Share of the targets' variance among examples with equal inputs; number of different inputs.

    Examples whose inputs are their own take no part in the first.
    """
    group = equal_rows(inputs)
    counts = np.bincount(group)  # (G,)
    deviations = targets - targets.mean(axis=0)
    sums = np.stack([np.bincount(group, column) for column in deviations.T], axis=1)  # (G, O)
    within = deviations - (sums / counts[:, None])[group]
    return float((within**2).sum() / (deviations**2).sum()), len(counts)

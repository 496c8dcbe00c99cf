"""The loss stopped falling although there is more to gain.

What it sees
    The run's outcome is "stalled": the loss is flat, and either nothing was learned or a local
    step could still remove a good part of the loss.

Why it matters
    More steps of the same kind will not help. Something keeps the steps from being taken: the
    start, the units, the rate or the shape of the loss.

Fires when
    As many steps again would take off less than 5 % of the loss, and this is not the end: the
    Newton decrement is above 5 % of the loss, or the curvature is negative in some direction, or
    nothing was learned (R² below 0.05) and there is no strict minimum.

Silent when
    The run converged, also where it converged to a floor that the model cannot go below; the loss
    is still falling; the data allow no more (noise).

Thresholds
    learned = 0.5: where the predictions explain less than this share of what the data allow, it is
    an error, else a warning. Ours. The numbers behind the outcome are those of `detectors.course`,
    calibrated on nndiag's own healthy and broken configs.

Fixes
    Whatever its cause asks for; without one: Adam, another seed, a higher learning rate.

Source
    Newton decrement as a stopping rule: Boyd and Vandenberghe 2004, Convex Optimization, sec. 9.5.
"""

from nndiag.bounds import Share
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import course_of
from nndiag.finding import Evidence, Finding, Outcome, Severity
from nndiag.formatting import number, percent, r_squared_words
from nndiag.trace import Trace

PROBLEM = "stalled-convergence"


@detector(
    PROBLEM, stage=Stage.OUTCOME, explained_by=Stage.REST.and_earlier(), outcome=Outcome.STALLED
)
def stalled_convergence(trace: Trace, *, learned: Share = 0.5) -> Findings:
    """The loss stopped falling although there is more to gain."""
    course = course_of(trace)
    if course.outcome is not Outcome.STALLED:
        return []
    shortfall = 1.0 if course.shortfall is None else course.shortfall
    failed = shortfall > (1 - learned) * course.attainable
    final = course.curve.final
    evidence = [Evidence("loss", course.expected_gain / abs(final), 0.05, measure="expected fall")]
    parts = [f"the loss is flat at {number(final)}"]
    if course.r_squared is not None:
        parts.append(f"R² {r_squared_words(course.r_squared)} (0: predicts the mean)")
        evidence.append(Evidence("r_squared", observed=course.r_squared))
    decrement = course.numbers.get("newton_decrement", 0.0) / abs(final)
    smallest = course.numbers.get("smallest_eigenvalue", 0.0)
    if decrement > 0.05:
        part = "most" if decrement > 0.9 else percent(decrement)
        parts.append(f"a local step could still remove {part} of it")
        evidence.append(Evidence("newton_decrement", observed=decrement, limit=0.05))
    elif smallest < -1e-3 * course.numbers.get("largest_eigenvalue", 0.0):
        parts.append("the curvature is negative in some direction: a plateau or a saddle")
        evidence.append(Evidence("smallest_eigenvalue", observed=smallest, limit=0.0))
    return [
        Finding(
            PROBLEM,
            Severity.ERROR if failed else Severity.WARNING,
            "; ".join(parts),
            evidence=tuple(evidence),
        )
    ]

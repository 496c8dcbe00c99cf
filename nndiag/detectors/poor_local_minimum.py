"""The run rests in a poor minimum; from other weights the same network reaches far less.

What it sees
    A run at rest whose end a strong optimizer cannot improve, while it gets far below from another
    start.

Why it matters
    Small networks have minima that are no good: two units share one job, or one unit is switched
    off, and every small step makes it worse. More steps or another rate do not lead out of them.

Fires when
    The run did not learn and is at rest, the fit from its end keeps more than `kept` of its loss,
    and the best fit of all starts less than half of it.

Silent when
    The run learned, is still falling or diverged; a strong optimizer leads on from where it ended;
    no start leads much further (see `too-few-units`); no reference fit was made.

Thresholds
    kept = 0.8: ours; the fits are bounded in work and may stop a little early.

Fixes
    Another seed; more units, which leave fewer poor minima.

Source
    Choromanska et al. 2015, The loss surfaces of multilayer networks, sec. 5: the smaller the
    network, the likelier a poor minimum.
"""

from nndiag.bounds import Share
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.reference import FURTHER, reference_of
from nndiag.detectors.run_summary import course_of
from nndiag.finding import Evidence, Finding, Outcome
from nndiag.formatting import number
from nndiag.trace import Trace

PROBLEM = "poor-local-minimum"


@detector(
    PROBLEM,
    stage=Stage.REST,
    explained_by=Stage.LENGTH.and_earlier(),
    by_exclusion=True,
    ending=("reference_loss", "reference_loss_from_end"),
)
def poor_local_minimum(trace: Trace, *, kept: Share = 0.8) -> Findings:
    """The run rests in a poor minimum; from other weights the same network reaches far less."""
    course, reference = course_of(trace), reference_of(trace)
    if course.severity is None or course.outcome not in (Outcome.CONVERGED, Outcome.STALLED):
        return []
    if reference is None or reference.kept_from_end is None or not reference.further:
        return []
    if reference.kept_from_end < kept:
        return []
    return [
        Finding(
            PROBLEM,
            course.severity,
            f"the run ends in a poor minimum of loss {number(reference.loss / reference.kept)}: a "
            f"strong optimizer gets no further from there, but to {number(reference.loss)} from "
            "other weights",
            evidence=(
                Evidence("reference_loss", observed=reference.kept, limit=FURTHER),
                Evidence("reference_loss_from_end", observed=reference.kept_from_end, limit=kept),
            ),
        )
    ]

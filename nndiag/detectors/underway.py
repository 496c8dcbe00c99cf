"""How far a run is from what it could have learned, and how grave that is."""

from nndiag.detectors.run_summary import NEARLY_ALL, RunSummary
from nndiag.finding import Outcome, Severity

_SHORT = 0.08  # share of the variance that a run with scales that fit does not leave; ours
_NOT_AT_REST = (Outcome.DIVERGED, Outcome.IMPROVING)
_BEGUN = 0.1  # less than this share: hardly begun


def impairment(course: RunSummary) -> Severity | None:
    """How much a fault of the setup matters, also in a run that has only begun: the graver view."""
    views = (course.severity, distance(course))
    return min((x for x in views if x is not None), key=lambda one: one.rank, default=None)


def shortness(course: RunSummary) -> Severity | None:
    """How much a scale that is off matters: it also does where a run rests a little short.

    What a run with scaled data reaches is then not known, and worth a word.
    """
    severity, short, rough = impairment(course), course.shortfall, course.learned.roughness
    if severity is not None or course.outcome in _NOT_AT_REST or short is None:
        return severity
    return Severity.WARNING if short > max(_SHORT, rough) else None


def distance(course: RunSummary) -> Severity | None:
    """How grave it is that the run ends here; None where it has learned, diverged or was cut off.

    A run that is still falling is only half a failure, until hardly anything is learned after steps
    enough to tell, and none where most is learned.
    """
    if course.outcome is Outcome.DIVERGED or course.good:
        return None
    if course.failed:
        return Severity.ERROR
    if course.outcome is Outcome.STALLED:
        return Severity.WARNING
    share = course.learned.share
    if course.outcome is not Outcome.IMPROVING or share is None or share >= NEARLY_ALL:
        return None
    return Severity.ERROR if share < _BEGUN and not course.short else Severity.WARNING

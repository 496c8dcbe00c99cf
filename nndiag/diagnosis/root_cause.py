"""Which of several findings is the cause, and which it explains.

Static facts come before the step size, the step size before symptoms of the run. What explains
what is a table, not code.
"""

from collections.abc import Sequence

from nndiag.detectors import Course
from nndiag.finding import Cause, Confidence, Finding, Outcome, Severity

STATIC = (
    "loss-does-not-fit-output",
    "mismatched-data",
    "targets-outside-output-range",
    "no-nonlinearity",
    "identical-units",
    "nothing-to-learn",
    "sorted-examples",
    "unscaled-inputs",
    "unscaled-targets",
    "missing-biases",
    "weights-too-large",
    "weights-too-small",
)
"""Faults that were there before the first step, gravest first."""

STEP_SIZE = (
    "gradient-clipped-too-hard",
    "weight-decay-too-strong",
    "summed-loss",
    "learning-rate-too-small",
    "learning-rate-above-stability-limit",
)
"""Faults of the step: of its rule, or computed from the curvature before the first step.

A rate can be too large at first and, after decay, too small: then the small one is in force.
"""

FITTED = ("too-few-units",)
"""Faults that the reference fit shows: no optimizer gets this network further."""

SYMPTOMS = (
    "non-finite-values",
    "exploding-gradients",
    "exploding-loss",
    "oscillating-loss",
    "dead-units",
    "saturated-units",
    "vanishing-gradients",
    "noisy-steps",
    "not-enough-steps",
    "poor-local-minimum",
    "saddle-point",
    "overfitting",
    "constant-predictions",
    "stalled-convergence",
)
"""What is seen while training, from what comes first to what comes last."""

_BLOW_UP = frozenset({"exploding-loss", "exploding-gradients", "non-finite-values"})
_FLAT = frozenset({"stalled-convergence", "constant-predictions"})
_REST = _FLAT | {"saddle-point", "poor-local-minimum", "too-few-units"}
_STOP = _REST | {"vanishing-gradients", "not-enough-steps"}
_UNITS = frozenset({"saturated-units", "dead-units"})
_SWINGS = frozenset({"oscillating-loss", "noisy-steps"})
_AFTERMATH = _STOP | _UNITS | _SWINGS
_TOO_LARGE = frozenset({"learning-rate-above-stability-limit", "summed-loss"})
_SLOW = frozenset({"learning-rate-too-small"})

EXPLAINS: dict[str, frozenset[str]] = {
    "loss-does-not-fit-output": _BLOW_UP
    | _AFTERMATH
    | _SLOW
    | {"targets-outside-output-range", "overfitting"},
    "mismatched-data": _STOP | _SWINGS | {"nothing-to-learn", "overfitting"},
    "targets-outside-output-range": _STOP | _UNITS | _SLOW | {"unscaled-targets"},
    "no-nonlinearity": _REST | _SWINGS,
    "identical-units": _STOP | _UNITS,
    "nothing-to-learn": _STOP | _SWINGS | {"overfitting"},
    "sorted-examples": _BLOW_UP | _AFTERMATH | _TOO_LARGE | {"overfitting"},
    "unscaled-inputs": _BLOW_UP | _AFTERMATH | _TOO_LARGE,
    "unscaled-targets": _BLOW_UP | _AFTERMATH | _TOO_LARGE | _SLOW,
    "missing-biases": _REST | _SWINGS | {"not-enough-steps"},
    "weights-too-large": _BLOW_UP | _AFTERMATH | _TOO_LARGE | _SLOW,
    "weights-too-small": _AFTERMATH | _SLOW,
    "summed-loss": _BLOW_UP | _AFTERMATH | _TOO_LARGE - {"summed-loss"},
    "learning-rate-above-stability-limit": _BLOW_UP | _AFTERMATH,
    "gradient-clipped-too-hard": _STOP | _SLOW,
    "weight-decay-too-strong": _STOP | _UNITS,
    "learning-rate-too-small": _STOP,
    "non-finite-values": _STOP | {"exploding-gradients"},
    "exploding-gradients": _BLOW_UP - {"exploding-gradients"} | _AFTERMATH,
    "exploding-loss": frozenset({"non-finite-values"}) | _AFTERMATH,
    "noisy-steps": _STOP,
    "oscillating-loss": _STOP | _UNITS,
    "dead-units": _STOP | {"noisy-steps"},
    "saturated-units": _STOP | {"noisy-steps"},
    "vanishing-gradients": _STOP - {"vanishing-gradients"} | _UNITS,
    "not-enough-steps": _REST,
    "too-few-units": _STOP - {"too-few-units", "vanishing-gradients"} | _UNITS,
    "poor-local-minimum": _FLAT,
    "saddle-point": _FLAT,
}
"""Problem → the problems that it can bring about."""

LEADS_TO: dict[Outcome, frozenset[str]] = {
    Outcome.DIVERGED: _BLOW_UP,
    Outcome.STALLED: frozenset({"stalled-convergence"}),
}
"""Outcome → the symptoms that it consists of; what explains none of them is not its cause."""

RESTATEMENTS = frozenset({"stalled-convergence", "constant-predictions"})
"""Findings that say no more than the outcome: never a cause."""

BY_EXCLUSION = frozenset({"too-few-units", "poor-local-minimum"})
"""Findings from what a strong optimizer reached: said only where nothing else explains that."""

_MILD = 10.0  # size or offset of inputs that networks learn, if slowly; ours
_BEFORE_MILD = frozenset(STEP_SIZE) | {"vanishing-gradients", "not-enough-steps", "saddle-point"}
_STEEPER = 10.0  # of deep networks on scaled inputs; ours, they reach 6
_LESS_STEEP = 0.5
_ORDER = (*STATIC, *STEP_SIZE, *FITTED, *SYMPTOMS)


def root_cause(
    findings: Sequence[Finding], *, course: Course
) -> tuple[Cause | None, tuple[Finding, ...]]:
    """The cause, and all findings, gravest first.

    Args:
        findings: All findings of a run.
        course: How the run went.

    Returns:
        The first finding in the order static, step size, symptom that is, or explains, the run's
        outcome, with the findings that it explains. None where nothing is worse than a note, or
        where the outcome is all that is seen. All findings in the order in which they are to be
        read: the cause, other causes beside it, what the cause explains, notes.
    """
    findings = _settled(findings)
    graver = [finding for finding in findings if finding.severity is not Severity.NOTE]
    candidates = sorted(
        (x for x in graver if x.problem not in RESTATEMENTS), key=lambda x: _place(x, graver)
    )
    if not candidates:
        return None, tuple(sorted(findings, key=_by_severity))
    outcome = LEADS_TO.get(course.outcome, frozenset())
    fitting = [x for x in candidates if {x.problem, *_reach(x, candidates)} & outcome]
    first = (fitting or candidates)[0]
    reach = _reach(first, candidates)
    others = sorted((x for x in graver if x is not first), key=_by_severity)
    explains = tuple(x for x in others if x.problem == first.problem or x.problem in reach)
    beside = [x for x in others if x not in explains]
    notes = [x for x in findings if x.severity is Severity.NOTE]
    return Cause(first, _confidence(first), explains), (first, *beside, *explains, *notes)


def _settled(findings: Sequence[Finding]) -> Sequence[Finding]:
    """The findings without those by exclusion, where something else was found that they do not
    explain.
    """
    graver = {x.problem for x in findings if x.severity is not Severity.NOTE}
    others = graver - BY_EXCLUSION - RESTATEMENTS
    settled = {x for x in BY_EXCLUSION & graver if others <= EXPLAINS[x]}
    return [x for x in findings if x.problem not in BY_EXCLUSION or x.problem in settled]


def _reach(finding: Finding, others: Sequence[Finding]) -> frozenset[str]:
    """The problems that a finding can explain in this run.

    Large inputs explain a rate above the ceiling only as far as their scaling would raise the
    ceiling: λ_max grows with the square of the inputs, times what deep networks add to it, and with
    less than the square where they are only a little off scale, so that other layers are as steep
    as the first. Where
    they do not explain the rate, they do not explain what the rate did either.
    """
    reach = EXPLAINS.get(finding.problem, frozenset())
    rate = next((x for x in others if x.problem == "learning-rate-above-stability-limit"), None)
    if finding.problem != "unscaled-inputs" or rate is None:
        return reach
    size = finding.evidence[0].observed
    excess = rate.evidence[0].observed / max(rate.evidence[0].limit or 0.0, 1e-300)
    most = (_LESS_STEEP if _is_mild(finding) else _STEEPER) * max(size, 1.0) ** 2
    return reach if excess <= most else reach - EXPLAINS[rate.problem] - {rate.problem}


def _confidence(finding: Finding) -> Confidence:
    """Likely where a fact or a computed bound says so, possible for symptoms."""
    return Confidence.POSSIBLE if finding.problem in SYMPTOMS else Confidence.LIKELY


def _place(finding: Finding, others: Sequence[Finding]) -> float:
    """As `_by_order`, with two exceptions.

    Inputs that are only a little off scale come after what else keeps the run from learning: they
    slow it down, but seldom are the reason by themselves. Units that died or saturated later come
    after vanishing gradients, which are seen in the first steps, as are units lost from the start.
    """
    if _is_mild(finding):
        explained = _reach(finding, others) & _TOO_LARGE
        graver = [_by_order(x) for x in others if x.problem in _BEFORE_MILD - explained]
        return max(graver) + 0.5 if graver else _by_order(finding)
    vanishing = next((x for x in others if x.problem == "vanishing-gradients"), None)
    if vanishing is None or finding.problem not in _UNITS:
        return _by_order(finding)
    later = _first_step(finding) > _last_step(vanishing)
    return _by_order(vanishing) + 0.5 if later else _by_order(finding)


def _is_mild(finding: Finding) -> bool:
    """Whether a finding is that inputs are somewhat, not far, too large or off centre."""
    if finding.problem != "unscaled-inputs" or not finding.evidence:
        return False
    first = finding.evidence[0]
    return first.limit is not None and first.limit < first.observed <= _MILD


def _first_step(finding: Finding) -> int:
    return min((x.steps[0] for x in finding.evidence if x.steps is not None), default=0)


def _last_step(finding: Finding) -> int:
    return max((x.steps[1] for x in finding.evidence if x.steps is not None), default=0)


def _by_order(finding: Finding) -> int:
    """Static before step size before symptoms; what the tables do not know comes last."""
    return _ORDER.index(finding.problem) if finding.problem in _ORDER else len(_ORDER)


def _by_severity(finding: Finding) -> tuple[int, int]:
    return finding.severity.rank, _by_order(finding)

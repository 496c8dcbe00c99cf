"""The command that a person should try next."""

from nndiag.finding import Diagnosis, Outcome
from nndiag.trace import Trace
from nndiag.trace.statistics import log_limits

DONE = "nothing: it trains"
RIGHT_STEPS = "nothing: its steps are right"
_VERBS = {
    Outcome.INTERRUPTED: "train",
    Outcome.DIVERGED: "sweep-lr",
    Outcome.STALLED: "sweep-lr",
}
"""What to call where nothing was found that explains an outcome."""
_LEARNED = 0.9  # R² from which on a run need not be longer
_LITTLE = 0.1  # R² below which it predicts little more than the mean


def next_command(diagnosis: Diagnosis, trace: Trace, *, config: str | None) -> str:
    """What to try next.

    A run that fails is handed to `fix`, which tries the remedies; one that has not
    learned yet is trained longer; with a healthy one all is done.

    Args:
        diagnosis: What was said about the run.
        trace: The run.
        config: The config as a command line has it, with its overrides, quoted; None for a foreign
            trace.
    """
    if config is None:
        worst = diagnosis.cause or next(iter(diagnosis.findings), None)
        name = getattr(worst, "finding", worst)
        return f"nndiag explain {getattr(name, 'problem', diagnosis.outcome)}"
    if diagnosis.cause is not None or diagnosis.failing:
        return f"nndiag fix {config}"
    learned = diagnosis.numbers.get("r_squared", 0.0) >= _LEARNED
    if (
        diagnosis.outcome is Outcome.IMPROVING
        and not learned
        and trace.facts.total_steps is not None
    ):
        return f"nndiag train {config} training.steps={2 * trace.facts.total_steps}"
    verb = _VERBS.get(diagnosis.outcome)
    return done(diagnosis) if verb is None else f"nndiag {verb} {config}"


def is_only_checked(diagnosis: Diagnosis, trace: Trace) -> bool:
    """Whether the steps of a program were checked, and its run has no loss to follow."""
    return diagnosis.outcome is Outcome.UNJUDGED and log_limits(trace) is None


def done(diagnosis: Diagnosis) -> str:
    """What is left of a run without a finding: nothing, or to read what it did not learn."""
    return "nndiag explain r-squared" if learned_little(diagnosis) else DONE


def learned_little(diagnosis: Diagnosis) -> bool:
    """Whether a run in which nothing was found predicts little more than the mean."""
    return diagnosis.numbers.get("r_squared", 1.0) < _LITTLE

"""The command that a person should try next."""

import re
import shlex

from nndiag.finding import Diagnosis, Outcome
from nndiag.trace import Trace

_OVERRIDE = re.compile(r"[a-z_]\w*(\.\w+)*=\S+")


def next_command(diagnosis: Diagnosis, trace: Trace, *, config: str | None) -> str:
    """What to try next.

    A run that fails is handed to `fix`, which tries the remedies; one that is not finished is
    trained longer; a healthy one has its gradient checked.

    Args:
        diagnosis: What was said about the run.
        trace: The run.
        config: The config as it was given on the command line; None for a foreign trace.
    """
    if config is None:
        worst = diagnosis.cause or next(iter(diagnosis.findings), None)
        name = getattr(worst, "finding", worst)
        return f"nndiag explain {getattr(name, 'problem', diagnosis.outcome)}"
    config = shlex.quote(config)
    if diagnosis.cause is not None or diagnosis.failing:
        return f"nndiag fix {config}"
    if diagnosis.outcome is Outcome.IMPROVING and trace.facts.total_steps is not None:
        return f"nndiag train {config} training.steps={2 * trace.facts.total_steps}"
    if diagnosis.outcome is Outcome.INTERRUPTED:
        return f"nndiag train {config}"
    if diagnosis.outcome in (Outcome.DIVERGED, Outcome.STALLED):
        return f"nndiag sweep-lr {config}"
    return f"nndiag gradcheck {config}"


def override_of(remedy: str) -> str | None:
    """The `key=value` in a remedy, if it has one that a command can take."""
    match = _OVERRIDE.search(remedy)
    return match.group() if match else None

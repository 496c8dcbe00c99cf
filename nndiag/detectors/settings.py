"""Settings of the run that no other fact tells, as numbers."""

from nndiag.trace import Trace


def optimizer_setting(trace: Trace, name: str) -> float | None:
    """A number in the optimizer's section of the config; None where there is none."""
    section = trace.facts.settings.get("optimizer")
    value = section.get(name) if isinstance(section, dict) else None
    return float(value) if isinstance(value, int | float) else None

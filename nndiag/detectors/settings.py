"""Settings of the run that no other fact tells."""

from nndiag.trace import Trace


def optimizer_setting(trace: Trace, name: str) -> float | None:
    """A number in the optimizer's section of the config; None where there is none."""
    value = _setting(trace, "optimizer", name)
    return float(value) if isinstance(value, int | float) else None


def order_of_examples(trace: Trace) -> str | None:
    """How the examples are dealt out to the steps; None where that is not known."""
    value = _setting(trace, "training", "order")
    return value if isinstance(value, str) else None


def _setting(trace: Trace, section: str, name: str) -> object:
    part = trace.facts.settings.get(section)
    return part.get(name) if isinstance(part, dict) else None

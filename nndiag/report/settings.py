"""How a setting is written: as a config has it."""

from typing import Any

from nndiag.formatting import chosen


def setting(value: Any) -> str:
    """A value of a config: "0.01", "null", "true", "tanh"."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return chosen(value) if isinstance(value, float) else str(value)

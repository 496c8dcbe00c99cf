"""What a bug of a hand-written training is to the check: its name, sentence and severity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nndiag.finding import Severity
from nndiag.registry import Registry


@dataclass(frozen=True)
class Bug:
    """One way in which backward passes and updates go wrong.

    Attributes:
        sentence: What is wrong, to be followed by where.
        severity: How much it matters; a warning is often meant so.
    """

    sentence: str
    severity: Severity = Severity.ERROR


BUGS: Registry[Callable[[], Bug]] = Registry("bug", package="nndiag.bugs")
"""The bugs by name; each is a file of `nndiag.bugs`."""

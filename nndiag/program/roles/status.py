"""The words for what a comparison says about a parameter."""

from __future__ import annotations

from nndiag.finding import Word


class Status(Word):
    """What is said of one parameter."""

    RIGHT = "right"
    WRONG_SCALE = "wrong scale"
    WRONG_SIGN = "wrong sign"
    WRONG = "wrong"
    NEVER_UPDATED = "never updated"
    CHANGES_SHAPE = "changes its shape"
    NO_SIGNAL = "no signal"
    UNKNOWN = "unknown"


FINE = (Status.RIGHT, Status.NO_SIGNAL, Status.UNKNOWN)
"""What is said of parameters of which nothing is known to be wrong."""

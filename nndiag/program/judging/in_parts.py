"""What is wrong with a parameter, part by part, where several statements write it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.status import FINE, Status
from nndiag.program.roles.understanding import Understanding
from nndiag.program.roles.verdicts import compared
from nndiag.program.roles.written_parts import targets_of, with_parts

_WRONG = (Status.WRONG, Status.WRONG_SIGN, Status.WRONG_SCALE)


def compared_in_parts(
    found: Understanding, loss: Loss, whole: list[Comparison]
) -> list[Comparison]:
    """The parameters compared; what is wrong part by part, where several statements write it."""
    wrong = {item.name for item in whole if item.status in _WRONG}
    parts = with_parts(found.readings, wrong, targets_of(found.host.tree)) if wrong else None
    if parts is None:
        return whole
    comparisons = compared(parts, loss, states=found.states)
    for item in comparisons:
        if item.status is Status.RIGHT and _moves_unfelt(parts, loss, item.name):
            item.status = Status.WRONG
    told = [item for item in comparisons if item.status not in FINE]
    if not told:  # it is their relation that is wrong
        return whole
    found.readings, found.in_parts = parts, frozenset(wrong)
    return comparisons


def _moves_unfelt(readings: Sequence[Reading], loss: Loss, name: str) -> bool:
    """Whether a parameter is moved where the loss does not feel it."""
    for reading in readings:
        derivative = reading.derivatives(loss)[name]
        parameter = next(item for item in reading.parameters if item.name == name)
        if derivative is not None and not np.any(derivative) and parameter.moves:
            return True
    return False

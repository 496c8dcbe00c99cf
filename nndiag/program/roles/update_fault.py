"""One thing that is wrong between a right gradient and a parameter's next value."""

from __future__ import annotations

from dataclasses import dataclass

from nndiag.finding import Severity
from nndiag.program.text.edits import Change


@dataclass(frozen=True)
class UpdateFault:
    """One thing that is wrong with the update of one parameter.

    Attributes:
        parameter: The parameter.
        bug: Name of the bug.
        says: What is wrong, a clause.
        node_id: Of the expression or statement at fault.
        edits: What may mend it, most likely first.
        severity: How much it matters, as far as the update alone tells.
    """

    parameter: str
    bug: str
    says: str
    node_id: int
    edits: tuple[tuple[Change, ...], ...] = ()
    severity: Severity = Severity.ERROR

"""One thing that is wrong with a program's gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nndiag.finding import Severity
from nndiag.program.text.edits import Change


@dataclass(eq=False)
class ProgramFault:
    """One thing that is wrong with a program's gradient.

    Attributes:
        bug: Name of the bug.
        parameters: The parameters that it makes wrong.
        node_id: The expression or statement at fault; −1 where it was not found.
        detail: What more is said of it, a clause; empty where the bug's sentence says it all.
        edits: What may mend it, most likely first.
        line: The line to look at, where it is another than that of `node_id`.
        severity: How much it matters.
        is_vague: Whether it only says that something is wrong: what another fault explains.
    """

    bug: str
    parameters: list[str]
    node_id: int
    detail: str = ""
    edits: list[tuple[Change, ...]] = field(default_factory=list)
    line: int | None = None
    severity: Severity = Severity.ERROR
    is_vague: bool = False


def merged(faults: Sequence[ProgramFault]) -> list[ProgramFault]:
    """Faults with the same bug at the same place as one."""
    found: dict[tuple[str, int, int | None], ProgramFault] = {}
    for fault in faults:
        key = (fault.bug, fault.node_id, fault.line)
        known = found.setdefault(key, fault)
        if known is not fault:
            known.parameters += [n for n in fault.parameters if n not in known.parameters]
            known.edits += [edit for edit in fault.edits if edit not in known.edits]
    return sorted(found.values(), key=lambda fault: -len(fault.parameters))

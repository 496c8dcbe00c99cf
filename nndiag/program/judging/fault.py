"""One thing that is wrong with a program, what it explains, and which of several are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from nndiag.finding import Severity
from nndiag.program.text.edits import Change

Edits = list[tuple[Change, ...]]
"""What may mend a fault, most likely first."""


class Explains(Enum):
    """What else needs no other word where a fault is told."""

    ALL = "all that is wrong"
    GRADIENT = "why the gradients of its parameters are wrong"
    NOTHING = "nothing beside itself"


@dataclass(eq=False)
class ProgramFault:
    """One thing that is wrong with a program.

    Attributes:
        bug: Name of the bug.
        parameters: The parameters that it makes wrong.
        node_id: The expression or statement at fault; −1 where it was not found.
        detail: What more is said of it, a clause; empty where the bug's sentence says it all.
        edits: What may mend it, most likely first.
        line: The line to look at, where it is another than that of `node_id`.
        severity: How much it matters.
        explains: What else needs no other word.
        is_vague: Whether it only says that something is wrong.
    """

    bug: str
    parameters: list[str]
    node_id: int
    detail: str = ""
    edits: Edits = field(default_factory=list)
    line: int | None = None
    severity: Severity = Severity.ERROR
    explains: Explains = Explains.NOTHING
    is_vague: bool = False


def told(
    faults: Iterable[ProgramFault], statement: Callable[[int], object | None]
) -> list[ProgramFault]:
    """The faults without those that others explain, and with the same at one place as one.

    Of two that explain the same gradients the one with an edit is told; one without takes the edits
    that were found for its statement by another.

    Args:
        faults: In the order in which they are preferred.
        statement: Gives the statement of a node_id.
    """
    every = list(faults)
    whole = [fault for fault in every if fault.explains is Explains.ALL]
    every = whole or [_with_edits(fault, every, statement) for fault in every]
    explained: set[str] = set()
    kept: set[ProgramFault] = set()
    for fault in sorted(every, key=lambda item: (item.is_vague, not item.edits)):
        if fault.explains is not Explains.GRADIENT:
            kept.add(fault)
        elif not set(fault.parameters) <= explained:
            kept.add(fault)
            explained |= set(fault.parameters)
    clear = [fault for fault in every if fault in kept and not fault.is_vague]
    return _merged(clear or [fault for fault in every if fault in kept])


def _with_edits(
    fault: ProgramFault,
    every: Sequence[ProgramFault],
    statement: Callable[[int], object | None],
) -> ProgramFault:
    if fault.edits or fault.explains is not Explains.GRADIENT:
        return fault
    own = statement(fault.node_id)
    others = (f.edits for f in every if f.edits and own and statement(f.node_id) is own)
    return replace(fault, edits=next(others, []))


def _merged(faults: Sequence[ProgramFault]) -> list[ProgramFault]:
    """Faults with the same bug at the same place as one."""
    found: dict[tuple[str, int, int | None], ProgramFault] = {}
    for fault in faults:
        key = (fault.bug, fault.node_id, fault.line)
        known = found.setdefault(key, fault)
        if known is not fault:
            known.parameters += [n for n in fault.parameters if n not in known.parameters]
            known.edits += [edit for edit in fault.edits if edit not in known.edits]
    return sorted(found.values(), key=lambda fault: -len(fault.parameters))

"""The faults of a program: every rule is asked, and what others explain is not told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nndiag.program.judging.assigned_faults import assigned_steps
from nndiag.program.judging.clip_faults import clip_faults
from nndiag.program.judging.decay_faults import decay_faults
from nndiag.program.judging.exchanged import exchanged_gradients
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Explains, ProgramFault, told
from nndiag.program.judging.gradient_faults import gradient_faults
from nndiag.program.judging.integer_faults import integer_faults
from nndiag.program.judging.memory_faults import memory_faults
from nndiag.program.judging.missing_faults import changed_shapes, never_updated
from nndiag.program.judging.order_faults import overwritten_sums
from nndiag.program.judging.rate_faults import rate_faults
from nndiag.program.judging.structural import standing_faults
from nndiag.program.judging.target_faults import target_faults
from nndiag.program.judging.unfelt import unfelt_parameters
from nndiag.program.roles.status import FINE, Status

_OF_GRADIENTS = (
    assigned_steps,
    target_faults,
    overwritten_sums,
    exchanged_gradients,
    changed_shapes,
)
_OF_UPDATES = (integer_faults, memory_faults, rate_faults, decay_faults, clip_faults)


def faults_of(facts: Facts) -> list[ProgramFault]:
    """All that is wrong, those first that explain most.

    Args:
        facts: The program.
    """
    return told(_every(facts), facts.lines.statement)


def _every(facts: Facts) -> Iterator[ProgramFault]:
    standing = [*standing_faults(facts), *unfelt_parameters(facts)]
    yield from standing
    if any(fault.explains is Explains.ALL for fault in standing):
        return
    found = [fault for rule in _OF_GRADIENTS for fault in rule(facts)]
    yield from found
    updates = [fault for rule in _OF_UPDATES for fault in rule(facts)]
    if any(item.status not in FINE for item in facts.comparisons):
        explained = {name for fault in found if fault.edits for name in fault.parameters}
        traced = {item.name for item in facts.comparisons if item.is_traced}
        explained |= {name for fault in updates for name in fault.parameters} & traced
        explained -= _turned(facts, updates)
        yield from gradient_faults(facts, explained)
        yield from never_updated(facts)
    yield from updates


def _turned(facts: Facts, updates: Sequence[ProgramFault]) -> set[str]:
    """The parameters whose gradient loses its sign before what is wrong with their memory."""
    found = set()
    for item in facts.comparisons:
        own = [facts.lines.statement(x.node_id) for x in updates if item.name in x.parameters]
        if item.status is Status.WRONG_SIGN and own and item.points:
            factors = [*item.factors[item.points[0]].items()]
            flips = (b for (_, one), (b, other) in zip(factors, factors[1:]) if one * other < 0)
            place = next(flips, None)
            if place is not None and facts.lines.statement(place) not in own:
                found.add(item.name)
    return found

"""What is wrong between right gradients and the parameters' next values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nndiag.program.judging.clip_faults import clip_faults
from nndiag.program.judging.decay_faults import decay_faults
from nndiag.program.judging.integer_faults import integer_faults
from nndiag.program.judging.order_faults import overwritten_sums, updated_weights
from nndiag.program.judging.rate_faults import rate_faults
from nndiag.program.judging.target_faults import target_faults
from nndiag.program.location.wording import Wording
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.memory_faults import memory_faults
from nndiag.program.roles.understanding import Understanding
from nndiag.program.roles.update_fault import UpdateFault

EXPLAINING = frozenset(
    {"uses-updated-weights", "assignment-instead-of-increment", "wrong-loss-gradient"}
)
"""The bugs that explain why the whole gradient of a parameter is wrong."""


def update_faults(
    found: Understanding, comparisons: Sequence[Comparison], wording: Wording | None = None
) -> Iterator[UpdateFault]:
    """All that is wrong with the updates: order, integers, targets, memory, rates, decays, clips.

    Args:
        found: The program.
        comparisons: Its parameters, compared with the derivative of the loss.
        wording: The program's own expressions, for edits; none are made without it.
    """
    if not found.readings:
        return
    yield from updated_weights(found)
    yield from overwritten_sums(found, comparisons)
    yield from integer_faults(found)
    yield from target_faults(found, wording)
    yield from memory_faults(found)
    yield from rate_faults(found)
    yield from decay_faults(found, comparisons, wording)
    yield from clip_faults(comparisons, found.nodes)

"""Clips that act at every step: the gradient is right, and hardly anything of it arrives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nndiag.finding import Severity
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.update_fault import UpdateFault

_ALWAYS = 0.9  # of the entries, at every point: a guard against spikes acts rarely


def clip_faults(comparisons: Sequence[Comparison]) -> Iterator[UpdateFault]:
    """The clips that cut nearly all entries at every point.

    Args:
        comparisons: The parameters, compared with the derivative of the loss.
    """
    for item in comparisons:
        clips = list(item.clips.values())
        if not clips or len(clips) < len(item.points):
            continue
        if all(clip.cut >= _ALWAYS * clip.entries for clip in clips):
            says = f"all its entries are cut at ±{clips[0].limit:g}, at every point tried"
            yield UpdateFault(
                item.name, "clipped-gradient", says, clips[0].serial, (), Severity.WARNING
            )

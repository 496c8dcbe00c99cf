"""Which of a family of derivatives is due for which of an expression's values.

A loop that goes backward through the layers, or through time, gives its values in the reverse order
of the forward pass, and may start, or end, one step aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_MOST_ASIDE = 2  # how many more values than derivatives, or fewer

_MOST_ENDS = 6  # of the members of a family, from its start and from its end, for a single value


@dataclass(frozen=True)
class Alignment:
    """Which member of a family is due for each of some values.

    Attributes:
        first: The place of the member that is due for the first value.
        turned: Whether places count from the family's end.
    """

    first: int
    turned: bool = False

    def places(self, sites: int, members: int) -> tuple[int | None, ...]:
        """For each value the place of what is due; None where there is none."""
        rows = [self.first + site for site in range(sites)]
        usable = [place if 0 <= place < members else None for place in rows]
        if not self.turned:
            return tuple(usable)
        return tuple(None if place is None else members - 1 - place for place in usable)


def alignments(sites: int, members: int) -> Iterator[Alignment]:
    """The ways in which values may stand for the members of a family.

    Args:
        sites: How many values there are.
        members: How many members.
    """
    if sites == 1:
        few = (
            range(members)
            if members <= 2 * _MOST_ENDS
            else (*range(_MOST_ENDS), *range(members - _MOST_ENDS, members))
        )
        yield from (Alignment(place) for place in few)
        return
    difference = members - sites
    if members == 1 or abs(difference) > _MOST_ASIDE:
        return
    firsts = [0, 1, -1] if difference == 0 else [*range(min(0, difference), max(0, difference) + 1)]
    for first in firsts:
        yield Alignment(first)
        yield Alignment(first, turned=True)

"""Iterations that run other statements than those looked at so far: examples of another class.

Where a step takes one example, `if y == 0: … else: …` runs one branch at a time. A gradient that
was compared at examples of one class alone says nothing of the other branch.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from nndiag.program.execution.runner import StepFailedError
from nndiag.program.gradients.computed import Computed
from nndiag.program.gradients.laboratory import Laboratory, Point

_MOST_MORE = 2
_SECONDS = 0.3  # a step that takes longer under watch sees many examples, and most branches


def points_of_all_branches(
    lab: Laboratory, points: Sequence[Point], computed: Computed, *, most: int
) -> list[Point]:
    """The first points, and those of the others at which statements run that did not run before.

    Args:
        lab: Runs the step.
        points: Where the program could be looked at, in order of preference.
        computed: The instruments of the watched step.
        most: How many points are taken in any case.
    """
    taken = list(points[:most])
    reached: frozenset[int] = frozenset()
    for number, point in enumerate(points):
        started = time.process_time()
        new = _run_there(lab, point, computed) - reached
        if number >= most and new:
            taken.append(point)
        reached |= new
        if len(taken) >= most + _MOST_MORE or time.process_time() - started > _SECONDS:
            break
    return taken


def _run_there(lab: Laboratory, point: Point, computed: Computed) -> frozenset[int]:
    """Serials of the expressions that an iteration computes."""
    try:
        recording = lab.record(point, lab.runner.variant(computed.instruments))
    except StepFailedError:
        return frozenset()
    return frozenset(recording.values)

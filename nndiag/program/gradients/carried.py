"""Outputs that an iteration takes over from the one before, computed anew for other parameters.

Some loops go backward, update, and then forward for the next iteration, so that the outputs at
their head belong to the parameters there. To look at other parameters, those outputs are computed
again: by an iteration whose updates are undone as soon as they are made.
"""

from __future__ import annotations

import numpy as np

from nndiag.program.execution.numbers import Vector
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.gradients.laboratory import Laboratory, Point
from nndiag.program.loop.motion import nudge
from nndiag.program.loop.tensors import Tensor
from nndiag.program.text.instrument import Instruments

_SAME = 1e-9


def carry_over(lab: Laboratory, points: list[Point]) -> bool:
    """Takes outputs that are carried over out of the laboratory's parameters; whether any were.

    Assumes that a parameter depends on its own value before; an output does not.

    Args:
        lab: Runs the step.
        points: Points of the program as it is.
    """
    plain = [point for point in points if not point.shifted][:2]
    every = lab.tensors
    if len(every) < 2 or not plain:
        return False
    updates = lab.updates(plain[0])
    carried = [
        tensor
        for tensor in every
        if updates[tensor.name] and any(_is_carried(lab, tensor, point) for point in plain)
    ]
    if not carried or len(carried) == len(every):
        return False
    lab.tensors = tuple(tensor for tensor in every if tensor not in carried)
    lab.carry(
        tuple(carried),
        frozenset(serial for tensor in lab.tensors for serial in updates[tensor.name]),
    )
    return True


def _is_carried(lab: Laboratory, tensor: Tensor, point: Point) -> bool:
    """Whether an iteration that leaves all else as it was ends with what stood there before."""
    others = Laboratory(lab.runner, tuple(item for item in lab.tensors if item is not tensor))
    start = point.theta[tensor.name]
    if tensor.size > 1 and not np.any(start - start[0]):
        return False  # zeros, ones: nothing was computed
    try:
        serials = others.updates(point)
        undone = frozenset(serial for found in serials.values() for serial in found)
        variant = lab.runner.variant(Instruments(resets=undone))
        ends = []
        for values in (start, start + nudge(start.size, start)):

            def put(values: Vector = values) -> None:
                tensor.write(point.snapshot, values)

            others.run(point, variant, also=put)
            ends.append(tensor.read(point.snapshot))
    except StepFailedError:
        return False
    return all(end is not None and np.allclose(end, start, rtol=_SAME, atol=0) for end in ends)

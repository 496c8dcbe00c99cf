"""The gradient that a step takes beside differences of the loss: the one check, for a script."""

from __future__ import annotations

from typing import Any

import numpy as np

from nndiag.gradients.check import check
from nndiag.pytorch.watching.iteration import Iteration
from nndiag.pytorch.watching.measures import theta_of

_TOLERANCE = 2e-3  # single precision reaches 1e-5, wrong gradients differ by 1e-2
_ROUNDING = 1e-3  # of a gradient, and of the whole one for those that rounding makes up


def compared(iteration: Iteration, *, is_clipped: bool) -> dict[str, dict[str, Any]]:
    """The check of each parameter's gradient at one step.

    The loss is that of the step's tape, computed again in double precision. So is the gradient,
    with the script's own functions, as long as it is what the step takes but for rounding.

    Args:
        iteration: The step.
        is_clipped: Whether the gradient is scaled down: then the one before is checked.
    """
    replay = iteration.replay
    start = {name: x.cpu().numpy() for name, x in replay.start().items()}
    again = {name: x.cpu().numpy() for name, x in replay.gradient(replay.start()).items()}
    whole = float(np.sqrt(sum(float((x**2).sum()) for x in again.values())))
    gradient = {}
    for name, own in again.items():
        taken = np.zeros(own.shape)
        if name in iteration.taken:
            taken = iteration.taken[name].cpu().double().numpy()
        rounding = _ROUNDING * max(float(np.linalg.norm(own)), _ROUNDING * whole)
        same = float(np.linalg.norm(taken - own)) <= rounding
        gradient[name] = own if same or is_clipped else taken

    def loss(theta: Any) -> float:
        return float(replay.loss(theta_of(replay, theta)))

    found = check(loss, gradient, start, tolerance=_TOLERANCE)
    return {
        name: {
            "verdict": str(found[name].verdict),
            "error": found[name].relative_error,
            "cosine": found[name].cosine,
            "scale": found[name].scale,
        }
        for name in start
    }

"""The judge of the tape: its derivatives against differences of the loss itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nndiag.program.execution import clock
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.loop.step_evaluator import Point
from nndiag.program.roles.losses import Loss, keys_of
from nndiag.program.roles.parameters import parameters_in
from nndiag.program.roles.reading import Reading, has_signal
from nndiag.program.roles.recording import recorded
from nndiag.program.roles.understanding import Understanding

_NOISE = 4.0  # rounding errors of a loss, in units of its last place
_DOUBLE = float(np.finfo(float).eps)
_SINGLE = 1e-8
_SAME = 1e-3  # of a directional derivative: kinks and curvature are in reach of a step
_MOST = 16  # parameters, each along one random direction that moves all its entries


def doubt_of(found: Understanding) -> str:
    """Why the derivatives of the loss are not what moving the parameters shows; empty if they are.

    Every parameter is moved along one random direction, forward and backward. Where most agree the
    tape is right; a kink in reach may spoil one of them.
    """
    if found.loss is None or not found.readings:
        return ""
    if found.in_parts:
        found = replace(found, readings=[_whole(found, item) for item in found.readings])
    if not found.is_one_step:
        return "one iteration of the training loop takes many steps"
    if not _repeats(found):
        return "the same iteration gives different results when it is run again"
    told, agreed = 0, 0
    for name in [item.name for item in found.readings[0].parameters][:_MOST]:
        for reading in found.readings:
            if clock.is_over(found.deadline):
                return "one iteration takes too long to be run with other parameters"
            agrees = _agrees(found, reading, name)
            if agrees is not None:
                told, agreed = told + 1, agreed + agrees
                break
    if told == 0:
        return "the loss does not change with any parameter beyond its rounding noise, or in steps"
    return "" if agreed * 3 >= told * 2 else "differences of the loss disagree with its derivatives"


def _whole(found: Understanding, reading: Reading) -> Reading:
    """A reading with each parameter as a whole."""
    lab = found.lab
    parameters = parameters_in(reading.iteration, lab.tensors, lab.held)
    return replace(reading, parameters=parameters)


def _repeats(found: Understanding) -> bool:
    """Whether the same iteration gives the same again: it does not where time is in it."""
    first = found.readings[0]
    iteration = recorded(found.lab, first.point, forced=found.forced)
    again = parameters_in(iteration, found.lab.tensors, found.lab.held)
    return all(
        one.step.shape == other.step.shape
        and np.allclose(one.step, other.step, rtol=1e-9, atol=1e-14, equal_nan=True)
        for one, other in zip(first.parameters, again)
    )


def _agrees(found: Understanding, reading: Reading, name: str) -> bool | None:
    """Whether a parameter's derivative is what a move shows; None where rounding hides it."""
    loss, theta = found.loss, reading.point.theta
    parameter = next((item for item in reading.parameters if item.name == name), None)
    derivative = None if loss is None or parameter is None else reading.derivatives(loss)[name]
    if loss is None or parameter is None or derivative is None:
        return None
    if not has_signal(reading, loss, derivative, parameter):
        return None
    if name not in theta or theta[name].size != derivative.size:
        return None  # kept in several copies: moved as one it is another derivative
    direction = np.random.default_rng(5).normal(size=derivative.size)
    rounding = _rounding(reading)
    scale = rounding ** (1 / 3) * max(1.0, float(np.max(np.abs(theta[name]), initial=0.0)))
    wanted = float(derivative @ direction)
    noise = _NOISE * rounding * _largest_share(reading, loss) / scale
    if rounding < _SINGLE and abs(wanted) * _SAME < noise:
        return None
    slope = _slope(found, reading, name, scale * direction)
    if slope is None:
        return False
    size = float(np.linalg.norm(derivative) * np.linalg.norm(direction))
    gap = abs(slope / scale - wanted)
    return bool(gap <= noise + _SAME * max(abs(slope / scale), abs(wanted), 1e-2 * size))


def _slope(found: Understanding, reading: Reading, name: str, change: np.ndarray) -> float | None:
    """Half of what the loss differs by on both sides of a point; None where it has no value."""
    try:
        ends = [_loss_at(found, reading, name, sign * change) for sign in (1.0, -1.0)]
    except StepFailedError:
        return None
    return None if ends[0] is None or ends[1] is None else (ends[0] - ends[1]) / 2


def _rounding(reading: Reading) -> float:
    """The rounding of the least precise numbers that the parameters act on."""
    kinds = {
        node.value.dtype
        for node in reading.forward
        if node.index in reading.acted_forward and isinstance(node.value, (np.ndarray, np.floating))
    }
    return max((float(np.finfo(kind).eps) for kind in kinds if kind.kind == "f"), default=_DOUBLE)


def _largest_share(reading: Reading, loss: Loss) -> float:
    """What the rounding of the loss is relative to: it, or what rounded values make of it."""
    adjoints = reading.adjoints(loss)
    value = loss.value(reading.forward, reading.keyed_forward)
    shares = [abs(value or 0.0)]
    with np.errstate(all="ignore"):
        for index, adjoint in ({} if adjoints is None else adjoints.values).items():
            share = np.max(np.abs(adjoint * np.asarray(reading.forward[index].value)), initial=0.0)
            shares.append(float(share) if np.isfinite(share) else 0.0)
    return max(shares)


def _loss_at(found: Understanding, reading: Reading, name: str, change: np.ndarray) -> float | None:
    """The loss with other values of a parameter, from a forward pass like that of a reading."""
    point = reading.point
    theta = {**point.theta, name: point.theta[name] + change}
    moved = Point(point.snapshot, theta, point.zeroed, point.shifted)
    resets = frozenset[int]() if reading.undone is reading.iteration else found.updates
    graph = recorded(found.lab, moved, resets=resets, forced=found.forced).graph
    assert found.loss is not None
    return found.loss.value(graph, keys_of(graph))

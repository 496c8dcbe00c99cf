"""The judge of the tape: its derivatives against differences of the loss itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nndiag.program.execution import clock
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.loop.step_evaluator import Point, Theta
from nndiag.program.roles.losses import Loss, keys_of
from nndiag.program.roles.parameters import parameters_in
from nndiag.program.roles.reading import Reading, has_signal
from nndiag.program.roles.recording import recorded
from nndiag.program.roles.understanding import Understanding

_NOISE = 4.0  # rounding errors of a loss, in units of its last place
_DOUBLE = float(np.finfo(float).eps)
_SINGLE = 1e-8
_SAME = 1e-3  # of a directional derivative: kinks and curvature are in reach of a step
_GROUPS = 4  # of parameters that are moved together, each along a random direction


def doubt_of(found: Understanding) -> str:
    """Why the derivatives of the loss are not what moving the parameters shows; empty if they are.

    The parameters are moved in a few groups along random directions, forward and backward. Where
    most agree the tape is right; a kink in reach may spoil one of them.
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
    names = [item.name for item in found.readings[0].parameters]
    for group in [names[start::_GROUPS] for start in range(min(_GROUPS, len(names)))]:
        for reading in found.readings:
            if clock.is_over(found.deadline):
                return "one iteration takes too long to be run with other parameters"
            agrees = _agrees(found, reading, group)
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


def _agrees(found: Understanding, reading: Reading, names: list[str]) -> bool | None:
    """Whether the derivatives by some parameters are what a move shows; None: rounding hides it."""
    loss, theta = found.loss, reading.point.theta
    assert loss is not None
    slopes = reading.derivatives(loss)
    felt = {
        item.name: slope
        for item in reading.parameters
        if item.name in names
        and (slope := slopes[item.name]) is not None
        and has_signal(reading, loss, slope, item)
        and item.name in theta
        and theta[item.name].size == slope.size  # kept in several copies it is another derivative
    }
    if not felt:
        return None
    rounding = _rounding(reading)
    largest = max(float(np.max(np.abs(theta[name]), initial=0.0)) for name in felt)
    scale = rounding ** (1 / 3) * max(1.0, largest)
    random = np.random.default_rng(5)
    moves = {name: random.normal(size=slope.size) for name, slope in felt.items()}
    wanted = sum(float(slope @ moves[name]) for name, slope in felt.items())
    noise = _NOISE * rounding * _largest_share(reading, loss) / scale
    if rounding < _SINGLE and abs(wanted) * _SAME < noise:
        return None
    ends = _ends(found, reading, {name: scale * move for name, move in moves.items()})
    if ends is None:
        return False
    slope = (ends[0] - ends[1]) / (2 * scale)
    size = sum(float(np.linalg.norm(felt[n]) * np.linalg.norm(moves[n])) for n in felt)
    return bool(abs(slope - wanted) <= noise + _SAME * max(abs(slope), abs(wanted), 1e-2 * size))


def _ends(found: Understanding, reading: Reading, move: Theta) -> tuple[float, float] | None:
    """The losses on both sides of a point; None where one has no value."""
    try:
        one, other = (_loss_at(found, reading, move, sign) for sign in (1.0, -1.0))
    except StepFailedError:
        return None
    return None if one is None or other is None else (one, other)


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


def _loss_at(found: Understanding, reading: Reading, move: Theta, sign: float) -> float | None:
    """The loss with other values of some parameters, from a forward pass like that of a reading."""
    point = reading.point
    theta = {**point.theta, **{n: point.theta[n] + sign * by for n, by in move.items()}}
    moved = Point(point.snapshot, theta, point.zeroed, point.shifted)
    resets = frozenset[int]() if reading.undone is reading.iteration else found.updates
    graph = recorded(found.lab, moved, resets=resets, forced=found.forced).graph
    assert found.loss is not None
    return found.loss.value(graph, keys_of(graph))

"""What a program's step makes of the gradient: how long it is, what decay adds, what a clip takes.

On the way from the gradient to the update the last value is looked for that is `scale · (gradient +
decay · parameter)` at all points, with the same numbers. A step that is shorter than that, times
the rate, was clipped behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from nndiag.program.judging.judgement import Judgement
from nndiag.program.roles.reading import Reading, has_signal

Array = Any

_SAME = 1e-6  # of a vector, that a fit may miss
_STEADY = 1e-2  # how much a rate may change over the first iterations
_FEWEST = 5  # numbers that tell two unknowns from chance
_LEAST = 1e-6  # of the gradient's share: a smaller decay is rounding
_SHORT = 0.9  # of its length: a shorter step was clipped


@dataclass(frozen=True)
class Rule:
    """How a step follows from the gradient.

    Attributes:
        scale: The step over the gradient, without decay and clip; None where it is none of it.
        decay: What is added to the gradient, over the parameter.
        clip: Length of the clipped gradient of all parameters; None where nothing is clipped.
    """

    scale: float | None = None
    decay: float = 0.0
    clip: float | None = None


@dataclass(frozen=True, eq=False)
class _Way:
    """One parameter at one point: its derivative, its value, its step, and what lies between."""

    derivative: Array
    value: Array
    step: Array
    between: dict[int, Array]


_Fit = Optional[tuple[float, float]]
_Fits = list[tuple[float, float]]


def rule_of(program: Judgement, rate: float | None) -> Rule:
    """The rule by which a program without momentum steps; an empty one where it is not known.

    Args:
        program: With its parameters compared.
        rate: The learning rate that it names.
    """
    loss = program.found.loss
    plain = [item for item in program.found.readings if not item.point.shifted]
    if loss is None or not plain:
        return Rule()
    names = [item.name for item in plain[0].parameters]
    every = [ways for ways in (_ways(plain, program, name) for name in names) if ways]
    found = [ways for ways in every if ways[0].step.size > 1] or every  # one number fits anything
    if not found:
        return Rule()
    last = [_last_known(ways) for ways in found]
    decays = [float(np.median([b / a for a, b in fits])) for _, fits in last if fits]
    decay = max((x for x in decays if x > 0), default=0.0)
    if program.found.states:
        return Rule(decay=decay)
    steps = [_all(_fitted(way.step, way) for way in ways) for ways in found]
    whole = [fits for fits in steps if fits is not None]
    if len(whole) == len(found):
        decay = max([decay, *(float(np.median([b / a for a, b in fits])) for fits in whole)])
        return Rule(_common([a for fits in whole for a, _ in fits]), decay)
    if rate is None or any(node_id is None for node_id, _ in last):
        return Rule(decay=decay)
    return _clipped(found, steps, last, rate=rate, decay=decay)


def _ways(readings: Sequence[Reading], program: Judgement, name: str) -> list[_Way]:
    """A parameter at the points where the loss feels it."""
    found = []
    loss = program.found.loss
    assert loss is not None
    for reading in readings:
        parameter = next((x for x in reading.parameters if x.name == name), None)
        derivative = reading.derivatives(loss).get(name)
        if parameter is None or derivative is None or None in parameter.ends:
            continue
        if not has_signal(reading, loss, derivative, parameter):
            continue
        start = reading.iteration.values_at(parameter.heads)
        between = reading.chains[name].vectors
        found.append(_Way(derivative, start[: parameter.step.size], parameter.step, between))
    return found


def _last_known(ways: Sequence[_Way]) -> tuple[int | None, _Fits]:
    """The last expression before the update that is made of gradient and parameter alike."""
    for node_id in reversed(list(ways[0].between)):
        fits = _all(_fitted(way.between.get(node_id), way, negative=True) for way in ways)
        if fits is not None and _common([a for a, _ in fits]) is not None:
            return node_id, fits
    return None, []


def _fitted(vector: Array, way: _Way, *, negative: bool = False) -> _Fit:
    """`a`, `b` of `a · gradient + b · parameter`, `a` above 0; None for another vector.

    Args:
        vector: What is looked at.
        way: The gradient and the parameter.
        negative: Whether it may be the negative of that: `W += rate * g` with `g` downhill.
    """
    if vector is None or np.size(vector) != way.derivative.size:
        return None
    one = np.ravel(np.asarray(vector, float))
    gradient, value = way.derivative, way.value
    size = float(np.linalg.norm(one))
    square = float(gradient @ gradient)
    if not np.isfinite(size) or size == 0 or square == 0:
        return None
    factor = float(one @ gradient) / square
    if negative and factor < 0:
        one, factor = -one, -factor
    if np.linalg.norm(one - factor * gradient) <= _SAME * size:
        return (factor, 0.0) if factor > 0 else None
    if one.size < _FEWEST or value.size != one.size:
        return None
    table = np.stack([gradient, value], axis=1)
    (a, b), *_ = np.linalg.lstsq(table, one, rcond=None)
    gap = float(np.linalg.norm(one - table @ [a, b]))
    felt = abs(b) * float(np.linalg.norm(value)) > _LEAST * size
    return (float(a), float(b)) if a > 0 and felt and gap <= _SAME * size else None


def _clipped(
    found: Sequence[Sequence[_Way]],
    steps: Sequence[_Fits | None],
    last: Sequence[tuple[int | None, _Fits]],
    *,
    rate: float,
    decay: float,
) -> Rule:
    """The rule of steps that are shorter than the rate times what they are made from."""
    scales, unclipped = [], []
    for ways, fits, (node_id, before) in zip(found, steps, last):
        scales += [a * (rate if fits is None else 1.0) for a, _ in fits or before]
        unclipped.append(_unclipped(ways, node_id if fits is None else None, rate))
    points = min(len(ways) for ways in found)
    lengths = [
        float(np.sqrt(sum(_square(ways[point].step) for ways in found))) for point in range(points)
    ]
    wholes = [float(np.sqrt(sum(squares))) for squares in zip(*unclipped)]
    shares = [one / other for one, other in zip(lengths, wholes) if other > 0]
    scale = _common(scales)
    if not shares or scale is None or not np.median(shares) < _SHORT:
        return Rule(decay=decay)
    return Rule(scale, decay, float(np.median(lengths)) / rate)


def _unclipped(ways: Sequence[_Way], node_id: int | None, rate: float) -> list[float]:
    """Per point the square of a step's length, if nothing behind an expression had cut it."""
    if node_id is None:
        return [_square(way.step) for way in ways]
    return [_square(rate * np.ravel(way.between[node_id])) for way in ways]


def _square(vector: Array) -> float:
    return float(vector @ vector)


def _all(fits: Any) -> _Fits | None:
    """All of them; None where one is missing."""
    known = list(fits)
    return None if not known or any(item is None for item in known) else known


def _common(scales: Sequence[float]) -> float | None:
    """One number for several that are nearly alike; None where they differ."""
    if not scales or max(scales) > (1 + _STEADY) * min(scales):
        return None
    return float(np.median(scales))

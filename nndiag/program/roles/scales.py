"""Whether the parameters of a program share the factors between their steps and derivatives."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.parameters import Parameter
from nndiag.program.roles.status import Status

_STEADY = 1e-4  # how much a factor may differ from point to point
_SAME = 1e-3  # how near to the scale that is given a gradient must be
_RATE_STEADY = 1e-2  # a learning rate may decay from iteration to iteration


def share_scales(found: Sequence[Comparison]) -> None:
    """Marks the parameters whose steps are another multiple of the gradient than the others' are.

    Steps may differ where only the last factor on the way does: a rate for each layer.
    """
    right = [item for item in found if item.status in (Status.RIGHT, Status.WRONG_SIGN)]
    right = [item for item in right if any(item.values(point) for point in item.points)]
    odd: dict[str, dict[int, float]] = {item.name: {} for item in right}
    for point in sorted({point for item in right for point in item.points}):
        there = [item for item in right if item.values(point)]
        for item, ratio in _odd_ones(there, point):
            odd[item.name][point] = ratio
    for item in right:
        ratios = odd[item.name]
        if len(ratios) * 2 > len(item.points) and item.status is Status.RIGHT:
            item.status = Status.WRONG_SCALE if _agree([*ratios.values()]) else Status.WRONG
            item.ratios = ratios
    if all(item.is_single for item in right):
        _hold_singles(right)
    else:
        _hold_to_others(right)


def _hold_to_others(right: Sequence[Comparison]) -> None:
    """A single number's factor stays from point to point where those of the others do.

    A clip, and a decay that the loss leaves out, change it; nothing is told beside them.
    """
    others = [item for item in right if not item.is_single]
    if any(share for item in others for shares in item.shares.values() for share in shares or ()):
        return
    for item in right:
        pairs = itertools.combinations(item.rates, 2)
        near = [(a, b) for a, b in pairs if item.iterations[a] == item.iterations[b]]
        steady = [
            (a, b)
            for a, b in near
            if all(a in o.rates and b in o.rates and _same(o.rates[a], o.rates[b]) for o in others)
        ]
        told = item.is_single and item.status is Status.RIGHT and not item.clips
        if told and any(not _agree([item.rates[a], item.rates[b]]) for a, b in steady):
            item.status = Status.WRONG


def _odd_ones(items: Sequence[Comparison], point: int) -> list[tuple[Comparison, float]]:
    """The parameters with another factor than most, with how many times too large it is."""
    if len(items) < 2:
        return []
    if all(point in item.rates for item in items):
        ends = {item.name: abs(item.rates[point]) for item in items}  # a sign is told elsewhere
        before = {item.name: _before_last(item, point) for item in items}
        found = _unlike(items, ends)
        if not found or not _unlike(items, before):
            return []
        exact = [item for item in items if _same(before[item.name], 1.0)]
        others = [ends[item.name] for item in items if item not in exact]
        alike = len(others) > len(exact) and all(_same(end, others[0]) for end in others)
        if exact and not alike:  # the derivative itself, times the rate
            rate = ends[exact[0].name]
            return [(i, ends[i.name] / rate) for i in items if not _same(ends[i.name], rate)]
        return found
    lengths = {len(_distinct(item, point)) for item in items}
    if len(lengths) == 1:
        return _unlike(items, {item.name: _distinct(item, point)[-1] for item in items})
    shared = _most_shared(items, point)
    return [
        (item, _ratio(item, items, shared, point))
        for item in items
        if shared is not None and not any(_same(value, shared) for value in item.values(point))
    ]


def _distinct(item: Comparison, point: int) -> list[float]:
    """The sizes of a parameter's factors in order, those that repeat once."""
    found: list[float] = []
    for value in item.telling(point):
        if not found or not _same(abs(value), found[-1]):
            found.append(abs(value))
    return found


def _before_last(item: Comparison, point: int) -> float:
    """The factor before the last one, which is the rate."""
    rate = abs(item.rates[point])
    earlier = [value for value in _distinct(item, point) if not _same(value, rate)]
    return earlier[-1] if earlier else rate


def _unlike(
    items: Sequence[Comparison], values: Mapping[str, float]
) -> list[tuple[Comparison, float]]:
    """The items whose value is not the one that most share."""
    weights = {
        value: sum(
            0.5 if item.is_single else 1.0 for item in items if _same(values[item.name], value)
        )
        for value in values.values()
    }
    best = max(weights.values())
    if best <= 0.5:
        return []
    shared = next(value for value in reversed(list(weights)) if weights[value] == best)
    return [
        (item, values[item.name] / shared) for item in items if not _same(values[item.name], shared)
    ]


def _agree(ratios: Sequence[float]) -> bool:
    return max(abs(ratio - ratios[0]) for ratio in ratios) <= _RATE_STEADY * abs(ratios[0])


def _hold_singles(right: Sequence[Comparison]) -> None:
    """Single numbers tell only by factors that stay the same from point to point."""
    for item in right:
        shared = {
            node_id
            for node_id in item.factors[item.points[0]]
            if _agree([table[node_id] for table in item.factors.values() if node_id in table])
        }
        rates = list(item.rates.values())
        if not shared and not (rates and _agree(rates)):
            item.status = Status.WRONG


def _most_shared(items: Sequence[Comparison], point: int) -> float | None:
    """The factor that most parameters have at a point, each counted by what it can tell."""
    counts: list[tuple[float, float]] = []
    for item in items:
        for value in item.values(point):
            having = [o for o in items if any(_same(value, other) for other in o.values(point))]
            counts.append((sum(0.5 if o.is_single else 1.0 for o in having), value))
    best = max((count for count, _ in counts), default=0.0)
    if best <= 1.0 and len(items) > 1:
        return None
    return next(value for count, value in reversed(counts) if count == best)


def _ratio(item: Comparison, items: Sequence[Comparison], shared: float, point: int) -> float:
    """How many times too large a step is."""
    for other in items:
        having = any(_same(value, shared) for value in other.values(point))
        if other is not item and having and point in item.rates and point in other.rates:
            return item.rates[point] / other.rates[point]
    return min(
        (value / shared for value in item.values(point)), key=lambda ratio: abs(np.log(abs(ratio)))
    )


def _same(first: float, second: float) -> bool:
    return abs(first - second) <= _STEADY * max(abs(first), abs(second))


def hold_singles_to(found: Sequence[Comparison], rate: float, sizes: Sequence[int]) -> None:
    """Marks single numbers whose step is a number of examples too large, or too small.

    Two single numbers have no majority: the one whose step is the rate times the derivative tells.

    Args:
        found: The comparisons with a loss that the program states.
        rate: The learning rate.
        sizes: How many examples there may be.
    """
    right = [item for item in found if item.status is Status.RIGHT and item.rates]
    exact = [i for i in right if all(_same(value, rate) for value in i.rates.values())]
    for item in right if exact else ():
        ratios = {point: value / rate for point, value in item.rates.items()}
        ratio = next(iter(ratios.values()))
        counted = any(_same(ratio, size) or _same(ratio * size, 1.0) for size in sizes)
        if item.is_single and counted and _agree([*ratios.values()]):
            item.status, item.ratios = Status.WRONG_SCALE, ratios


def hold_to_scale(
    found: Sequence[Comparison], parameters: Sequence[Parameter], scale: float
) -> None:
    """Marks the gradients that the user names and that are another multiple than they should be.

    Args:
        found: The comparisons with a loss that the program states.
        parameters: The parameters.
        scale: What a gradient is, over the derivative: 1 where no rate is given.
    """
    held = {item.name for item in parameters if item.is_held}
    for item in found:
        if item.name not in held or item.status not in (Status.RIGHT, Status.WRONG_SCALE):
            continue
        ratios = {point: rate / scale for point, rate in item.rates.items()}
        if not ratios:
            item.status = Status.WRONG
        elif any(abs(ratio - 1) > _SAME for ratio in ratios.values()):
            item.status = Status.WRONG_SCALE if _agree([*ratios.values()]) else Status.WRONG
            item.ratios = ratios
        else:
            item.status = Status.RIGHT

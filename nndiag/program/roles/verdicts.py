"""What is said of each parameter: is its update made of the loss's derivative, and all of it?

The chain of values that leads to an update is held against the derivative at several points. A
parameter is right where some value of the chain is the derivative times one factor, the same at all
points, and the step from an empty memory goes downhill by a rule that is known. Parameters share
their factors: one that has another is a multiple of what it should be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nndiag.program.roles.clipping import Clip, clip_in
from nndiag.program.roles.decay import decayed, parts_of
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.optimizers import Remembers, State, Update, update_of
from nndiag.program.roles.parameters import Chain, Parameter
from nndiag.program.roles.reading import Reading, has_signal
from nndiag.program.roles.status import Status

_STEADY = 1e-4  # how much a factor may differ from point to point
_RATE_STEADY = 1e-2  # a learning rate may decay from iteration to iteration


@dataclass(eq=False)
class Comparison:
    """One parameter at all points.

    Attributes:
        name: The parameter.
        shape: Its shape.
        status: What it comes to.
        factors: Per point: serial → factor of the values of its chain that are multiples of its
            derivative. A rate decays and batches differ in size, so that they change from point to
            point.
        update: How its step follows from the derivative at the first point that tells; None where
            no rule was recognised.
        shares: Per point: for each part of the parameter, the multiple of itself that its step has
            beside the derivative; None where neither step nor chain shows one.
        clips: Per point: the cut of the gradient's entries, where there is one.
        parts: Which of its entries belong together.
        rates: Per point: the step over the derivative, where they are parallel.
        ratio: For a wrong scale: how many times too large the step is.
        cosine: Between step and derivative, where it is worst.
        error: Distance of the scaled step from the derivative, relative, where it is worst.
        chain_error: Distance of the value taken for the gradient from the derivative, where it is
            worst.
        unmoved: How many entries no step moves though the loss feels them, at every point.
        zero: Whether its derivative is exactly zero at all points.
        by_residual: Whether the factor differs at each point.
    """

    name: str
    shape: tuple[int, ...]
    status: Status = Status.NO_SIGNAL
    factors: dict[int, dict[int, float]] = field(default_factory=dict)
    update: Update | None = None
    shares: dict[int, tuple[float, ...] | None] = field(default_factory=dict)
    clips: dict[int, Clip] = field(default_factory=dict)
    parts: tuple[np.ndarray, ...] = ()
    rates: dict[int, float] = field(default_factory=dict)
    ratio: float | None = None
    cosine: float | None = None
    error: float | None = None
    chain_error: float | None = None
    unmoved: int = 0
    zero: bool = False
    by_residual: bool = False

    @property
    def rate(self) -> float | None:
        """The step over the derivative at the first point that has one."""
        return next(iter(self.rates.values()), None)

    @property
    def points(self) -> list[int]:
        """The points at which the loss feels it."""
        return list(self.factors)

    def values(self, point: int) -> list[float]:
        """All factors that it has at a point."""
        own = [*self.factors.get(point, {}).values()]
        return [*own, self.rates[point]] if point in self.rates else own

    @property
    def is_single(self) -> bool:
        """Whether it is one number, which is a multiple of any other."""
        return int(np.prod(self.shape)) == 1


def compared(
    readings: Sequence[Reading], loss: Loss, *, states: Sequence[State] = ()
) -> list[Comparison]:
    """The comparison of each parameter with the derivative of a loss.

    Args:
        readings: The iteration at several points, the optimizer's memory empty.
        loss: The loss.
        states: The optimizer's memory.
    """
    squares = {item.parameter for item in states if item.remembers is not Remembers.FIRST}
    tables = [reading.derivatives(loss) for reading in readings]
    found = []
    for parameter in readings[0].parameters:
        rows = _rows(readings, tables, loss, parameter.name)
        adaptive = parameter.name in squares
        every = [table.get(parameter.name) for table in tables]
        found.append(_comparison(parameter, rows, every, adaptive=adaptive))
    _share_scales(found)
    return found


@dataclass(frozen=True, eq=False)
class _Row:
    """One parameter at one point where the loss feels it."""

    number: int
    reading: Reading
    parameter: Parameter
    derivative: np.ndarray

    @property
    def start(self) -> np.ndarray:
        whole = self.reading.iteration.values_at(self.parameter.heads)
        return whole[: whole.size // self.parameter.tensor.copies]


def _rows(
    readings: Sequence[Reading],
    tables: Sequence[Mapping[str, np.ndarray | None]],
    loss: Loss,
    name: str,
) -> list[_Row]:
    rows = []
    for number, (reading, table) in enumerate(zip(readings, tables)):
        parameter = next((item for item in reading.parameters if item.name == name), None)
        derivative = table.get(name)
        if parameter is None or derivative is None:
            continue
        if has_signal(reading, loss, derivative, parameter):
            rows.append(_Row(number, reading, parameter, derivative))
    return rows


def _comparison(
    parameter: Parameter,
    rows: Sequence[_Row],
    every: Sequence[np.ndarray | None],
    *,
    adaptive: bool,
) -> Comparison:
    found = Comparison(parameter.name, parameter.tensor.shape)
    if None in parameter.ends:
        found.status = Status.CHANGES_SHAPE
        return found
    if not rows:
        known = [item for item in every if item is not None and np.isfinite(item).all()]
        found.zero = bool(known) and not any(np.any(item) for item in known)
        found.status = Status.NO_SIGNAL if known else Status.UNKNOWN
        return found
    if not any(row.parameter.moves for row in rows):
        found.status = Status.NEVER_UPDATED
        return found
    _measure(found, rows)
    found.parts = parts_of(rows[0].reading.graph, rows[0].parameter)
    updates = [_compared_at(found, row, adaptive=adaptive) for row in rows]
    found.unmoved = _unmoved(rows)
    found.update = next((update for update in updates if update is not None), None)
    found.status = _status(found, updates)
    return found


def _compared_at(found: Comparison, row: _Row, *, adaptive: bool) -> Update | None:
    """Compares a parameter at one point: its chain, its step, a clip and a decay."""
    reading, parameter, gradient = row.reading, row.parameter, row.derivative
    chain = reading.chains[parameter.name]
    factors = chain.multiples(gradient, parameter.tensor.shape)
    found.factors[row.number] = factors
    _measure_chain(found, chain, row)
    clip = clip_in(reading.graph, chain, factors, gradient)
    if clip is not None:
        found.clips[row.number] = clip
        downhill = bool(parameter.step @ gradient > 0)
        update: Update | None = Update(power=1.0, downhill=downhill)
    else:
        update = update_of(parameter, gradient, row.start, parts=found.parts, adaptive=adaptive)
    found.shares[row.number] = _shares(found, row, update)
    if update is not None and update.rate is not None:
        found.rates[row.number] = update.rate
    return update


def _measure(found: Comparison, rows: Sequence[_Row]) -> None:
    for row in rows:
        step, derivative = row.parameter.step, row.derivative
        sizes = float(np.linalg.norm(step)) * float(np.linalg.norm(derivative))
        if not np.isfinite(sizes) or sizes == 0:
            continue
        cosine = float(step @ derivative) / sizes
        scale = float(step @ derivative) / float(derivative @ derivative)
        gap = float(np.linalg.norm(step - abs(scale) * derivative)) / float(np.linalg.norm(step))
        if found.cosine is None or cosine < found.cosine:
            found.cosine = cosine
        if found.error is None or gap > found.error:
            found.error = gap


def _unmoved(rows: Sequence[_Row]) -> int:
    """How many entries no step moves at any point, though the loss feels them."""
    felt = [
        np.abs(row.derivative) > 1e-6 * float(np.max(np.abs(row.derivative), initial=0.0))
        for row in rows
    ]
    sizes = {row.parameter.step.size for row in rows}
    if len(sizes) != 1 or not all(np.isfinite(row.parameter.step).all() for row in rows):
        return 0
    still = np.all([row.parameter.step == 0 for row in rows], axis=0)
    return int(np.sum(still & np.any(felt, axis=0)))


def _measure_chain(found: Comparison, chain: Chain, row: _Row) -> None:
    """How far the nearest value of a chain is from the derivative."""
    gaps = [
        float(np.linalg.norm(value - factor * row.derivative)) / float(np.linalg.norm(value))
        for serial, factor in found.factors[row.number].items()
        for value in [np.asarray(chain.vectors[serial], float).ravel()]
        if value.size == row.derivative.size
    ]
    if gaps and (found.chain_error is None or min(gaps) > found.chain_error):
        found.chain_error = min(gaps)


def _shares(found: Comparison, row: _Row, update: Update | None) -> tuple[float, ...] | None:
    """What a step has of the parameter itself: told by the step, or by what leads to it."""
    if update is not None and update.is_known and update.rate is not None:
        return update.shares
    if found.factors[row.number]:
        return (0.0,) * len(found.parts)
    ends = {end for end in row.parameter.ends if end is not None}
    chain = row.reading.chains[row.parameter.name]
    fits = [
        decayed(np.ravel(vector), row.derivative, row.start, found.parts)
        for serial, vector in chain.vectors.items()
        if not ends & set(chain.nodes[serial])
    ]
    return next((fit.shares for fit in reversed(fits) if fit is not None), None)


def _status(found: Comparison, updates: Sequence[Update | None]) -> Status:  # noqa: PLR0911 - one kind after the other
    known = [update for update in updates if update is not None]
    recognised = len(known) == len(updates) and all(update.is_known for update in known)
    traced = all(found.factors[p] or found.shares.get(p) is not None for p in found.points)
    if (
        not found.is_single
        and recognised
        and _varies([u.rate for u in known])
        and not _steady(found)
    ):
        found.by_residual = True
        return Status.WRONG
    if not traced and not recognised:
        return Status.WRONG
    if found.unmoved:
        return Status.NEVER_UPDATED
    downhill = sum(update.downhill for update in known)
    if known and 2 * downhill < len(known):
        return Status.WRONG_SIGN
    if known and downhill < len(known) and not traced:
        return Status.WRONG
    if not known and found.cosine is not None and found.cosine < 0:
        return Status.WRONG_SIGN
    return Status.RIGHT


def _steady(found: Comparison) -> bool:
    """Whether some value of the chain has about the same factor at all points."""
    tables = list(found.factors.values())
    return any(
        not _varies([table.get(serial) for table in tables])
        for serial in (tables[0] if tables else ())
        if all(serial in table for table in tables)
    )


def _varies(rates: Sequence[float | None]) -> bool:
    """Whether factors change their sign, or their size by more than a schedule does."""
    known = [rate for rate in rates if rate is not None]
    if len(known) < 2:
        return False
    return min(known) < 0 < max(known) or max(map(abs, known)) > 3 * min(map(abs, known))


def _share_scales(found: Sequence[Comparison]) -> None:
    """Marks the parameters whose steps are another multiple of the gradient than the others' are.

    Steps may differ where only the last factor on the way does: a rate for each layer.
    """
    right = [item for item in found if item.status in (Status.RIGHT, Status.WRONG_SIGN)]
    right = [item for item in right if any(item.values(point) for point in item.points)]
    odd: dict[str, list[float]] = {item.name: [] for item in right}
    for point in sorted({point for item in right for point in item.points}):
        there = [item for item in right if item.values(point)]
        for item, ratio in _odd_ones(there, point):
            odd[item.name].append(ratio)
    for item in right:
        ratios = odd[item.name]
        if len(ratios) * 2 > len(item.points) and item.status is Status.RIGHT:
            item.status = Status.WRONG_SCALE if _agree(ratios) else Status.WRONG
            item.ratio = ratios[0]
    if all(item.is_single for item in right):
        _hold_singles(right)


def _odd_ones(items: Sequence[Comparison], point: int) -> list[tuple[Comparison, float]]:
    """The parameters with another factor than most, with how many times too large it is."""
    if len(items) < 2:
        return []
    if all(point in item.rates for item in items):
        ends = {item.name: item.rates[point] for item in items}
        before = {item.name: _before_last(item, point) for item in items}
        found = _unlike(items, ends)
        if not found or not _unlike(items, before):
            return []
        exact = [item for item in items if _same(before[item.name], 1.0)]
        if exact:  # the derivative itself, times the rate
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
    for value in item.factors.get(point, {}).values():
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
            serial
            for serial in item.factors[item.points[0]]
            if _agree([table[serial] for table in item.factors.values() if serial in table])
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

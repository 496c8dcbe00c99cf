"""What is said of each parameter: is its update made of the loss's derivative, and all of it?

The chain of values that leads to an update is held against the derivative at several points. A
parameter is right where some value of the chain is the derivative times one factor, the same at all
points, and the step from an empty memory goes downhill by a rule that is known. Parameters share
their factors: one that has another is a multiple of what it should be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nndiag.program.roles.clipping import clip_in
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.decay import decayed, parts_of
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.optimizers import Remembers, State, Update, update_of
from nndiag.program.roles.parameters import Chain, Parameter
from nndiag.program.roles.reading import Reading, has_signal
from nndiag.program.roles.scales import share_scales
from nndiag.program.roles.status import Status

_PARALLEL = 1e-4  # how far a part of a step may be from the gradient's
_STEP = -1  # stands for the step itself beside the node_ids of a chain
_ROUNDED, _NEAR = 1e-7, 1e-2
_ENOUGH = 1.5  # entries for each number that is fitted to them
_ALIKE = 1e-3  # how much a factor may differ between points of one iteration


def compared(
    readings: Sequence[Reading], loss: Loss, *, states: Sequence[State] = ()
) -> list[Comparison]:
    """The comparison of each parameter with the derivative of a loss.

    Where the rate has come to 0, nothing moves, and a point tells nothing.

    Args:
        readings: The iteration at several points, the optimizer's memory empty.
        loss: The loss.
        states: The optimizer's memory.
    """
    squares = {item.parameter for item in states if item.remembers is not Remembers.FIRST}
    remembered = {item.parameter for item in states}
    tables = [reading.derivatives(loss) for reading in readings]
    moving = [any(item.moves for item in reading.parameters) for reading in readings]
    if any(moving):
        tables = [table if moves else {} for table, moves in zip(tables, moving)]
    found = []
    for parameter in readings[0].parameters:
        rows = _rows(readings, tables, loss, parameter.name)
        adaptive = parameter.name in squares
        every = [table.get(parameter.name) for table in tables]
        one = _comparison(parameter, rows, every, adaptive=adaptive)
        is_free = one.status is Status.RIGHT and parameter.name not in remembered
        if is_free and _goes_astray(one, rows):
            one.status, one.is_astray = Status.WRONG, True
            one.factors = {point: {} for point in one.factors}
        found.append(one)
    share_scales(found)
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
        return self.parameter.start(self.reading.iteration)


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
    if found.unmoved and all(_moves_rightly(row) for row in rows):
        found.status = Status.NEVER_UPDATED
    return found


def _moves_rightly(row: _Row) -> bool:
    """Whether the entries that a step moves, it moves along the gradient."""
    moved = row.parameter.step != 0
    if not np.any(moved):
        return False
    factor = factor_between(row.parameter.step[moved], row.derivative[moved], tolerance=_PARALLEL)
    return factor is not None and factor > 0


def _compared_at(found: Comparison, row: _Row, *, adaptive: bool) -> Update | None:
    """Compares a parameter at one point: its chain, its step, a clip and a decay."""
    reading, parameter, gradient = row.reading, row.parameter, row.derivative
    chain = reading.chains[parameter.name]
    factors = chain.multiples(gradient, parameter.tensor.shape)
    found.factors[row.number] = factors
    found.iterations[row.number] = reading.point.snapshot.iteration
    _measure_chain(found, chain, row)
    clip = clip_in(reading.graph, chain, [*factors, *_decayed(found, row)], gradient)
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


def _decayed(found: Comparison, row: _Row) -> list[int]:
    """The values on the way to an update that are the gradient with a decay."""
    ends = {end for end in row.parameter.ends if end is not None}
    chain = row.reading.chains[row.parameter.name]
    return [
        node_id
        for node_id, vector in chain.vectors.items()
        if not ends & set(chain.nodes[node_id])
        and decayed(np.ravel(vector), row.derivative, row.start, found.parts) is not None
    ]


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
        for node_id, factor in found.factors[row.number].items()
        for value in [np.asarray(chain.vectors[node_id], float).ravel()]
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
        for node_id, vector in chain.vectors.items()
        if not ends & set(chain.nodes[node_id])
    ]
    return next((fit.shares for fit in reversed(fits) if fit is not None), None)


def _status(  # noqa: PLR0911 - one kind after the other
    found: Comparison, updates: Sequence[Update | None]
) -> Status:
    known = [update for update in updates if update is not None]
    recognised = len(known) == len(updates) and all(update.is_known for update in known)
    traced = all(found.factors[p] or found.shares.get(p) is not None for p in found.points)
    if not found.is_single and (traced or recognised) and _follows_data(found):
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


def _goes_astray(found: Comparison, rows: Sequence[_Row]) -> bool:
    """Whether a step follows from the derivative by no rule that works entry by entry.

    What leads to it holds the derivative, but something behind that turns it into another array.
    Rules without a memory, known or not, give larger steps to larger entries, or add a decay.
    """
    unknown = found.update is None or not found.update.is_known
    if not unknown or found.clips or not rows:
        return False
    first = rows[0].reading.point.snapshot.iteration
    near = [row for row in rows if row.reading.point.snapshot.iteration == first]
    step, slope, start = (
        np.concatenate(parts)
        for parts in zip(*((row.parameter.step, row.derivative, row.start) for row in near))
    )
    moved = step != 0
    columns = np.column_stack([slope, np.sign(slope), start, np.sign(start)])[moved]
    step, slope = step[moved], slope[moved]
    if step.size <= _ENOUGH * columns.shape[1] or not np.isfinite(step).all():
        return False
    ordered = step[np.argsort(slope, kind="stable")]
    if np.all(np.diff(ordered) >= -_PARALLEL * np.max(np.abs(step))):
        return False
    rest = step - columns @ np.linalg.lstsq(columns, step, rcond=None)[0]
    return float(np.linalg.norm(rest)) > _NEAR * float(np.linalg.norm(step))


def _follows_data(found: Comparison) -> bool:
    """Whether all factors of a step differ between points of one iteration, or in sign.

    A schedule, or a batch's size, is the same at all of them: what differs is made of the data.
    Neither turns a step around from one iteration to another. Near zero the outputs are nearly the
    same at all points of an iteration; what differs there beyond rounding, and from iteration to
    iteration clearly, is made of the data, too.
    """
    tables = {
        point: {**factors, **({_STEP: found.rates[point]} if point in found.rates else {})}
        for point, factors in found.factors.items()
    }
    groups: dict[int, list[Mapping[int, float]]] = {}
    for point, table in tables.items():
        groups.setdefault(found.iterations[point], []).append(table)
    near, whole = [group for group in groups.values() if len(group) > 1], [*tables.values()]
    differ = any(_none_common(group, _agree) for group in near)
    slightly = bool(near) and all(_none_common(group, _are_same) for group in near)
    differ = differ or (slightly and _none_common(whole, _are_near))
    return differ or _none_common(whole, _have_one_sign)


def _none_common(
    tables: Sequence[Mapping[int, float]], alike: Callable[[Sequence[float]], bool]
) -> bool:
    """Whether some values have a factor at all points, and none has factors that are alike."""
    shared = set.intersection(*map(set, tables))
    return bool(shared) and not any(alike([table[key] for table in tables]) for key in shared)


def _agree(factors: Sequence[float], within: float = _ALIKE) -> bool:
    return max(factors) - min(factors) <= within * abs(factors[0])


def _are_same(factors: Sequence[float]) -> bool:
    return _agree(factors, _ROUNDED)


def _are_near(factors: Sequence[float]) -> bool:
    return _agree(factors, _NEAR)


def _have_one_sign(factors: Sequence[float]) -> bool:
    return min(factors) * max(factors) > 0

"""The judgement on one tensor: the check itself is questioned before the gradient is.

All errors are relative to the norm of the tensor, so that multiplying the loss by a constant
changes nothing. Where gradient and differences disagree, entries with a kink in reach are looked at
closer or left out, and the step is changed. Only a difference that stays the same over two steps,
and that no finer step refutes, is held against the gradient.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nndiag.arrays import FloatArray, IndexArray
from nndiag.gradients.alignment import alignment, relative_error
from nndiag.gradients.differences import CERTAIN, Central, Differences
from nndiag.gradients.verdict import Element, TensorCheck, Verdict

_STEADY = 0.1  # two steps that agree this much better than with the gradient prove it wrong
_BELIEVED = 1e-3  # rounding relative to the gradient up to which agreement within it counts
_GROSS = 2e-2  # relative error of which two steps are enough: no rounding, no truncation
_CLOSER, _WIDER = 1e-1, (1e1, 1e2)  # further steps, relative to the usual one
_FINER = (1e-4, 1e-3)  # where even the smallest of them is too wide, as with unscaled inputs
_WIDENS = 3.0  # times the growth of a gap that curvature makes
_SAMPLE = 8  # entries that the complex step is taken of
_SEED = 7  # of these entries: the same check gives the same result


@dataclass(frozen=True, eq=False)
class GradientClaim:
    """A gradient that is to be judged.

    Attributes:
        name: The tensor.
        shape: Its shape.
        gradient: Its gradient, flat, shape (size,).
        rounding: Absolute rounding error of the gradient itself, shape (size,).
        tolerance: Relative error up to which it is right.
    """

    name: str
    shape: tuple[int, ...]
    gradient: FloatArray
    rounding: FloatArray
    tolerance: float


@dataclass(frozen=True, eq=False)
class _Comparison:
    """Entries (n,) with the derivatives (n,) to believe, their noise, and what follows."""

    entries: IndexArray
    numeric: FloatArray
    noise: float
    verdict: Verdict


def judged(
    source: Differences,
    tensor: GradientClaim,
    entries: IndexArray,
    *,
    first: Central | None = None,
    covered: bool | None = None,
) -> TensorCheck:
    """The check of one tensor at some of its entries.

    Args:
        source: The differences of the loss.
        tensor: The gradient.
        entries: Flat indices, shape (n,).
        first: The differences there with the usual step, where they are known.
        covered: What was found of the other entries.
    """
    usual = source.central(tensor.name, entries) if first is None else first
    usual = _closer_where_doubtful(source, tensor, entries, usual)
    usable, usual = entries[~usual.kinks], usual.at(~usual.kinks)
    found = _compared(tensor, usable, usual)
    opinion = _second_opinion(source, tensor, usable, usual)
    if found.verdict is Verdict.WRONG:
        found = _questioned(source, tensor, usable, usual)
    checked, complex_error = len(found.entries), None
    if opinion is not None and opinion.verdict is not Verdict.NOISE:
        complex_error = opinion.error
        if not _agree(opinion.verdict, found.verdict):
            found = _Comparison(opinion.entries, opinion.exact, found.noise, opinion.verdict)
    return replace(
        _check_of(tensor, found),
        complex_error=complex_error,
        checked=checked,
        kinks=len(entries) - checked,
        covered=covered,
    )


def _closer_where_doubtful(
    source: Differences, tensor: GradientClaim, entries: IndexArray, usual: Central
) -> Central:
    """The differences, with a closer look at entries where kinks or disagreements are."""
    given = tensor.gradient[entries]
    scale = max(_norm(given), _norm(np.nan_to_num(usual.values)))
    bound = tensor.tolerance * scale / np.sqrt(max(len(entries), 1)) + usual.noise
    with np.errstate(invalid="ignore"):
        places = np.flatnonzero(usual.kinks | ~(np.abs(usual.values - given) <= bound))
    if not len(places):
        return usual
    closer = source.closer(tensor.name, entries[places], usual.at(places))
    values, noise = usual.values.copy(), usual.noise.copy()
    kinks, gaps = usual.kinks.copy(), usual.gaps.copy()
    values[places], noise[places] = closer.values, closer.noise
    explained = (closer.gaps > 0) & (np.abs(closer.values - given[places]) <= closer.gaps)
    kinks[places], gaps[places] = closer.kinks | explained, closer.gaps
    return Central(values, noise, kinks, gaps)


def _compared(tensor: GradientClaim, entries: IndexArray, found: Central) -> _Comparison:
    """The comparison at one step: WRONG stands for everything that has to be questioned."""
    given, noise = tensor.gradient[entries], _norm(found.noise)
    if not len(entries):
        verdict = Verdict.KINK
    elif not given.any() and not found.values.any():
        verdict = Verdict.ZERO
    else:
        apart, size = _norm(given - found.values), max(_norm(given), _norm(found.values))
        believed = noise if noise <= _BELIEVED * size else 0.0
        right = apart <= max(tensor.tolerance * size, believed)
        verdict = Verdict.CORRECT if right else Verdict.WRONG
    return _Comparison(entries, found.values, noise, verdict)


def _questioned(
    source: Differences, tensor: GradientClaim, entries: IndexArray, usual: Central
) -> _Comparison:
    """What other steps say, where the usual one disagrees with the gradient."""
    closer = source.central(tensor.name, entries, factor=_CLOSER)
    gross = _decided(tensor, entries, [closer, usual])
    if gross.verdict is Verdict.WRONG and _error(tensor, gross) > _GROSS:
        return gross
    closest = source.central(tensor.name, entries, factor=_CLOSER**2)
    rows = [closest, closer, usual]
    for factor in _WIDER:
        wider = source.central(tensor.name, entries, factor=factor)
        rows.append(_with_widened_gaps(wider, rows[-1]))
    found = _decided(tensor, entries, rows)
    if found.verdict is Verdict.NOISE and _norm(closest.noise) <= _STEADY * _norm(closest.values):
        finer = [source.central(tensor.name, entries, factor=factor) for factor in _FINER]
        found = _decided(tensor, entries, [*finer, *rows])
    return found


def _decided(tensor: GradientClaim, entries: IndexArray, rows: list[Central]) -> _Comparison:
    """What the differences with several steps, from small to large, say together.

    Larger steps reach more kinks, and one of them is enough to make two such steps agree: they are
    left out. A step that sees a difference, and is finer than those that agree on it, overrules
    them.
    """
    smooth = ~np.any([row.kinks for row in rows if row.factor <= 1], axis=0)
    entries, rows = entries[smooth], [row.at(smooth) for row in rows]
    if not len(entries):
        return _Comparison(entries, np.empty(0), 0.0, Verdict.KINK)
    rows = [row for row in rows if row.factor <= 1 or not row.kinks.any()]
    found = [_compared(tensor, entries, row) for row in rows]
    errors = [_error(tensor, one) for one in found]
    best = int(np.argmin(errors))
    if found[best].verdict is not Verdict.WRONG:
        return found[best]
    spreads = [relative_error(rows[i].values, rows[i + 1].values) for i in range(len(rows) - 1)]
    steady = int(np.argmin(spreads))
    apart = [_norm(tensor.gradient[entries] - row.values) for row in rows]
    refuted = any(apart[i] <= found[i].noise < apart[steady] for i in range(steady))
    clear = spreads[steady] <= _STEADY * errors[best] and apart[steady] > found[steady].noise
    if clear and not refuted:
        return found[steady]
    return replace(found[best], verdict=Verdict.NOISE)


def _with_widened_gaps(wider: Central, finer: Central) -> Central:
    """`wider` with a kink where the slopes to both sides part faster than curvature parts them."""
    growth = _WIDENS * wider.factor / finer.factor
    return replace(wider, kinks=wider.kinks | (wider.gaps > growth * (finer.gaps + finer.noise)))


@dataclass(frozen=True, eq=False)
class _Opinion:
    """What the complex step says of some entries (n,), with the derivatives (n,)."""

    verdict: Verdict
    error: float
    entries: IndexArray
    exact: FloatArray


def _second_opinion(
    source: Differences, tensor: GradientClaim, usable: IndexArray, usual: Central
) -> _Opinion | None:
    """What the complex step says, on a sample that has the worst entry."""
    if not len(usable):
        return None
    entries = usable
    if len(usable) > _SAMPLE:
        random = np.random.default_rng([_SEED, tensor.gradient.size])
        worst = usable[int(np.argmax(np.abs(tensor.gradient[usable] - usual.values)))]
        entries = np.union1d(random.choice(usable, _SAMPLE, replace=False), [worst])
    with np.errstate(all="ignore"):  # complex exponentials overflow earlier than real ones
        exact = source.exact(tensor.name, entries)
    if exact is None or not np.isfinite(exact).all():
        return None
    given = tensor.gradient[entries]
    error, verdict = relative_error(given, exact), Verdict.CORRECT
    if error > tensor.tolerance:
        certain = _norm(given - exact) > CERTAIN * _norm(tensor.rounding[entries])
        verdict = Verdict.WRONG if certain else Verdict.NOISE
    return _Opinion(verdict, error, entries, exact)


def _agree(one: Verdict, other: Verdict) -> bool:
    """Whether two verdicts say the same of a gradient: zero is a way of being right."""
    return one is other or {one, other} == {Verdict.CORRECT, Verdict.ZERO}


def _check_of(tensor: GradientClaim, found: _Comparison) -> TensorCheck:
    """The result of the comparison that decided."""
    given = tensor.gradient[found.entries]
    lie = alignment(given, found.numeric)
    size = max(_norm(given), _norm(found.numeric))
    return TensorCheck(
        tensor.name,
        tensor.shape,
        found.verdict,
        lie.relative_error,
        lie.cosine,
        lie.scale,
        lie.residual,
        noise=found.noise / size if size > 0 else 0.0,
        worst=worst_of(tensor.shape, found.entries, given, found.numeric),
        complex_error=None,
        checked=len(found.entries),
        kinks=0,
        entries=found.entries,
        gradient=given,
        numeric=found.numeric,
    )


def worst_of(
    shape: tuple[int, ...], entries: IndexArray, given: FloatArray, numeric: FloatArray
) -> Element | None:
    """The entry with the largest difference; None where there is none."""
    if not len(entries):
        return None
    place = int(np.argmax(np.abs(given - numeric)))
    index = np.unravel_index(int(entries[place]), shape)
    numbers = tuple(int(number) for number in index)
    return Element(numbers, float(given[place]), float(numeric[place]))


def _error(tensor: GradientClaim, found: _Comparison) -> float:
    return relative_error(tensor.gradient[found.entries], found.numeric)


def _norm(array: FloatArray) -> float:
    return float(np.linalg.norm(array))

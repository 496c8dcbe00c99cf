"""Tensors of which only a part is wrong: a bias kept among the weights, one row, one unit.

Entry by entry, the step over the gradient is the factor of right tensors, zero, its opposite, or
something else. Where no tensor is right as a whole, the factor is the one that most entries share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nndiag.program.gradients.judgement import Verdict
from nndiag.program.gradients.measurement import Measurement

_LEAST = 0.2  # of a tensor's entries that must be right for the rest to be a part of it
_SAME = 1e-3


@dataclass(frozen=True)
class Part:
    """The entries of a tensor that are wrong while the others are right.

    Attributes:
        verdict: What is wrong with them: never updated, wrong sign, wrong scale, or wrong.
        count: How many of the compared entries they are.
        compared: How many entries were compared.
        where: Where they stand, for messages.
        last: Whether they are the last of each row, where a bias is often kept.
    """

    verdict: Verdict
    count: int
    compared: int
    where: str
    last: bool


def wrong_part(measurement: Measurement, name: str) -> Part | None:
    """The wrong entries of one tensor; None where it is not just a part of it."""
    ratios = _ratios(measurement, name)
    if ratios is None:
        return None
    entries, table = ratios  # (entries,), (points, entries) in units of the right factor
    good = np.nanmax(np.abs(table - 1), axis=0) <= _SAME
    if good.mean() < _LEAST or good.all():
        return None
    bad = table[:, ~good]
    bad = bad[np.isfinite(bad)]
    row = _row(measurement, name)
    places = entries[~good]
    last = row > 1 and bool(np.all(places % row == row - 1))
    where = "the last entry" if last and places.size == 1 else _where(places, row, last)
    return Part(_verdict(bad), int((~good).sum()), good.size, where, last)


def _verdict(ratios: np.ndarray) -> Verdict:
    """What the ratios of the wrong entries have in common."""
    if np.all(ratios == 0):
        return Verdict.NEVER_UPDATED
    if np.all(np.abs(ratios + 1) <= _SAME):
        return Verdict.WRONG_SIGN
    if np.all(ratios > 0) and np.ptp(ratios) <= _SAME * np.max(ratios):
        return Verdict.WRONG_SCALE
    return Verdict.WRONG


def _where(places: np.ndarray, row: int, last: bool) -> str:
    if last:
        return "the last entry of each row"
    if row > 1 and np.unique(places // row).size == 1 and places.size > 1:
        return f"row {places[0] // row}"
    if row > 1 and np.unique(places % row).size == 1:
        return f"column {places[0] % row}"
    shown = ", ".join(str(place) for place in places[:4])
    return f"entries {shown}" + (" …" if places.size > 4 else "")


def _row(measurement: Measurement, name: str) -> int:
    """The length of a tensor's rows: of the lists that it is made of, or its last axis."""
    tensor = next(item for item in measurement.lab.tensors if item.name == name)
    if len(tensor.leaves) > 1:
        return tensor.size // len(tensor.leaves)
    return tensor.shape[-1] if len(tensor.shape) > 1 else tensor.size


def _ratios(measurement: Measurement, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Step over gradient at each entry and point, in units of the right factor.

    Returns:
        The entries, shape (entries,), and the ratios, shape (points, entries), NaN where a point
        does not compare an entry or its gradient is lost in rounding.
    """
    heard = [
        (number, factor)
        for number, fits in enumerate(measurement.fits)
        if fits[name].signal and (factor := _common(measurement, number))
    ]
    if not heard:
        return None
    compared = [measurement.entries[number][name] for number, _ in heard]
    entries = np.unique(np.concatenate(compared))
    table = np.full((len(heard), entries.size), np.nan)
    for row, (number, factor) in enumerate(heard):
        slopes = measurement.slopes[number].values[name]
        loud = np.abs(slopes) > 1e3 * measurement.slopes[number].noise
        chosen = compared[row][loud]
        step = measurement.steps[number][name][chosen]
        table[row, np.searchsorted(entries, chosen)] = step / slopes[loud] / factor
    known = np.isfinite(table).any(axis=0)
    return (entries[known], table[:, known]) if known.sum() > 1 else None


def _common(measurement: Measurement, number: int) -> float | None:
    """The factor of right tensors at a point, or else the one that most entries share."""
    fits = measurement.fits[number]
    reference = measurement.references[number]
    if reference and any(item.parallel and item.size > 1 for item in fits.values()):
        return reference
    ratios = []
    for name, item in fits.items():
        if item.signal:
            slopes = measurement.slopes[number].values[name]
            step = measurement.steps[number][name][measurement.entries[number][name]]
            ratios.append((step / np.where(slopes == 0, np.nan, slopes))[step != 0])
    every = np.concatenate(ratios) if ratios else np.array([])
    every = every[np.isfinite(every) & (every > 0)]
    if every.size < 2:
        return None
    counts = [int(np.sum(np.abs(every - value) <= _SAME * value)) for value in every]
    best = int(np.argmax(counts))
    return float(every[best]) if counts[best] > max(1, 0.2 * every.size) else None


__all__ = ["Part", "wrong_part"]

"""How good the step of an edited program is: at a few points, at all where it looks right."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

import numpy as np

from nndiag.program.execution.runner import StepFailedError, Variant
from nndiag.program.gradients.judgement import SAME, is_steady
from nndiag.program.gradients.laboratory import Laboratory
from nndiag.program.gradients.measurement import Measurement
from nndiag.program.gradients.slopes import fit


@dataclass(frozen=True)
class Score:
    """How good the step is: which tensors are right, and which are at least parallel.

    Attributes:
        right: Tensors that follow the gradient downhill with the wanted factor.
        parallel: Tensors that follow it but for a factor or sign.
        alike: Tensors that follow it downhill with one factor, whichever that is, throughout.
        factors: Tensor name → step over gradient at the first point.
    """

    right: frozenset[str]
    parallel: frozenset[str]
    alike: frozenset[str] = frozenset()
    factors: Mapping[str, float] = field(default_factory=dict)

    def changed(self, before: Score) -> frozenset[str]:
        """The right tensors whose step is another one than before."""
        return frozenset(
            name
            for name in self.right
            if name not in before.right
            or abs(self.factors[name] - before.factors[name]) > SAME * abs(self.factors[name])
        )

    @property
    def rank(self) -> tuple[int, int]:
        """Sorts scores."""
        return len(self.right), len(self.parallel)


_Fits = Mapping[str, Optional[tuple[bool, float]]]
"""By tensor: whether it is parallel, and its factor; None where the gradient cannot be heard."""


class Bench:
    """Scores edits of a program.

    The first point tells most edits apart; edits that are no better there are not tried at others.
    """

    def __init__(self, measurement: Measurement, target: float | None) -> None:
        self.lab: Laboratory = measurement.lab
        self.measurement = measurement
        self.target = target
        signals = [sum(item.signal for item in fits.values()) for fits in measurement.fits]
        heard = [number for number, count in enumerate(signals) if count == max(signals)]
        first = next((number for number in heard if self._is_wrong(number)), heard[0])
        same = [n for n in heard if n != first and self._iteration(n) == self._iteration(first)]
        moved = [n for n in heard if measurement.points[n].shifted] or heard
        self.numbers = list(dict.fromkeys([first, *same[:1], moved[-1]]))
        self.others = [n for n, count in enumerate(signals) if count and n not in self.numbers]
        self.names = [name for name, item in measurement.fits[first].items() if item.signal]

    def _is_wrong(self, number: int) -> bool:
        """Whether some tensor does not follow the loss at a point: its statements are looked at."""
        fits = self.measurement.fits[number].values()
        return any(item.signal and (not item.parallel or item.scale <= 0) for item in fits)

    def _iteration(self, number: int) -> int:
        return self.measurement.points[number].snapshot.iteration

    def score(self, edited: Mapping[int, ast.stmt], *, best: Score | None = None) -> Score | None:
        """The score of an edited program; None where it fails or is no better.

        Args:
            edited: Top-level statements that stand for the program's, by index.
            best: What must be beaten at the first point already.
        """
        try:
            needed = self.lab.step_instruments if self.lab.gradients else None
            variant = self.lab.runner.variant(needed, edited=edited)
            found: list[_Fits] = []
            for number in self.numbers:
                found.append(self._at(number, variant))
                score = self._joint(found)
                if best is not None and score.rank < best.rank and not self.whole(score.alike):
                    return None
            for number in self.others:
                if not self.whole(score.alike):
                    break
                found.append(self._at(number, variant))
                score = self._joint(found)
        except (StepFailedError, SyntaxError, ValueError):
            return None
        return score

    def whole(self, names: frozenset[str]) -> bool:
        """Whether some tensors are all that there are."""
        return len(names) == len(self.names)

    def _at(self, number: int, variant: Variant) -> _Fits:
        measurement = self.measurement
        step = self.lab.step(measurement.points[number], variant)
        slopes = measurement.slopes[number]
        scales: dict[str, tuple[bool, float] | None] = {}
        for name in self.names:
            if not measurement.fits[number][name].signal:
                scales[name] = None
                continue
            chosen = measurement.entries[number][name]
            found = fit(
                step[name][chosen],
                slopes.values[name],
                noise=slopes.noise,
                values=measurement.points[number].theta[name][chosen],
            )
            scales[name] = (found.parallel, found.scale)
        return scales

    def _joint(self, found: Sequence[_Fits]) -> Score:
        scales: dict[str, list[float]] = {}
        for name in self.names:
            heard = [point[name] for point in found]
            if all(item is None or item[0] for item in heard):
                scales[name] = [np.nan if item is None else item[1] for item in heard]
        wanted = self._largest_group(scales, self.target)
        alike = self._largest_group(scales, None, throughout=True)
        first = {name: item[1] for name, item in found[0].items() if item is not None}
        return Score(frozenset(wanted), frozenset(scales), frozenset(alike), first)

    def _largest_group(
        self,
        scales: Mapping[str, list[float]],
        target: float | None,
        *,
        throughout: bool = False,
    ) -> list[str]:
        """The tensors with one common, positive and steady factor.

        Args:
            scales: Tensor name → factor at each point.
            target: What the factor must be at the first point.
            throughout: Whether it must be the same at all iterations too.
        """
        best: list[str] = []
        for values in scales.values():
            known = [value for value in values if not np.isnan(value)]
            groups = [
                0 if throughout else self._iteration(number)
                for number, value in zip([*self.numbers, *self.others], values)
                if not np.isnan(value)
            ]
            if not known or min(known) <= 0 or not is_steady(known, groups):
                continue
            if target is not None and abs(known[0] - target) > 10 * SAME * target:
                continue
            group = [other for other, theirs in scales.items() if _same(theirs, values)]
            best = max(best, group, key=len)
        return best


def _same(first: Sequence[float], second: Sequence[float]) -> bool:
    """Whether factors are the same at all points where both are known."""
    pairs = zip(first, second)
    return all(abs(a - b) <= SAME * abs(b) for a, b in pairs if not np.isnan(a + b))


__all__ = ["Bench", "Score"]

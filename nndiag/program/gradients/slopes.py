"""Numeric gradients of one iteration's losses, and how a step compares with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nndiag.program.execution.numbers import Vector
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.gradients.candidates import Candidate
from nndiag.program.gradients.computed import Computed
from nndiag.program.gradients.laboratory import Laboratory, Point, Recording, Theta
from nndiag.program.loop.tensors import Tensor

STEP = float(np.finfo(float).eps ** (1 / 3))
"""Relative size of a change: balances rounding against curvature in central differences.

A program that rounds its numbers to less than double precision takes a larger one.
"""
TOLERANCE = 1e-5
"""Relative error up to which a gradient is right: right ones reach 1e-8, wrong ones 1e-3."""
_NOISE = 8.0  # rounding errors of a loss, in units of its last place
_KINK = 1e-3
_DOUBLE = float(np.finfo(float).eps)
_CHANGE = 1e-6  # of outputs, to see what their rounding does
_FEWEST = 5  # entries that two factors must explain


Entries = np.ndarray[tuple[int], np.dtype[np.intp]]
"""Which entries of a tensor, flat."""


@dataclass(frozen=True)
class Slopes:
    """The numeric gradient of one loss at one point, at some entries of each tensor.

    Attributes:
        values: By tensor name, shape (entries,).
        noise: Absolute error of one entry that rounding alone can make.
        loss: The loss there.
    """

    values: Theta
    noise: float
    loss: float


@dataclass(frozen=True)
class Fit:
    """How the step of one tensor compares with the numeric gradient.

    Attributes:
        cosine: Of the angle between both; 0 where one is zero.
        scale: Step over gradient, the factor that fits best.
        residual: What of the step is left over, relative to the step.
        signal: Whether the gradient stands out of the rounding noise.
        still: Whether the step is zero.
        noise: Relative error that rounding alone can make.
        size: How many entries were compared; one entry is always parallel.
        slope: Norm of the numeric gradient.
    """

    cosine: float
    scale: float
    residual: float
    signal: bool
    still: bool
    noise: float
    size: int = 0
    slope: float = 0.0

    @property
    def parallel(self) -> bool:
        """Whether step and gradient point the same way, or the very opposite one."""
        return self.signal and not self.still and self.residual <= TOLERANCE + self.noise


def entries_of(
    tensors: Iterable[Tensor], step: Mapping[str, Vector], most: int
) -> dict[str, Entries]:
    """The entries of each tensor at which the numeric gradient is formed: all, or a selection.

    Half of a selection are those that the step changes most, the others are drawn at random.
    """
    random = np.random.default_rng(11)
    chosen = {}
    for tensor in tensors:
        if tensor.size <= most:
            chosen[tensor.name] = np.arange(tensor.size)
            continue
        largest = np.argsort(-np.abs(step[tensor.name]), kind="stable")[: most // 2]
        drawn = random.choice(tensor.size, size=most - most // 2, replace=False)
        chosen[tensor.name] = np.unique(np.concatenate([largest, drawn]))
    return chosen


@dataclass(frozen=True, eq=False)
class Entry:
    """One number of one parameter, at one point.

    Attributes:
        point: Where.
        tensor: Name of the parameter.
        index: Which of its numbers.
    """

    point: Point
    tensor: str
    index: int

    @property
    def unit(self) -> float:
        """What a relative change is relative to: the number's size, but 1 at least."""
        return max(1.0, abs(float(self.point.theta[self.tensor][self.index])))

    def moved(self, change: float) -> Vector:
        """The parameter with this number changed, relative to its unit."""
        moved = self.point.theta[self.tensor].copy()
        moved[self.index] += change * self.unit
        return moved


class Differences:
    """Forms numeric gradients of several candidates for the loss at once."""

    def __init__(
        self, lab: Laboratory, candidates: Iterable[Candidate], computed: Computed
    ) -> None:
        self.lab = lab
        self.candidates = tuple(candidates)
        watched: frozenset[int] = frozenset().union(*(item.serials for item in self.candidates))
        self.instruments = replace(computed.instruments, probes=watched)
        self.variant = lab.runner.variant(self.instruments)
        self.step = float(lab.rounding ** (1 / 3))
        self._rounded = computed.rounded
        self._rounding = lab.runner.variant(
            replace(self.instruments, probes=watched | computed.rounded)
        )
        self._counts: dict[Point, dict[int, int]] = {}

    def losses(self, point: Point, theta: Theta | None = None) -> list[float]:
        """The value of each candidate; NaN where the iteration did not compute it.

        Raises:
            StepFailedError: The iteration failed.
        """
        if theta is None or point not in self._counts:
            recording = self.lab.record(point, self.variant, theta=theta)
            self._counts[point] = {key: len(items) for key, items in recording.values.items()}
        else:
            until = self._counts[point]
            recording = self.lab.record(point, self.variant, theta=theta, until=until)
        return [_number(candidate, recording) for candidate in self.candidates]

    def slopes(
        self,
        point: Point,
        entries: Mapping[str, Entries],
        *,
        size: float | None = None,
    ) -> list[Slopes]:
        """The numeric gradient of each candidate by central differences.

        Args:
            point: Where.
            entries: Which entries of each tensor.
            size: The change of a parameter, relative to max(1, |parameter|); the best where None.

        Raises:
            StepFailedError: An iteration failed.
        """
        size = self.step if size is None else size
        base = self.losses(point)
        values: list[Theta] = [{} for _ in self.candidates]
        for name, chosen in entries.items():
            columns = [self._slope(Entry(point, name, int(i)), size) for i in chosen]
            for number, found in enumerate(values):
                found[name] = np.array([column[number] for column in columns])
        sizes = self._magnitudes(point, base)
        return [
            Slopes(found, _NOISE * self.lab.rounding * rounded / size, loss)
            for found, loss, rounded in zip(values, base, sizes)
        ]

    def _magnitudes(self, point: Point, base: Sequence[float]) -> list[float]:
        """What the rounding of each loss is relative to: it, or what rounded outputs make of it.

        Behind a saturated output the loss is tiny, and its error is that of the output. Outputs
        are changed relative to their size, with signs drawn at random.
        """
        random = np.random.default_rng(5)

        def changed(value: Any) -> Any:
            signs = 1 + _CHANGE * np.where(random.random(np.shape(value)) < 0.5, -1.0, 1.0)
            return float(signs) if signs.ndim == 0 else signs

        try:
            flips = dict.fromkeys(self._rounded, changed)
            recording = self.lab.record(point, self._rounding, flipped=flips)
        except StepFailedError:
            return [abs(loss) for loss in base]
        moved = [_number(candidate, recording) for candidate in self.candidates]
        gaps = [abs(other - loss) / _CHANGE for other, loss in zip(moved, base)]
        return [float(np.fmax(abs(loss), gap)) for loss, gap in zip(base, gaps)]

    def _slope(self, entry: Entry, size: float) -> list[float]:
        (upper, ups), (lower, downs) = (
            (entry.moved(change)[entry.index], self._losses(entry, change))
            for change in (size, -size)
        )
        return [(up - down) / (upper - lower) for up, down in zip(ups, downs)]

    def along(self, point: Point, tensor: str, direction: Vector) -> float:
        """The slope of the first loss along a direction of one parameter.

        Args:
            point: Where.
            tensor: Name of the parameter.
            direction: Float array, shape (size,).
        """
        sides = []
        for change in (self.step, -self.step):
            moved = {**point.theta, tensor: point.theta[tensor] + change * direction}
            sides.append(self.losses(point, moved)[0])
        return (sides[0] - sides[1]) / (2 * self.step)

    def bends(self, entry: Entry, *, largest: float) -> bool:
        """Whether the first loss has a kink within one change of a parameter.

        Where it is smooth, a ten times smaller change gives the same central slope, and one-sided
        slopes that are ten times nearer to each other.

        Args:
            entry: Which number is changed.
            largest: The largest slope of the tensor, which errors are relative to.
        """
        middle = self.losses(entry.point)[0]
        central, gaps = [], []
        for size in (self.step, self.step / 10):
            sides = [(self._losses(entry, sign * size)[0] - middle) / size for sign in (1, -1)]
            central.append((sides[0] - sides[1]) / 2)
            gaps.append(abs(sides[0] + sides[1]))
        noise = 10 * _NOISE * self.lab.rounding * abs(middle) / self.step
        bound = _KINK * largest + noise
        bent = abs(central[0] - central[1]) > bound
        return bent or (gaps[1] > 0.5 * gaps[0] and gaps[1] > bound)

    def with_kinks(self, found: Fit, entries: Sequence[Entry]) -> Fit:
        """The fit, with the error that kinks of the first loss may make counted as noise.

        A kink within the change of a parameter makes the central slope wrong by at most half of
        what the one-sided slopes are apart.

        Args:
            found: The fit of one tensor.
            entries: Its entries that were compared, at one point.
        """
        middle = self.losses(entries[0].point)[0]
        gaps = []
        for entry in entries:
            sides = [self._losses(entry, sign * self.step)[0] for sign in (1, -1)]
            gaps.append((sides[0] + sides[1] - 2 * middle) / (self.step * entry.unit))
        return replace(found, noise=found.noise + float(np.linalg.norm(gaps)) / found.slope)

    def _losses(self, entry: Entry, change: float) -> list[float]:
        moved = {**entry.point.theta, entry.tensor: entry.moved(change)}
        return self.losses(entry.point, moved)


def _number(candidate: Candidate, recording: Recording) -> float:
    value = candidate.value(recording)
    return float("nan") if value is None else value


def fit(step: Vector, slope: Vector, *, noise: float, values: Vector) -> Fit:
    """How a step compares with a numeric gradient, entry by entry.

    Args:
        step: What the iteration took off the parameter, shape (entries,).
        slope: The numeric gradient there, shape (entries,).
        noise: Absolute error of one entry of it.
        values: The parameter there, shape (entries,): a step is as exact as what it is taken off.
    """
    size, length = float(np.linalg.norm(slope)), float(np.linalg.norm(step))
    error = noise * float(np.sqrt(slope.size))
    signal = size > 10 * error and np.isfinite(size)
    if length == 0 or not signal or not np.isfinite(length):
        noisy = error / size if size else 0.0
        return Fit(0.0, 0.0, 1.0, bool(signal), length == 0, noisy, slope.size)
    inner = float(step @ slope)
    scale = inner / size**2
    left = float(np.linalg.norm(step - scale * slope)) / length
    rounded = _DOUBLE * float(np.linalg.norm(values)) / length
    noisy = error / size + rounded
    return Fit(inner / size / length, scale, left, True, False, noisy, slope.size, size)


def fit_with_decay(step: Vector, slope: Vector, *, noise: float, values: Vector) -> Fit | None:
    """The fit of a step that is a slope and a decay of the parameter together.

    None where a decay does not explain what is left over of the step, or would let it grow.

    Args:
        step: What the iteration took off the parameter, shape (entries,).
        slope: The numeric gradient there, shape (entries,).
        noise: Absolute error of one entry of it.
        values: The parameter there, shape (entries,).
    """
    if step.size < _FEWEST or not np.any(values):
        return None
    scale, decay = np.linalg.lstsq(np.stack([slope, values], axis=1), step, rcond=None)[0]
    found = fit(step - decay * values, slope, noise=noise, values=values)
    return found if found.parallel and scale > 0 and decay > 0 else None

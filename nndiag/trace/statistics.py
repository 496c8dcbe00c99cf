"""Summaries of a trace for a person's eye: what the gradients of each layer did, how a loss ran."""

import math
from dataclasses import dataclass

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.trace.trace import Series, Trace

_HUNDREDTHS = 100

LONGEST_WINDOW = 20
"""Steps of mini-batches that are summarised by one number; a tenth of a shorter run."""

_CLASSES = (2, 3, 4, 5, 10, 26, 100, 1000)  # usual numbers of classes
_AT = 0.004  # relative distance of a loss from the logarithm of one of them

_RAN_OUT = 0.01  # share of its largest value at which a learning rate moves nothing any more; ours


@dataclass(frozen=True)
class LayerGradient:
    """The gradient norm of one layer, at three moments of a run.

    Attributes:
        layer: Name of the layer.
        first: At the first step, or the median of the first.
        middle: In the middle.
        end: At the last step, or the median of the last; the very last value where that is not
            finite.
        largest: The largest finite one; NaN where there is none.
    """

    layer: str
    first: float
    middle: float
    end: float
    largest: float

    @property
    def change(self) -> float:
        """End over first."""
        return ratio(self.end, self.first)


def layer_gradients(trace: Trace) -> tuple[LayerGradient, ...]:
    """The gradient norms of each layer, from the input side; empty where none were recorded.

    Full-batch gradients are those of single steps; others, which differ by chance, are medians.
    """
    series = trace.series.get("gradient_norm")
    if series is None or not len(series.steps):
        return ()
    values = series.values
    longest = 1 if trace.facts.exact_steps else LONGEST_WINDOW
    window = int(np.clip(len(values) // 10, 1, longest))
    start = (len(values) - window) // 2
    with np.errstate(all="ignore"):
        first = np.median(values[:window], axis=0)
        middle = np.median(values[start : start + window], axis=0)
        end = np.median(values[-window:], axis=0)
    end = np.where(np.isfinite(values[-1]), end, values[-1])
    finite = np.where(np.isfinite(values), values, -np.inf).max(axis=0)
    largest = np.where(finite >= 0, finite, np.nan)
    columns = np.stack([first, middle, end, largest], axis=1)  # (L, 4)
    return tuple(
        LayerGradient(layer, *map(float, row))
        for layer, row in zip(trace.layers, columns, strict=True)
    )


def ratio(numerator: float, denominator: float) -> float:
    """The quotient; NaN for 0/0 and inf for x/0."""
    with np.errstate(all="ignore"):
        return float(np.float64(numerator) / np.float64(denominator))


@dataclass(frozen=True)
class LossSummary:
    """A loss curve in four numbers.

    Attributes:
        initial: Before the first step.
        final: After the last update where that is known, else before the last step.
        best: The smallest finite one; NaN where there is none.
        best_step: The step at which it was seen.
    """

    initial: float
    final: float
    best: float
    best_step: int | None


def loss_curve(trace: Trace) -> Series:
    """The loss that tells how a run went.

    That of each step; for mini-batches, where it depends on the batch, the loss over all training
    examples at the steps at which it was measured.
    """
    measured = trace.series.get("training_loss")
    if trace.facts.exact_steps is False and measured is not None and len(measured.steps) > 1:
        return measured
    return Series(trace.step, trace.loss)


def loss_summary(trace: Trace) -> LossSummary:
    """How the loss began, ended and what was the best of it; NaN for a run without steps."""
    if not trace.steps:
        return LossSummary(np.nan, np.nan, np.nan, None)
    curve = loss_curve(trace)
    initial, last = float(curve.values[0]), float(trace.loss[-1])
    final = float(curve.values[-1]) if np.isfinite(last) else last
    if trace.ending is not None:
        final = trace.ending.loss
    finite = np.isfinite(curve.values)
    if not finite.any():
        return LossSummary(initial, final, np.nan, None)
    index = int(np.argmin(np.where(finite, curve.values, np.inf)))
    best, step = float(curve.values[index]), int(curve.steps[index])
    if np.isfinite(final) and final < best:
        best, step = final, int(trace.step[-1]) + 1
    return LossSummary(initial, final, best, step)


def log_profile(trace: Trace, *, columns: int) -> FloatArray:
    """The curve of log10(loss), drawn into a number of columns of equal width.

    Columns that span several steps show, in turn, the largest and the smallest of their losses, so
    that swings are seen; those of the run are shown wherever they are, and the first and the last
    column show start and end. For mini-batches, whose losses
    differ by chance, they show the mean. Longer than the run, the profile is interpolated. A loss
    that is not positive is shown at the smallest positive one.

    Args:
        trace: The run; it has a step.
        columns: Number of columns.

    Returns:
        Float array, shape (columns,); inf where a loss is not finite.
    """
    losses = np.where(np.isfinite(trace.loss), trace.loss, np.inf)
    usable = np.isfinite(losses) & (losses > 0)
    if not usable.any():
        return np.full(columns, np.inf)
    losses = np.maximum(losses, losses[usable].min())
    with np.errstate(all="ignore"):
        if len(losses) < columns:
            return _stretched(np.log10(losses), columns=columns)
        edges = np.linspace(0, len(losses), columns + 1).astype(np.int64)
        if trace.facts.exact_steps is False:
            peak = losses[usable].max()
            sums = np.add.reduceat(losses / peak, edges[:-1])
            return np.asarray(np.log10(sums / np.diff(edges)) + np.log10(peak))
        swings = np.maximum.reduceat(losses, edges[:-1])
        swings[1::2] = np.minimum.reduceat(losses, edges[:-1])[1::2]
        for extreme in (np.argmin(losses), np.argmax(np.where(np.isfinite(losses), losses, 0.0))):
            swings[np.searchsorted(edges, extreme, side="right") - 1] = losses[extreme]
        swings[[0, -1]] = losses[[0, -1]]
        return np.asarray(np.log10(swings))


def log_limits(trace: Trace) -> tuple[float, float] | None:
    """log10 of the smallest and the largest loss that is drawn, at any number of columns.

    For mini-batches, whose losses differ by chance, those of the means of hundredths of the run;
    None where no loss is finite and positive.
    """
    usable = trace.loss[np.isfinite(trace.loss) & (trace.loss > 0)]
    if not len(usable):
        return None
    logs = np.log10(usable)
    if trace.facts.exact_steps is False:
        means = log_profile(trace, columns=min(_HUNDREDTHS, trace.steps))
        logs = means[np.isfinite(means)] if np.isfinite(means).any() else logs
    return float(logs.min()), float(logs.max())


def _stretched(logs: FloatArray, *, columns: int) -> FloatArray:
    """Interpolated between neighbours; inf where the nearest step's loss is not finite."""
    places = np.linspace(0, len(logs) - 1, columns)
    finite = np.isfinite(logs)
    known = np.interp(places, np.flatnonzero(finite), logs[finite])
    known[~finite[np.round(places).astype(np.int64)]] = np.inf
    return known


def rate_ran_out(trace: Trace) -> bool:
    """Whether the learning rate had fallen to next to nothing when the run ended."""
    rates = trace.series.get("learning_rate")
    if rates is None or not np.isfinite(rates.values).all():
        return False
    return bool(rates.values[-1] <= _RAN_OUT * rates.values.max())


def guessed_classes(trace: Trace) -> int | None:
    """The number of classes, of the usual ones, whose equal shares cost what a run ends with.

    Args:
        trace: A run. Its loss is the mean of the last quarter of the steps.

    Returns:
        k where that is within 0.4 % of ln k, the cross-entropy of giving each of k classes 1/k.
    """
    level = float(np.mean(trace.loss[-max(1, trace.length // 4) :]))
    return next((k for k in _CLASSES if abs(level / math.log(k) - 1) <= _AT), None)

"""The loss curve of a run, read with its noise: levels, onset of growth, what more steps bring.

Everything is measured on the loss over all training examples where the trace has it; the loss of
single batches is too noisy to judge by. All numbers are on the scale of the loss, all decisions are
left to `course`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray
from nndiag.detectors.order import is_sorted
from nndiag.trace import Trace

_WINDOW = 0.15  # share of a time over which its level is taken
_FEWEST_EPOCHS = 16  # with fewer, the probes tell more than means over epochs
_WANDER = 0.25  # rise of a noisy loss, over its level, that is no blow-up to recover from
_MOST_ACCELERATION = 2.0  # linear decrease doubles what an octave brings; more is not believed


@dataclass(frozen=True, eq=False)
class Curve:
    """The loss over all training examples against time.

    Attributes:
        times: Number of the step from 1, increasing, shape (N,).
        losses: Loss before that step; all finite, shape (N,).
        non_finite: Whether the run's last loss was NaN or infinite.
        noisy: Whether steps saw batches, so that the last loss is partly chance.
    """

    times: FloatArray
    losses: FloatArray
    non_finite: bool
    noisy: bool = False

    @property
    def initial(self) -> float:
        """Loss before the first step; NaN where not even that is finite."""
        return float(self.losses[0]) if len(self.losses) else np.nan

    @property
    def final(self) -> float:
        """Loss at the end: infinite where it did not stay finite."""
        if self.non_finite or not len(self.losses):
            return np.inf
        return float(self.losses[-1])

    @property
    def settled(self) -> float:
        """Loss at the end without the chance of the last steps, which batches of few examples have.

        The level before the end; the last loss where steps see all examples.
        """
        if not self.noisy or not np.isfinite(self.final):
            return self.final
        return self.level(float(self.times[-1]))

    @property
    def best(self) -> float:
        """Smallest loss."""
        return float(self.losses.min()) if len(self.losses) else np.nan

    @property
    def peak(self) -> float:
        """Largest magnitude of the loss while it was finite."""
        return float(np.abs(self.losses).max()) if len(self.losses) else np.nan

    def level(self, time: float) -> float:
        """Mean of the middle half of the losses shortly before a time.

        Neither spikes nor swings between two values move it. Interpolated where nothing was
        recorded there.
        """
        first = np.searchsorted(self.times, (1 - _WINDOW) * time, side="left")
        last = np.searchsorted(self.times, time, side="right")
        if first < last:
            window = np.sort(self.losses[first:last])
            cut = len(window) // 4
            return float(window[cut : len(window) - cut].mean())
        return float(np.interp(np.log(time), np.log(self.times), self.losses))

    def noise(self) -> float:
        """Standard deviation of the loss from point to point over the second half of the run.

        From the median of the second differences, so that a trend or a few jumps do not count.
        """
        tail = self.losses[self.times >= 0.5 * self.times[-1]]
        if len(tail) < 4:
            return 0.0
        bends = np.median(np.abs(np.diff(tail, n=2)))
        return float(1.4826 * bends / np.sqrt(6))  # a normal's median size; 1 + 4 + 1 noises

    def octave_drop(self) -> float:
        """By how much the loss fell over the second half of the run, noise taken off."""
        end = float(self.times[-1])
        if end < 2:
            return 0.0
        drop = self.level(end / 2) - self.level(end)
        return drop if drop > 2 * self._level_noise() else 0.0

    def expected_gain(self) -> float:
        """By how much the loss would fall if the run were made twice as long.

        The drop of the last octave of time, times the ratio of the last two: exact for a power
        law. A plateau that has just been left is underestimated. Where the weights wander, because
        steps see batches, a drop that only takes back the rise before it is none.
        """
        end = float(self.times[-1])
        last = self.octave_drop()
        if last <= 0 or end < 4:
            return last
        before = self.level(end / 4) - self.level(end / 2)
        if self.noisy and -_WANDER * abs(self.level(end / 2)) < before < 0:
            return max(last + before, 0.0)
        ratio = last / before if before > 0 else 1.0
        gain = last * min(ratio, _MOST_ACCELERATION)
        return min(gain, abs(float(self.losses[-1])))

    def _level_noise(self) -> float:
        """Standard deviation of the difference of two levels."""
        end = float(self.times[-1])
        points = np.count_nonzero(self.times >= (1 - _WINDOW) * end)
        return self.noise() * float(np.sqrt(2 / max(int(points), 1)))


@dataclass(frozen=True)
class Growth:
    """A stretch over which the loss blew up.

    Attributes:
        onset: Last step at which the loss was still at its usual level.
        step: Step at which the growth was evident.
        top: Largest finite magnitude of the loss.
        factor: Growth per step from the onset to half of the top; inf where one step overflowed.
    """

    onset: int
    step: int
    top: float
    factor: float


def loss_curve(trace: Trace) -> Curve:
    """The curve of a run, from the best record of it that the trace has.

    Full batches: the loss of every step. Mini-batches: its mean (or sum, as the loss is) over each
    epoch, or the loss over all training examples where there are few epochs, or where the batches
    are no samples of all examples, because these are sorted, or steps drop values or
    normalise by their batch.
    """
    steps, losses = _recorded(trace)
    first = int(trace.step[0]) if trace.steps else 0
    times = np.subtract(steps, first - 1.0, dtype=np.float64)
    last = float(losses[-1]) if len(losses) else np.nan
    if trace.ending is not None:
        last = trace.ending.loss
        end = float(trace.step[-1]) - first + 2 if trace.steps else 1.0
        times, losses = np.append(times, end), np.append(losses, last)
    non_finite = not np.isfinite(last) or bool(trace.steps and not np.isfinite(trace.loss[-1]))
    finite = np.isfinite(losses)
    if not finite.all():
        times, losses = times[finite], losses[finite]
    noisy = trace.facts.exact_steps is False
    return Curve(times, losses.astype(np.float64, copy=False), non_finite, noisy)


def _recorded(trace: Trace) -> tuple[NDArray[np.int64], FloatArray]:
    """Steps and losses of the curve, without the ending."""
    probed = trace.series.get("training_loss")
    if trace.facts.exact_steps is True or probed is None or not len(probed.steps):
        return trace.step, trace.loss
    epoch = steps_per_epoch(trace) if trace.facts.whole_steps else None
    epochs = trace.steps // epoch if epoch is not None else 0
    if epoch is None or epochs < _FEWEST_EPOCHS or is_sorted(trace):
        return probed.steps, probed.values
    summed = is_summed(trace)  # a batch has its part of the sum only
    blocks = trace.loss[: epochs * epoch].reshape(epochs, epoch)
    means = blocks.sum(axis=1) if summed else blocks.mean(axis=1)
    ends = trace.step[epoch - 1 : epochs * epoch : epoch]
    return np.append(probed.steps[:1], ends), np.append(probed.values[:1], means)


def growth(trace: Trace, *, reference: float, factor: float) -> Growth | None:
    """Where the loss rose beyond `factor` × `reference`; None where it never did.

    The onset is the last step at which the loss was within twice its smallest value so far. With
    mini-batches the losses are means over an epoch (at most a twentieth of the run), because a
    single batch may be hard or easy.
    """
    if not reference > 0:
        return None
    epoch = steps_per_epoch(trace) or 1
    scale = epoch if is_summed(trace) else 1
    sizes = _smoothed(np.abs(trace.loss) * scale, window=min(epoch, max(1, trace.steps // 20)))
    evident = np.flatnonzero(~(sizes < factor * reference))  # NaN counts
    if len(evident) == 0:
        return None
    start = int(evident[0])
    before = sizes[:start]
    onset = start
    if len(before):
        calm = before <= 2 * np.minimum.accumulate(before)
        onset = int(np.flatnonzero(calm)[-1])
    rise = np.where(np.isfinite(sizes), sizes, -np.inf)[onset:]
    top = float(rise.max())
    if not np.isfinite(top):
        return Growth(int(trace.step[onset]), int(trace.step[start]), top=np.inf, factor=np.inf)
    reached = onset + int(np.argmax(rise >= 0.5 * top))  # a plateau after it is no growth
    return Growth(
        onset=int(trace.step[onset]),
        step=int(trace.step[start]),
        top=top,
        factor=_factor_per_step(sizes, first=onset, last=reached),
    )


def _factor_per_step(sizes: FloatArray, *, first: int, last: int) -> float:
    """Geometric mean growth per recorded step from index `first` to index `last`."""
    if last <= first:
        return np.inf
    tiny = np.finfo(np.float64).tiny
    rise = np.log(np.maximum(sizes[last], tiny)) - np.log(np.maximum(sizes[first], tiny))
    return float(np.exp(rise / (last - first)))


def is_summed(trace: Trace) -> bool:
    """Whether the loss is a sum over the examples of a step."""
    return (trace.facts.reduction or "").endswith("sum")


def steps_per_epoch(trace: Trace) -> int | None:
    """Steps that see as many examples as there are; None where that is not known."""
    facts = trace.facts
    if facts.inputs is None or not facts.batch_size:
        return None
    return -(-len(facts.inputs) // facts.batch_size)


def _smoothed(sizes: FloatArray, *, window: int) -> FloatArray:
    """Mean of each value and those before it; infinite from the first that is not finite."""
    if window <= 1 or len(sizes) <= window:
        return sizes
    broken = np.flatnonzero(~np.isfinite(sizes))
    end = int(broken[0]) if len(broken) else len(sizes)
    sums = np.cumsum(np.concatenate([np.zeros(1), sizes[:end]]))
    starts = np.maximum(np.arange(1, end + 1) - window, 0)
    means = (sums[1:] - sums[starts]) / (np.arange(1, end + 1) - starts)
    return np.concatenate([means, np.full(len(sizes) - end, np.inf)])

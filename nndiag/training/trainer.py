"""Trains one network from its config and records the run."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nndiag.analysis.curvature import curvature_at, sharpness
from nndiag.analysis.reference_fit import bounded_seconds
from nndiag.arrays import FloatArray, IntArray
from nndiag.experiment.building import Built, stack_of
from nndiag.formatting import part_of
from nndiag.nn.losses import baseline
from nndiag.nn.network import Examples, examples, loss, predicted
from nndiag.nn.step_plan import Block
from nndiag.trace import Ending, Facts, Trace
from nndiag.trace.classes import classes_of, plane_of
from nndiag.trace.recorder import TraceRecorder
from nndiag.training.early_stopping import Patience
from nndiag.training.facts import facts_of
from nndiag.training.interruption import Interruption
from nndiag.training.probes import Probes, layer_norms
from nndiag.training.reference import END, reference_of
from nndiag.training.schedule import batches_of, probe_steps, total_steps

_BLOCK_WORK = 3e7  # work of a block between two looks at the clock: some 30 ms
_BLOCK_STEPS = 4_096
_SHARPNESS_EVERY = 5  # probes
_SHARPNESS_SECONDS = 0.02
_PROGRESS_SECONDS = 0.1
_UNCHANGED = 1e-8  # relative change of the loss between two probes that calls for a closer look
_NOTHING_LEFT = 1e-9  # Newton decrement over the loss of a network that has converged
_GOOD = 0.1  # loss over the mean baseline's of a run that needs no explanation
_ROUNDING = 1e-14  # share of the mean baseline's loss below which a loss is as good as zero


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: Steps taken.
        total: Steps asked for.
        loss: Loss of the last step's batch.
        learning_rate: Rate in force.
        seconds: Time since the first step.
    """

    step: int
    total: int
    loss: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What a run leaves behind.

    Attributes:
        trace: All that was recorded.
        parameters: The last parameters, shape (P,).
    """

    trace: Trace
    parameters: FloatArray


def train(
    built: Built,
    recorder: TraceRecorder | None = None,
    *,
    facts: Facts | None = None,
    progress: Callable[[Progress], None] | None = None,
    reference_seconds: float = 0.0,
    notice: Callable[[str], None] = lambda text: None,
) -> TrainingResult:
    """Train the network of a config to its end, to a value that is not finite, or to Ctrl-C.

    Args:
        built: The experiment, ready to train.
        recorder: Takes the record; one in memory by default.
        facts: What is known before the first step, as `facts_of` gives it; found by default.
        progress: Called about ten times a second.
        reference_seconds: Work to spend at most on the reference fit of a run that ended well above
            what a good one reaches, never more than a few times the run's own; 0 for none.
        notice: Told of the reference fit: at which of its starts it is.

    Returns:
        The trace, with its ending, and the last parameters.
    """
    if recorder is None:
        recorder = TraceRecorder(layers=built.layer_names)
    run = _Run(built, recorder, progress)
    recorder.record_facts(facts or facts_of(built))
    with Interruption() as interruption:
        reason = run.to_the_end(interruption)
    parameters = run.last
    ending = run.ending(reason)
    seconds = run.reference_seconds(ending, most=reference_seconds)
    if seconds > 0:
        ending = _with_reference(ending, built, parameters, seconds=seconds, notice=notice)
    recorder.record_ending(ending)
    return TrainingResult(recorder.trace(), parameters)


def _with_reference(
    ending: Ending,
    built: Built,
    parameters: FloatArray,
    *,
    seconds: float,
    notice: Callable[[str], None],
) -> Ending:
    started = time.monotonic()

    def told(done: int, total: int) -> None:
        so_far = part_of(done, total, seconds=time.monotonic() - started)
        notice(f"what this network can reach: starts {so_far}")

    fit = reference_of(built, parameters, seconds=seconds, told=told)
    return replace(ending, reference_loss=fit.loss, reference_loss_from_end=fit.losses.get(END))


class _Run:
    """One run in progress."""

    def __init__(
        self, built: Built, recorder: TraceRecorder, progress: Callable[[Progress], None] | None
    ) -> None:
        self._built, self._recorder, self._progress = built, recorder, progress
        inputs, targets = built.training
        self._batches = batches_of(built)
        self._total = total_steps(built)
        self._data = examples(built.shape, inputs, targets)
        self._stack = stack_of(built, steps=self._total)
        self._probes = Probes(
            built.shape,
            training=self._data,
            validation=self._validation(),
            exact=self._batches.full and not built.shape.drops,
        )
        held_out, asked = self._validation(), built.early_stopping
        self._patience: Patience | None = None
        if asked is not None and held_out is not None:
            self._patience = Patience(asked, built.shape, held_out)
        self._stopped = False
        self._baseline = baseline(built.shape.loss, self._data.targets)
        self._eigenvector: FloatArray | None = None
        self._rows = self._batches.rows(np.random.default_rng([built.seed, 2]))
        self._pending: IntArray | None = None
        self._started = self._reported = time.monotonic()
        self._last_loss = np.nan

    @property
    def parameters(self) -> FloatArray:
        """The parameters as they are now, shape (P,)."""
        parameters: FloatArray = self._stack.parameters[0]
        return parameters

    @property
    def last(self) -> FloatArray:
        """The parameters that the run leaves behind: the best where they are restored, (P,)."""
        restored = None if self._patience is None else self._patience.restored
        return self.parameters if restored is None else restored

    def to_the_end(self, interruption: Interruption) -> str:
        """Take all steps; the reason why it ended, as `Ending` names it."""
        for count, probe in enumerate(probe_steps(self._total)):
            if not self._steps_until(int(probe), interruption):
                return "interrupted" if interruption.requested else "non-finite"
            if self._stopped:
                return "stopped early"
            if not self._probe(with_sharpness=count % _SHARPNESS_EVERY == 0):
                return "non-finite"
            if self._built.stop_when_converged and self._nothing_left():
                return "converged"
        return "finished"

    def ending(self, reason: str) -> Ending:
        """What is measured at the last parameters."""
        built, parameters = self._built, self.last
        with np.errstate(all="ignore"):
            final = float(loss(built.shape, parameters, self._data))
            if not np.isfinite(final):
                return Ending(reason, final)
            predictions = predicted(built.shape, parameters, self._data).T
            held_out = self._validation()
            held_out_predictions = (
                None if held_out is None else predicted(built.shape, parameters, held_out).T
            )
        curvature = curvature_at(
            built.shape, parameters, self._data, weight_decay=built.optimizer.weight_decay
        )
        return Ending(
            reason,
            final,
            predictions,
            held_out_predictions,
            self._over_the_plane(parameters),
            newton_decrement=curvature.newton_decrement,
            smallest_eigenvalue=curvature.smallest,
            largest_eigenvalue=curvature.largest,
        )

    def _over_the_plane(self, parameters: FloatArray) -> FloatArray | None:
        """Predictions for the plane of two inputs, where the targets are classes, (G², O)."""
        inputs, targets = self._built.training
        shape = self._built.shape
        if shape.inputs != 2 or classes_of(targets, loss=shape.loss.name) is None:
            return None
        points = plane_of(inputs)
        data = examples(shape, points, np.zeros((len(points), shape.outputs)))
        with np.errstate(all="ignore"):
            found: FloatArray = predicted(shape, parameters, data).T
        return found

    def reference_seconds(self, ending: Ending, *, most: float) -> float:
        """Work that explains the run's end; 0 where its loss is as that of a good one."""
        finished = ending.reason in ("finished", "converged", "stopped early")
        if not (finished and ending.loss > _GOOD * abs(self._baseline)):
            return 0.0
        steps, batch = self._stack.step, self._batches.size
        return bounded_seconds(self._built.shape, steps=steps, batch=batch, most=most)

    def _steps_until(self, step: int, interruption: Interruption) -> bool:
        """Take steps up to `step`; whether all was finite and nobody interrupted."""
        while self._stack.step < step and not self._stopped:
            if interruption.requested:
                return False
            first = self._stack.step
            block = self._block(min(step - first, self._block_steps, self._epoch_left))
            if not self._record(first, block):
                return False
            self._look_at_validation()
            self._report()
        return not interruption.requested

    @property
    def _epoch_left(self) -> int:
        """Steps to the end of the epoch, where that matters."""
        epoch = self._batches.steps_per_epoch
        return self._total if self._patience is None else epoch - self._stack.step % epoch

    def _look_at_validation(self) -> None:
        """At the end of an epoch: whether it was one without progress too many."""
        if self._patience is None or self._stack.step % self._batches.steps_per_epoch:
            return
        with np.errstate(all="ignore"):
            self._stopped = self._patience.is_over(self.parameters)

    def _probe(self, *, with_sharpness: bool) -> bool:
        """Measure, take one step, and measure how far it went; whether all was finite."""
        step, before = self._stack.step, self.parameters
        with np.errstate(all="ignore"):
            measured = self._probes.measure(before)
        measured["learning_rate"] = self._built.optimizer.rate(step)
        if with_sharpness and not self._built.shape.normalises:
            found = sharpness(
                self._built.shape,
                before,
                self._data,
                weight_decay=self._built.optimizer.weight_decay,
                start=self._eigenvector,
                seconds=_SHARPNESS_SECONDS,
            )
            self._eigenvector = found.vector
            measured["sharpness"] = found.value
        block = self._block(1)
        with np.errstate(all="ignore"):
            moved = layer_norms(self._built.shape, self.parameters - before)
            measured["update_ratio"] = moved / np.asarray(measured["weight_norm"])
        self._recorder.record_probe(step, measured)
        finite = self._record(step, block)
        self._look_at_validation()
        return finite

    def _block(self, steps: int) -> Block:
        """At most `steps` steps; fewer where the batches of an epoch end."""
        if self._batches.full:
            return self._stack.run(steps=steps)
        if self._pending is None or not len(self._pending):
            self._pending = next(self._rows)
        rows, self._pending = self._pending[:steps], self._pending[steps:]
        return self._stack.run(rows=rows)

    def _record(self, first: int, block: Block) -> bool:
        """Record a block up to its first value that is not finite; whether there was none."""
        losses, norms = block.losses[:, 0], block.gradient_norms[:, 0]
        finite = np.isfinite(losses)
        count = len(losses) if finite.all() else int(np.argmin(finite)) + 1
        self._recorder.record_steps(np.arange(first, first + count), losses[:count], norms[:count])
        self._last_loss = float(losses[count - 1])
        return bool(finite.all())

    def _nothing_left(self) -> bool:
        """Whether the loss stands still and a Newton step could not lower it."""
        series = self._recorder.trace().series["training_loss"].values[-2:]
        zero = _ROUNDING * abs(self._baseline)
        if len(series) < 2 or abs(series[1] - series[0]) > _UNCHANGED * abs(series[0]) + zero:
            return False
        curvature = curvature_at(
            self._built.shape,
            self.parameters,
            self._data,
            weight_decay=self._built.optimizer.weight_decay,
        )
        left = curvature.newton_decrement
        return left is not None and left <= _NOTHING_LEFT * abs(series[1]) + zero

    def _report(self) -> None:
        now = time.monotonic()
        if self._progress is None or now - self._reported < _PROGRESS_SECONDS:
            return
        self._reported = now
        step = self._stack.step
        rate = self._built.optimizer.rate(step)
        self._progress(Progress(step, self._total, self._last_loss, rate, now - self._started))

    def _validation(self) -> Examples | None:
        if self._built.validation is None:
            return None
        return examples(self._built.shape, *self._built.validation)

    @property
    def _block_steps(self) -> int:
        """Steps between two looks at the clock; from the sizes alone, so that runs repeat."""
        shape, batch = self._built.shape, min(self._batches.size, self._batches.examples)
        work = 1e4 + batch * (shape.size + 5 * sum(shape.units))
        return int(np.clip(_BLOCK_WORK / work, 1, _BLOCK_STEPS))

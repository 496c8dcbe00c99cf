"""A recorder for a training loop of the user's own: three lines, cheap enough to leave in.

    recorder = nndiag.Recorder("runs/mine")
    for ...:
        recorder.step(loss, parameters={"W1": W1, ...}, gradients={"W1": dW1, ...})
    print(recorder.diagnose())

It writes the same trace as `nndiag train`, so that `nndiag diagnose runs/mine` judges it again. May
import `trace`, `nn`, `nested` and, when asked to diagnose, `diagnosis`.
"""

import math
import sys
import time
import warnings
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from nndiag.errors import ConfigError, Problem, RunError, UserCodeError
from nndiag.nested import FloatArray, Tensor, as_array, layers_of, tensor_at, tensors_of
from nndiag.trace import Ending, Facts, Trace, TraceWriter
from nndiag.trace import Recorder as TraceRecorder
from nndiag.trace.layout import ABSENT
from nndiag.trace.recorder import WRITE_INTERVAL
from nndiag.trace.run_folder import claim_folder, write_environment

if TYPE_CHECKING:
    from nndiag.results import RunResult

_FIRST_PROBES = 5
_PROBES_PER_DECADE = 12
_SAFE_SQUARES = (1e-280, 1e300)  # sums of squares outside have lost digits

Probe = dict[str, Any]


class Recorder:
    """Records a training loop, step by step, into a folder of its own.

    The norm of each layer's gradient is taken at every step; norms of the parameters and the size
    of an update relative to them are measured at steps spaced evenly in log(step). What is a layer
    is read from the container: see `nndiag.nested.layers_of`, or nest it: `{"hidden": [W1, b1]}`.

    What is known of the data makes the diagnosis sharper; all of it is optional. A program that is
    killed loses the last 0.2 seconds of its record at most.

    Args:
        folder: Where to record. An existing folder is left alone: `-2`, `-3` … is appended.
        inputs: Training inputs as the network sees them, shape (B, D) or (B,).
        targets: Training targets, shape (B, O) or (B,).
        loss: Name of the loss, as in a config: `nndiag list losses`.
        reduction: Its reduction, as in a config.
        baseline_loss: Loss of the best constant prediction; computed where `loss` and `targets`
            are given.
        batch_size: Examples per step; all of them by default where `inputs` are given.
        learning_rate: The learning rate of the start.
        total_steps: Number of steps that are meant to be taken.

    Raises:
        RunError: The folder cannot be written.
        NndiagError: What is told of the data does not fit together.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        inputs: Any = None,
        targets: Any = None,
        loss: str | None = None,
        reduction: Literal["mean", "sum", "half_mean", "half_sum"] = "mean",
        baseline_loss: float | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        total_steps: int | None = None,
    ) -> None:
        facts = Facts(
            inputs=None if inputs is None else _examples(inputs, "inputs"),
            targets=None if targets is None else _examples(targets, "targets"),
            loss=loss,
            reduction=None if loss is None else reduction,
            baseline_loss=baseline_loss,
            batch_size=batch_size,
            learning_rate=learning_rate,
            total_steps=total_steps,
        )
        facts = _completed(facts)
        self.folder = claim_folder(Path(folder))
        write_environment(self.folder, seed=None)
        self._loop = _Loop(self.folder, replace(facts, settings={"name": self.folder.name}))
        self._finalizer = weakref.finalize(self, _Loop.leave, self._loop)

    def step(
        self,
        loss: Any,
        *,
        parameters: Any = None,
        gradients: Any = None,
        learning_rate: float | None = None,
        training_loss: float | None = None,
        validation_loss: float | None = None,
    ) -> None:
        """Record one step.

        Args:
            loss: Loss of the step's batch, one number.
            parameters: Arrays, numbers, lists or dicts of them, nested.
            gradients: The gradients of the loss, in a container like that of the parameters.
            learning_rate: The rate in force, where it changes.
            training_loss: Loss over all training examples, where it was computed.
            validation_loss: Loss over held-out examples, where it was computed.

        Raises:
            UserCodeError: The loss is not one number, something is no tensor, or the containers
                have changed since the first step.
        """
        measured = {}
        if learning_rate is not None:
            measured["learning_rate"] = learning_rate
        if training_loss is not None:
            measured["training_loss"] = training_loss
        if validation_loss is not None:
            measured["validation_loss"] = validation_loss
        number = loss if isinstance(loss, float) else _one_number(loss)
        self._loop.step(number, parameters, gradients, measured)

    @property
    def steps(self) -> int:
        """Number of recorded steps."""
        return self._loop.count

    def trace(self) -> Trace:
        """All that was recorded until now, as if the loop ended here."""
        return self._loop.trace()

    def diagnose(self, **options: Any) -> "RunResult":
        """What is to be said about the run until now; recording may go on.

        Args:
            options: `thresholds`, `ignore` and `select`, as `nndiag.diagnose` takes them.

        Raises:
            RunError: No step was recorded.
            NndiagError: A threshold or problem does not exist.
        """
        from nndiag.results import judged  # noqa: PLC0415 (costs as much as the loop's own start)

        self._loop.flush()
        if not self.steps:
            raise RunError(
                Problem("no step was recorded", hint="call step(loss, …) in the training loop")
            )
        return judged(self.trace(), name=self.folder.name, run=self.folder, **options)

    def close(self) -> None:
        """Write what is left: the run is over. The end of a `with` or of the program does so."""
        self._loop.close("finished")

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.close("finished" if kind is None else "interrupted")

    def __repr__(self) -> str:
        return f"<Recorder {str(self.folder)!r}: {self.steps:,} steps>"


class _Loop:
    """The state of a recorder; it outlives it until the record is written."""

    def __init__(self, folder: Path, facts: Facts) -> None:
        self.count = 0
        self._folder, self._facts = folder, facts
        self._recorder: TraceRecorder | None = None
        self._gradients: _Layers | None = None
        self._parameters: _Layers | None = None
        self._pending: list[tuple[float, ...]] = []
        self._next_flush = 0.0
        self._next_probe = _probe_steps()
        self._probe_at = next(self._next_probe)
        self._before: tuple[int, list[list[FloatArray]]] | None = None
        self._closed = False
        self._warned = False

    def step(self, loss: float, parameters: Any, gradients: Any, measured: Probe) -> None:
        """Record one step."""
        if self._recorder is None:
            self._start(parameters, gradients)
        elif self._closed:
            raise UserCodeError(
                Problem("this recorder is closed", hint="make another Recorder for another run")
            )
        norms = self._gradients.norms(gradients) if self._gradients is not None else ()
        if self._before is not None or self.count == self._probe_at or measured:
            with np.errstate(all="ignore"):
                self._probe(parameters, measured)
        self._pending.append((self.count, loss, *norms))
        self.count += 1
        if time.monotonic() >= self._next_flush:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the disk."""
        if self._recorder is None:
            return
        if self._pending:
            rows = np.array(self._pending, dtype=np.float64)
            norms = rows[:, 2:] if self._gradients is not None else ABSENT
            self._recorder.record_steps(rows[:, 0], rows[:, 1], norms)
            self._pending.clear()
        self._recorder.flush()
        self._next_flush = time.monotonic() + WRITE_INTERVAL
        if self._recorder.sink_error is not None and not self._warned:
            self._warned = True
            problem = f"the run is no longer written to disk: {self._recorder.sink_error}"
            warnings.warn(problem, RuntimeWarning, stacklevel=4)

    def trace(self) -> Trace:
        """All that was recorded until now, with the ending that it would have."""
        self.flush()
        if self._recorder is None:
            return TraceRecorder(layers=()).trace()
        trace = self._recorder.trace(source=str(self._folder))
        return trace if self._closed else replace(trace, ending=self._ending(trace, "finished"))

    def close(self, reason: str) -> None:
        """Write the ending and let go of the files."""
        if self._closed or self._recorder is None:
            self._closed = self._closed or self._recorder is not None
            return
        self.flush()
        self._recorder.record_ending(self._ending(self._recorder.trace(), reason))
        self._recorder.close()
        self._closed = True

    def leave(self) -> None:
        """Close at the end of the program, which may be an error's."""
        failed = getattr(sys, "last_value", None) is not None and not hasattr(sys, "ps1")
        self.close("interrupted" if failed else "finished")

    def _start(self, parameters: Any, gradients: Any) -> None:
        """Find out what is a layer, and open the files."""
        grouped = [
            layers_of(tensors_of(value, what=what)) if value is not None else {}
            for value, what in ((parameters, "parameters"), (gradients, "gradients"))
        ]
        layers = _layers_in_common(*grouped)
        recorder = TraceRecorder(layers=layers, sink=TraceWriter(self._folder, layers=layers))
        recorder.record_facts(self._facts)
        if grouped[0]:
            self._parameters = _Layers(grouped[0], layers, "parameters")
        if grouped[1]:
            self._gradients = _Layers(grouped[1], layers, "gradients")
        self._recorder = recorder
        self._next_flush = time.monotonic() + WRITE_INTERVAL

    def _probe(self, parameters: Any, measured: Probe) -> None:
        """Measure the parameters where it is time to, and how far they went since."""
        recorder, layers = self._recorder, self._parameters
        assert recorder is not None
        wanted = self.count == self._probe_at
        arrays = None
        if layers is not None and parameters is not None and (wanted or self._before is not None):
            arrays = layers.arrays(parameters)
        if self._before is not None and arrays is not None:
            step, before = self._before
            recorder.record_probe(step, {"update_ratio": _update_ratios(before, arrays)})
        self._before = None
        if wanted:
            self._probe_at = next(self._next_probe)
        if wanted and arrays is not None:
            measured["weight_norm"] = [_norm(group) if group else np.nan for group in arrays]
            self._before = self.count, [[array.copy() for array in group] for group in arrays]
        if measured:
            recorder.record_probe(self.count, measured)

    def _ending(self, trace: Trace, reason: str) -> Ending:
        """The ending of a loop: its last loss, over an epoch where that is several steps."""
        last = float(trace.loss[-1])
        if not math.isfinite(last):
            return Ending("non-finite" if reason == "finished" else reason, last)
        facts = trace.facts
        if facts.full_batch is False and facts.inputs is not None:
            epoch = -(-len(facts.inputs) // (facts.batch_size or 1))
            summed = (facts.reduction or "").endswith("sum")
            last = float((np.sum if summed else np.mean)(trace.loss[-epoch:]))
        return Ending(reason, last)


class _Layers:
    """Reads the tensors of each layer out of a container, again and again."""

    def __init__(
        self, groups: dict[str, tuple[Tensor, ...]], layers: Sequence[str], what: str
    ) -> None:
        self._what = what
        self._paths = [[tensor.path for tensor in groups.get(layer, ())] for layer in layers]
        self._keys = [[path[0] if len(path) == 1 else None for path in one] for one in self._paths]
        self._flat = all(key is not None for one in self._keys for key in one)

    def norms(self, container: Any) -> list[float]:
        """The norm of each layer; NaN for a layer that has no tensors in here."""
        return [_norm(group) if group else math.nan for group in self.arrays(container)]

    def arrays(self, container: Any) -> list[list[FloatArray]]:
        """The tensors of each layer as arrays.

        Raises:
            UserCodeError: One is no longer there.
        """
        try:
            if self._flat:
                found = [[container[key] for key in keys] for keys in self._keys]
            else:
                found = [[tensor_at(container, path) for path in paths] for paths in self._paths]
            return [
                [x if type(x) is np.ndarray and x.dtype.kind == "f" else _array(x) for x in group]
                for group in found
            ]
        except (LookupError, TypeError, ValueError) as error:
            raise UserCodeError(
                Problem(
                    f"the {self._what} are not what they were at the first step",
                    got=f"{type(error).__name__}: {error}",
                    hint="give the same arrays, lists or dicts at every step",
                )
            ) from error


def _norm(arrays: Sequence[FloatArray]) -> float:
    """The Euclidean norm of some arrays together, also where squares would over- or underflow."""
    total = 0.0
    for array in arrays:
        total += float(np.vdot(array, array))
    if _SAFE_SQUARES[0] < total < _SAFE_SQUARES[1]:
        return math.sqrt(total)
    largest = max((float(np.max(np.abs(array), initial=0.0)) for array in arrays), default=0.0)
    if not 0 < largest < math.inf:
        return largest
    return largest * math.sqrt(
        sum(float(np.sum(np.square(array.astype(np.float64) / largest))) for array in arrays)
    )


def _update_ratios(before: list[list[FloatArray]], after: list[list[FloatArray]]) -> list[float]:
    """The norm of each layer's change over its norm; NaN where there is none."""
    ratios = []
    for old, new in zip(before, after, strict=True):
        size = _norm(old)
        same = all(a.shape == b.shape for a, b in zip(old, new, strict=True))
        moved = _norm([b - a for a, b in zip(old, new, strict=True)]) if same else math.nan
        ratios.append(moved / size if size > 0 else math.nan)
    return ratios


def _probe_steps() -> Iterator[int]:
    """The first few steps, then steps evenly spaced in log(step), without end."""
    yield from range(_FIRST_PROBES)
    last = _FIRST_PROBES - 1
    power = 0
    while True:
        power += 1
        step = round(10 ** (power / _PROBES_PER_DECADE))
        if step > last:
            last = step
            yield step


def _layers_in_common(parameters: dict[str, Any], gradients: dict[str, Any]) -> tuple[str, ...]:
    """The layers' names: those of the parameters, of which the gradients may have some."""
    if not parameters or not gradients:
        return tuple(parameters or gradients)
    if set(gradients) <= set(parameters):
        return tuple(parameters)
    raise UserCodeError(
        Problem(
            "the gradients belong to other layers than the parameters",
            got=f"gradients of {', '.join(gradients)}; parameters of {', '.join(parameters)}",
            hint="give both in containers of one form, such as {'W1': W1, …} and {'W1': dW1, …}",
        )
    )


def _one_number(loss: Any) -> float:
    """The loss as a float.

    Raises:
        UserCodeError: It is not one number.
    """
    try:
        array = as_array(loss)
    except (TypeError, ValueError):
        array = None
    if array is not None and array.size == 1:
        return float(array.reshape(()))
    got = type(loss).__name__ if array is None else f"an array of shape {array.shape}"
    raise UserCodeError(
        Problem("the loss is not one number", got=got, hint="reduce it: loss.mean() or loss.sum()")
    )


def _array(value: Any) -> FloatArray:
    """As an array; a gradient that was not computed is zero."""
    return np.zeros(1) if value is None else as_array(value)


def _examples(values: Any, what: str) -> FloatArray:
    """A copy of data as (B, columns)."""
    try:
        array = np.array(as_array(values))
    except (TypeError, ValueError) as error:
        raise UserCodeError(Problem(f"{what} are not numbers", got=str(error))) from error
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or not array.size:
        raise UserCodeError(
            Problem(f"{what} have not the shape (examples, columns)", got=str(array.shape))
        )
    return array


def _completed(facts: Facts) -> Facts:
    """With what follows from the data: batches of all examples, the best constant's loss."""
    inputs, targets = facts.inputs, facts.targets
    if inputs is not None and targets is not None and len(inputs) != len(targets):
        raise UserCodeError(
            Problem(
                "inputs and targets have not the same number of examples",
                got=f"{inputs.shape} and {targets.shape}",
                hint="examples are rows: transpose them",
            )
        )
    if inputs is not None and facts.batch_size is None:
        facts = replace(facts, batch_size=len(inputs))
    if facts.loss is None or targets is None or facts.baseline_loss is not None:
        return facts
    from nndiag.nn.losses import LOSSES, baseline  # noqa: PLC0415 (only where it is asked for)

    allowed = get_args(LOSSES.options(facts.loss)["reduction"].annotation)
    if facts.reduction not in allowed:
        problem = f"{facts.loss} has no such reduction"
        raise ConfigError(Problem(problem, got=repr(facts.reduction), allowed=", ".join(allowed)))
    function = LOSSES.get(facts.loss)(reduction=facts.reduction)
    return replace(facts, baseline_loss=float(baseline(function, targets.T)))

"""What a recorder has recorded: it outlives the recorder until it is written."""

import math
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.errors import Problem, UserCodeError
from nndiag.loop.layers import LayerReader, norm, update_ratios
from nndiag.pytree import layers_of, tensors_of
from nndiag.trace import Ending, Facts, Trace, TraceRecorder, TraceWriter
from nndiag.trace.layout import ABSENT
from nndiag.trace.recorder import WRITE_INTERVAL

_FIRST_PROBES = 5
_PROBES_PER_DECADE = 12

Probe = dict[str, Any]


class LoopRecord:
    """The state of a recorder; it outlives it until the record is written."""

    def __init__(self, folder: Path, facts: Facts) -> None:
        self.count = 0
        self._folder, self._facts = folder, facts
        self._recorder: TraceRecorder | None = None
        self._gradients: LayerReader | None = None
        self._parameters: LayerReader | None = None
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
            self._parameters = LayerReader(grouped[0], layers, "parameters")
        if grouped[1]:
            self._gradients = LayerReader(grouped[1], layers, "gradients")
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
            recorder.record_probe(step, {"update_ratio": update_ratios(before, arrays)})
        self._before = None
        if wanted:
            self._probe_at = next(self._next_probe)
        if wanted and arrays is not None:
            measured["weight_norm"] = [norm(group) if group else np.nan for group in arrays]
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

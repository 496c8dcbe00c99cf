"""Does it matter? The program trained as it is, and mended, from the same start."""

import contextlib
import math
import time
from dataclasses import dataclass

import numpy as np

from nndiag.errors import UserCodeError
from nndiag.user_code.execution.host import CellReader, Host, OutOfTime, StopProgram
from nndiag.user_code.gradients.laboratory import Recording
from nndiag.user_code.gradients.measurement import Measurement
from nndiag.user_code.text.instrument import Instruments
from nndiag.user_code.text.settings import CodeSettings

_MOST = 3000
_LEAST = 20
_CURED = 0.5
_FIRST = 10  # iterations whose losses make up the start


@dataclass(frozen=True)
class Matters:
    """Training with the program's step, and with the right one, from the same start.

    Attributes:
        iterations: How many iterations of both were compared.
        start: The loss at the start.
        program: The loss at the end with the program's step.
        right: The loss at the end with the right step.
        verdict: What that means, one sentence.
    """

    iterations: int
    start: float
    program: float
    right: float
    verdict: str


def losses(measurement: Measurement, settings: CodeSettings, *, seconds: float) -> list[float]:
    """The loss in each iteration of a program that is trained for a while.

    To be called inside a sandbox of its own.

    Args:
        measurement: The program as it was measured.
        settings: What the user says about it.
        seconds: How long to train.
    """
    host = Host(measurement.host.source, settings.functions)
    host.inject(measurement.watched.loop.key, measurement.said)
    found: list[float] = []
    recording = Recording()
    key = measurement.watched.loop.key
    until = time.perf_counter() + seconds

    def head(at: tuple[int, int], _cells: CellReader) -> None:
        nonlocal recording
        if at == key:
            value = measurement.loss.value(recording) if recording.values else None
            if value is not None:
                found.append(value)
            recording = Recording()
        if len(found) >= _MOST or time.perf_counter() > until:
            raise StopProgram

    def probe(serial: int, value: object) -> object:
        recording.add(serial, value)
        return value

    host.hooks.head, host.hooks.probe = head, probe
    host.hooks.deadline = until + 0.5
    instruments = Instruments(
        probes=measurement.loss.serials, forced=measurement.computed.instruments.forced
    )
    with contextlib.suppress(UserCodeError, OutOfTime):  # overflowing ends a training so
        host.run(instruments)
    return found


def comparison(program: list[float], right: list[float]) -> Matters | None:
    """What two trainings from the same start say; None where they are too short to tell.

    Args:
        program: Losses with the program's own step.
        right: Losses with the mended step.
    """
    length = min(len(program), len(right))
    if length < _LEAST and all(np.isfinite(program + right)):
        return None
    if length == 0:
        return None
    tail = max(1, length // 10)
    start = _mean(right[: min(tail, _FIRST)])
    ends = [_mean(item[length - tail : length]) for item in (program, right)]
    return Matters(length, start, ends[0], ends[1], _verdict(start, ends[0], ends[1]))


def _mean(values: list[float]) -> float:
    with np.errstate(all="ignore"):
        return float(np.mean(values))


def _verdict(start: float, program: float, right: float) -> str:
    if not math.isfinite(right) or right > start:
        return "mended, it does not train at this learning rate either: something else is wrong"
    if not math.isfinite(program) or program > start:
        return "this is why it does not train"
    if right < _CURED * program:
        return "this is why it trains badly"
    if program < _CURED * right:
        return "wrong, but it trains even better so on this stretch"
    return "wrong, but not why it fails: both train alike on this stretch"

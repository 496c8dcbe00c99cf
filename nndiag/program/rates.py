"""A program trained at other learning rates, in the child: measured once, then run many times."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.program.child.agent import Send
from nndiag.program.child.plain import from_plain
from nndiag.program.execution.sandbox import sandbox
from nndiag.program.gradients.measurement import Measurement
from nndiag.program.gradients.measuring import measure
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import read_source
from nndiag.program.training.scaled_runs import scaled_losses
from nndiag.program.training.trainable import Trainable


@dataclass
class _Measured:
    """The program that was measured last."""

    measurement: Measurement
    settings: CodeSettings


_last: list[_Measured] = []


def find_rate(request: Mapping[str, Any], _: Send) -> dict[str, Any]:
    """Measure a program, and tell its learning rate: its text and value, None where it is unclear.

    Raises:
        UserCodeError: The program cannot be run, or something in it cannot be found.
    """
    settings = from_plain(CodeSettings, request["settings"])
    assert settings.path is not None
    deadline = time.perf_counter() + request["seconds"]
    with sandbox(settings.path):
        measurement = measure(read_source(settings.path), settings, deadline=deadline)
    _last[:] = [_Measured(measurement, settings)]
    rate = measurement.rate
    return {"rate": None if rate is None else {"text": rate.text, "value": rate.value}}


def losses_at(request: Mapping[str, Any], _: Send) -> dict[str, Any]:
    """Train the program that was measured, with its rate multiplied by `factor`.

    The losses end early where it fails, or after so many `iterations` or `seconds`.
    """
    (last,) = _last
    found = scaled_losses(
        Trainable.of_measurement(last.measurement),
        last.settings,
        factor=request["factor"],
        iterations=request["iterations"],
        seconds=request["seconds"],
    )
    return {"losses": np.array(found, dtype=np.float64)}

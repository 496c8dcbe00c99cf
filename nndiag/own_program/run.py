"""A program run once: its gradient checked first, then one training, recorded and diagnosed."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nndiag.diagnosis import diagnose
from nndiag.finding import Diagnosis
from nndiag.own_program.mirror import Mirror, Told, mirror_of
from nndiag.own_program.record import layer_names, recorded
from nndiag.own_program.words import in_own_words, with_gradient
from nndiag.program import CodeSettings, ProgramCheck, check_program
from nndiag.program.running.task import watch
from nndiag.trace import Recorder, Trace

_CHECKING = 10.0  # seconds


@dataclass(frozen=True, eq=False)
class ProgramRun:
    """One training of a program, with what is said about it.

    Attributes:
        check: The check of its gradient.
        told: What was watched.
        mirror: Its network, where it is known.
        trace: Its record.
        diagnosis: What is said about it, in its own words.
    """

    check: ProgramCheck
    told: Told
    mirror: Mirror | None
    trace: Trace
    diagnosis: Diagnosis

    @property
    def parameters(self) -> Mapping[str, NDArray[np.float64]]:
        """The parameters at the end by name."""
        shapes = {name: shape for name, shape, _ in self.told["tensors"]}
        final = self.told["final"] or {}
        return {name: np.asarray(x).reshape(shapes[name]) for name, x in final.items()}


def run_program(
    settings: CodeSettings,
    *,
    recorder: Callable[[tuple[str, ...]], Recorder],
    steps: int | None = None,
    seconds: float | None = None,
    tell: Callable[[str], None] | None = None,
    thresholds: Mapping[str, Mapping[str, float]] | None = None,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
) -> ProgramRun:
    """Check a program's gradient, run it unedited to its own end, and say what is wrong with it.

    Args:
        settings: Which program, and what is what in it.
        recorder: Gives the recorder for layers of some names.
        steps: Steps after which it is stopped.
        seconds: Time after which its training is stopped.
        tell: Told what is being done.
        thresholds: As `diagnose` takes them.
        ignore: As `diagnose` takes them.
        select: As `diagnose` takes them.

    Raises:
        UserCodeError: It cannot be run, or its training loop or its loss cannot be found.
    """
    say = tell or (lambda _: None)
    check = check_program(settings, seconds=_CHECKING, progress=say)
    request: dict[str, Any] = {"settings": settings, "steps": steps, "seconds": seconds}

    def heard(kind: str, payload: Any) -> None:
        if kind == "step":
            say(f"step {payload[0]:,}, loss {payload[1]:.4g}")

    say("running the program")
    told = watch(request, heard)
    mirror = mirror_of(told)
    keeper = recorder(layer_names(told, mirror))
    try:
        trace = recorded(told, mirror, keeper)
    finally:
        keeper.close()
    found = diagnose(trace, thresholds=thresholds, ignore=ignore, select=select)
    found = in_own_words(found, source=check.source, told=told, mirror=mirror)
    return ProgramRun(check, told, mirror, trace, with_gradient(found, check, told))

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
from nndiag.program.child.plain import as_plain
from nndiag.program.child.process import ask
from nndiag.trace import Recorder, Trace

_CHECKING = 10.0  # seconds
_BESIDE = 60.0  # seconds for all that is not the training itself
_ENDLESS = 1e9


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
    python: str | None = None,
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
        python: The Python that runs it; the user's own by default.
        tell: Told what is being done.
        thresholds: As `diagnose` takes them.
        ignore: As `diagnose` takes them.
        select: As `diagnose` takes them.

    Raises:
        UserCodeError: It cannot be run, or its training loop or its loss cannot be found.
    """
    say = tell or (lambda _: None)
    check = check_program(settings, seconds=_CHECKING, python=python, progress=say)
    say("running the program")
    told = watched(settings, python=python, tell=say, steps=steps, seconds=seconds)
    mirror = mirror_of(told)
    keeper = recorder(layer_names(told, mirror))
    try:
        trace = recorded(told, mirror, keeper)
    finally:
        keeper.close()
    found = diagnose(trace, thresholds=thresholds, ignore=ignore, select=select)
    limit = trace.facts.stability_limit
    found = in_own_words(found, source=check.source, told=told, mirror=mirror, limit=limit)
    return ProgramRun(check, told, mirror, trace, with_gradient(found, check, told))


def watched(
    settings: CodeSettings,
    *,
    python: str | None = None,
    tell: Callable[[str], None] | None = None,
    seconds: float | None = None,
    **more: Any,
) -> Told:
    """What is seen of one training of a program, in a child of its own.

    Args:
        settings: Which program.
        python: The Python that runs it.
        tell: Told how far it is.
        seconds: Time after which its training is stopped.
        more: What else `program.running.task.watch` is asked for.

    Raises:
        UserCodeError: It cannot be run, or its training loop or its loss cannot be found.
    """

    def hear(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "step" and tell is not None:
            tell(f"step {data['step']:,}, loss {data['loss']:.4g}")

    request = {
        "program": str(settings.path),
        "settings": as_plain(settings),
        "seconds": seconds,
        **more,
    }
    limit = _ENDLESS if seconds is None else seconds + _BESIDE
    return ask("watch", request, python=python, seconds=limit, on_message=hear)

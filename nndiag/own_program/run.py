"""A program run once: its gradient checked first, then one training, recorded and diagnosed."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nndiag.diagnosis import diagnose
from nndiag.errors import UserCodeError
from nndiag.finding import Cause, Confidence, Diagnosis, Outcome, Skipped
from nndiag.own_program.beforehand import Beforehand, beforehand
from nndiag.own_program.facts import with_facts
from nndiag.own_program.mirror import Mirror, Told, mirror_of
from nndiag.own_program.record import layer_names, recorded
from nndiag.own_program.watching import watched
from nndiag.own_program.words import in_own_words, suggested, with_gradient
from nndiag.program import CodeSettings, ProgramCheck, check_program
from nndiag.program.text.source import Source, read_source
from nndiag.trace import Ending, Trace, TraceRecorder

_CHECKING = 10.0  # seconds


@dataclass(frozen=True, eq=False)
class ProgramRun:
    """One training of a program, with what is said about it.

    Attributes:
        source: The program.
        check: The check of its gradient; None where it could not be checked.
        told: What was watched; None where it cannot train at all.
        mirror: Its network, where it is known.
        trace: Its record.
        diagnosis: What is said about it, in its own words.
        beforehand: What is wrong before its training, where that is why it cannot train.
    """

    source: Source
    check: ProgramCheck | None
    told: Told | None
    mirror: Mirror | None
    trace: Trace
    diagnosis: Diagnosis
    beforehand: Beforehand | None = None

    @property
    def parameters(self) -> Mapping[str, NDArray[np.float64]]:
        """The parameters at the end by name."""
        told = self.told or {"tensors": (), "final": {}}
        shapes = {name: shape for name, shape, _ in told["tensors"]}
        return {name: np.asarray(x).reshape(shapes[name]) for name, x in told["final"].items()}


def run_program(
    settings: CodeSettings,
    *,
    recorder: Callable[[tuple[str, ...]], TraceRecorder],
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
    check, doubt = checked(settings, python=python, say=say)
    say("running the program")
    try:
        told = watched(settings, python=python, tell=say, steps=steps, seconds=seconds)
    except UserCodeError as error:
        before = beforehand(settings, python=python)
        if before is None:
            raise doubt or error from None
        return _without_training(before, recorder(()))
    if len(told["rows"]) and not np.isfinite(told["rows"][0, 0]):
        before = beforehand(settings, python=python)
        if before is not None:
            return _without_training(before, recorder(()))
    mirror = mirror_of(told)
    keeper = recorder(layer_names(told, mirror))
    try:
        trace = recorded(told, mirror, keeper)
    finally:
        keeper.close()
    found = diagnose(trace, thresholds=thresholds, ignore=ignore, select=select)
    limit = trace.facts.stability_limit
    source = read_source(_path(settings)) if check is None else check.source
    found = with_facts(found, told, source)
    found = in_own_words(found, source=source, told=told, mirror=mirror, limit=limit)
    if doubt is not None:
        skipped = Skipped("gradient", doubt.problems[0].message)
        found = replace(found, not_checked=(*found.not_checked, skipped))
    return ProgramRun(source, check, told, mirror, trace, with_gradient(found, check, told))


def checked(
    settings: CodeSettings, *, python: str | None, say: Callable[[str], None]
) -> tuple[ProgramCheck | None, UserCodeError | None]:
    """The check of a program's gradient; where there is none, why not.

    Args:
        settings: Which program.
        python: The Python that runs it.
        say: Told what is being done.
    """
    try:
        return check_program(settings, seconds=_CHECKING, python=python, progress=say), None
    except UserCodeError as error:
        return None, error


def _without_training(before: Beforehand, recorder: TraceRecorder) -> ProgramRun:
    """The run of a program whose numbers are wrong before its first step."""
    recorder.record_steps([0], [np.nan], np.empty((1, 0)))
    recorder.record_ending(Ending("non-finite", np.nan))
    recorder.close()
    finding = before.finding
    diagnosis = Diagnosis(
        outcome=Outcome.DIVERGED,
        cause=Cause(finding, Confidence.LIKELY, ()),
        findings=(finding,),
        not_checked=(),
        suggested=suggested(finding, before.source),
    )
    return ProgramRun(before.source, None, None, None, recorder.trace(), diagnosis, before)


def _path(settings: CodeSettings) -> Path:
    assert settings.path is not None
    return settings.path

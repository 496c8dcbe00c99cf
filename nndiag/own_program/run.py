"""A program run once: its gradient checked, then one training, recorded and diagnosed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nndiag.diagnosis import diagnose
from nndiag.errors import UserCodeError
from nndiag.finding import Cause, Confidence, Diagnosis, Outcome, Skipped
from nndiag.own_program.beforehand import Beforehand
from nndiag.own_program.mirror import Mirror, Told
from nndiag.own_program.program import Checked, Program
from nndiag.own_program.record import Recording
from nndiag.own_program.words import in_own_words, suggested, with_check
from nndiag.program import ProgramCheck
from nndiag.program.text.source import Source
from nndiag.trace import Ending, Facts, Trace, TraceRecorder

Keeper = Callable[[tuple[str, ...]], TraceRecorder]
"""Gives the recorder for layers of some names."""


def in_memory(layers: tuple[str, ...]) -> TraceRecorder:
    """A recorder that keeps nothing on disk."""
    return TraceRecorder(layers=layers)


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
        """The parameters at the end by name; flat where a parameter is no longer of its shape."""
        told = self.told or {"tensors": (), "final": {}}
        final = {name: np.asarray(numbers) for name, numbers in told["final"].items()}
        shapes = {name: shape for name, shape, _ in told["tensors"]}
        kept = {name for name, x in final.items() if x.size == math.prod(shapes[name])}
        return {n: x.reshape(shapes[n]) if n in kept else x for n, x in final.items()}


def run_program(
    program: Program,
    *,
    recorder: Keeper = in_memory,
    steps: int | None = None,
    seconds: float | None = None,
    **asked: Any,
) -> ProgramRun:
    """Check a program's gradient, run it unedited to its own end, and say what is wrong with it.

    Args:
        program: The program.
        recorder: Gives the recorder for layers of some names.
        steps: Steps after which it is stopped.
        seconds: Time after which its training is stopped.
        asked: As `diagnose` takes them: `thresholds`, `ignore`, `select`.

    Raises:
        UserCodeError: It cannot be run, or its training loop or its loss cannot be found.
    """
    known = program.checked()
    program.tell("running the program")
    live = Live(program, recorder)
    try:
        whole = steps is not None or seconds is not None
        told = program.watcher.watch(steps=steps, seconds=seconds, whole=whole, live=live.take)
    except UserCodeError as error:
        live.close()
        before = None if live.begun else program.beforehand()
        check = known.check
        if before is None and check is not None and check.loss.of_perceptron:
            return _only_checked(check, recorder(()))
        if before is None:
            raise known.doubt or error from None
        return _without_training(before, recorder(()))
    if not live.begun and not np.isfinite(told["rows"][:1, 0]).any():
        before = program.beforehand()
        if before is not None:
            return _without_training(before, recorder(()))
    return judged(program, told, live=live, known=known, **asked)


class Live:
    """The record of a run, which begins with its first loss that is known.

    Args:
        program: What is run.
        recorder: Gives the recorder for layers of some names.
    """

    def __init__(self, program: Program, recorder: Keeper = in_memory) -> None:
        self._program, self._keeper = program, recorder
        self.mirror: Mirror | None = None
        self._recorder: TraceRecorder | None = None
        self._recording: Recording | None = None

    @property
    def begun(self) -> bool:
        """Whether anything is recorded."""
        return self._recording is not None

    def take(self, told: Told) -> None:
        """Record what is new in all that was seen until now."""
        if self.begun or np.isfinite(told["rows"][:, 0]).any():
            self._begin(told).take(told)

    def ended(self, told: Told, *, reference: bool = True) -> Trace:
        """The whole record; arguments as for `Recording.ended`."""
        try:
            return self._begin(told).ended(told, reference=reference)
        finally:
            self.close()

    def _begin(self, told: Told) -> Recording:
        if self._recording is None:
            self.mirror = self._program.mirror(told)
            self._recorder = self._keeper(self._program.layers(told, self.mirror))
            self._recording = self._program.recording(told, self.mirror, self._recorder)
        return self._recording

    def close(self) -> None:
        """Write what is left."""
        if self._recorder is not None:
            self._recorder.close()


def judged(
    program: Program,
    told: Told,
    *,
    live: Live | None = None,
    known: Checked = Checked(),  # noqa: B008 (frozen)
    **asked: Any,
) -> ProgramRun:
    """What was watched of a run, with what is said about it.

    Args:
        program: The program.
        told: What was watched.
        live: What was recorded of it while it ran; by default it is recorded now, in memory.
        known: The check of its gradient.
        asked: As `diagnose` takes them.
    """
    live, told = live or Live(program), program.chosen(told)
    trace, mirror = live.ended(told), live.mirror
    source = program.source
    found = program.with_facts(diagnose(trace, **{**asked, **program.looked_at(told)}), told)
    found = in_own_words(
        found,
        source=source,
        told=told,
        mirror=mirror,
        limit=trace.facts.stability_limit,
        editor=program.editor(source, told),
    )
    if known.doubt is not None:
        skipped = Skipped("gradient", known.doubt.problems[0].message)
        found = replace(found, not_checked=(*found.not_checked, skipped))
    if told.get("again"):
        skipped = Skipped("later trainings", "the program trains again, from another start")
        found = replace(found, not_checked=(*found.not_checked, skipped))
    check = program.judged_check(known.check, told, found)
    return ProgramRun(
        source, check, told, mirror, trace, with_check(found, check, steps=trace.steps)
    )


def _only_checked(check: ProgramCheck, recorder: TraceRecorder) -> ProgramRun:
    """A perceptron, whose steps were checked: its run has no loss to follow."""
    why = "its output jumps, as a perceptron's does"
    recorder.record_facts(Facts(surrogate=why))
    recorder.record_steps([0], [np.nan], np.empty((1, 0)))
    recorder.record_ending(Ending("finished", np.nan))
    recorder.close()
    diagnosis = Diagnosis(Outcome.UNJUDGED, cause=None, findings=(), not_checked=())
    trace = recorder.trace()
    diagnosis = with_check(diagnosis, check, steps=trace.steps)
    return ProgramRun(check.source, check, None, None, trace, diagnosis)


def _without_training(before: Beforehand, recorder: TraceRecorder) -> ProgramRun:
    """The run of a program whose numbers are wrong before its first step."""
    recorder.record_steps([0], [np.nan], np.empty((1, 0)))
    finding = before.finding
    is_nan = finding.problem == "non-finite-values"  # else nothing moves
    recorder.record_ending(Ending("non-finite" if is_nan else "finished", np.nan))
    recorder.close()
    diagnosis = Diagnosis(
        outcome=Outcome.DIVERGED if is_nan else Outcome.STALLED,
        cause=Cause(finding, Confidence.LIKELY, ()),
        findings=(finding,),
        not_checked=(),
        suggested=suggested(finding, before.source),
    )
    return ProgramRun(before.source, None, None, None, recorder.trace(), diagnosis, before)

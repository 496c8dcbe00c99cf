"""A script run once: watched, its faults measured, recorded and diagnosed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nndiag.diagnosis import diagnose
from nndiag.errors import UserCodeError
from nndiag.finding import Cause, Confidence, Diagnosis, Finding, Outcome, Severity
from nndiag.own_program.mirror import Told, mirror_of
from nndiag.own_program.run import ProgramRun
from nndiag.own_program.words import in_own_words, suggested
from nndiag.program import CodeSettings, ProgramCheck
from nndiag.program.child.plain import as_plain
from nndiag.program.child.process import Child
from nndiag.program.text.source import Source, read_source
from nndiag.pytorch.checks import check_of
from nndiag.pytorch.edits import ScriptEditor
from nndiag.pytorch.record import layers_of, recorded
from nndiag.trace import TraceRecorder

_BESIDE = 120.0  # seconds for all that is not the training itself: torch's import is slow
_ENDLESS = 1e9
_CHECKED = 3  # steps


class Watcher:
    """Runs a script again and again in one child, in which torch stays imported.

    Args:
        settings: Which script.
        python: The Python that runs it; the user's own by default.
        tell: Told how far it is.
    """

    def __init__(
        self,
        settings: CodeSettings,
        *,
        python: str | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._settings, self._python = settings, python
        self._tell = tell or (lambda _: None)
        self._child: Child | None = None

    def watch(self, *, seconds: float | None = None, **more: Any) -> Told:
        """What is seen of one training; arguments as for `pytorch.watching.task.watch`.

        Raises:
            UserCodeError: It cannot be run, or makes no training step.
        """
        request = {
            "program": str(self._settings.path),
            "settings": as_plain(self._settings),
            "seconds": seconds,
            **more,
        }
        limit = _ENDLESS if seconds is None else seconds + _BESIDE
        if self._child is None:
            self._child = Child(python=self._python, on_message=self._hear)
        try:
            return self._child.ask("watch-script", request, seconds=limit)
        except UserCodeError:
            self.close()  # what it left behind must not be met by the next run
            raise

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hear(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind == "step":
            self._tell(f"step {data['step']:,}, loss {data['loss']:.4g}")


def run_script(
    settings: CodeSettings,
    *,
    recorder: Callable[[tuple[str, ...]], TraceRecorder],
    steps: int | None = None,
    seconds: float | None = None,
    python: str | None = None,
    tell: Callable[[str], None] | None = None,
    watcher: Watcher | None = None,
    **asked: Any,
) -> ProgramRun:
    """Run a script unedited to its own end, and say what is wrong with it.

    Args:
        settings: Which script.
        recorder: Gives the recorder for layers of some names.
        steps: Steps after which it is stopped.
        seconds: Time after which its training is stopped.
        python: The Python that runs it; the user's own by default.
        tell: Told what is being done.
        watcher: Runs it; one of its own by default.
        asked: As `diagnose` takes them: `thresholds`, `ignore`, `select`.

    Raises:
        UserCodeError: It cannot be run, or makes no training step.
    """
    assert settings.path is not None
    source = read_source(settings.path)
    if watcher is None:
        with Watcher(settings, python=python, tell=tell) as own:
            told = own.watch(steps=steps, seconds=seconds)
    else:
        told = watcher.watch(steps=steps, seconds=seconds)
    return judged(source, told, recorder=recorder, **asked)


def check_script(
    settings: CodeSettings,
    *,
    python: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> ProgramCheck:
    """Check whether the gradients of a script's first steps are those of its loss.

    Args:
        settings: Which script.
        python: The Python that runs it; the user's own by default.
        progress: Told what is being done.

    Raises:
        UserCodeError: It cannot be run, or makes no training step.
    """
    assert settings.path is not None
    source = read_source(settings.path)
    with Watcher(settings, python=python, tell=progress) as watcher:
        told = watcher.watch(steps=_CHECKED, check=True)
    return check_of(source, told, ScriptEditor(source, told), unwell=True)


def judged(
    source: Source,
    told: Told,
    *,
    recorder: Callable[[tuple[str, ...]], TraceRecorder],
    **asked: Any,
) -> ProgramRun:
    """What was watched, with what is said about it; arguments as for `run_script`."""
    editor = ScriptEditor(source, told)
    mirror = mirror_of(told) if told["stepped"] else None
    keeper = recorder(layers_of(told, mirror))
    try:
        trace = recorded(told, mirror, keeper)
    finally:
        keeper.close()
    found = diagnose(trace, **asked)
    limit = trace.facts.stability_limit
    found = in_own_words(found, source=source, told=told, mirror=mirror, limit=limit, editor=editor)
    check = check_of(source, told, editor, unwell=_is_unwell(found))
    return ProgramRun(source, check, told, mirror, trace, with_faults(found, check))


def _is_unwell(diagnosis: Diagnosis) -> bool:
    """Whether a run has anything that a fault may be the reason of."""
    ended_badly = diagnosis.outcome in (Outcome.DIVERGED, Outcome.STALLED, Outcome.FLAT)
    return ended_badly or any(x.severity is not Severity.NOTE for x in diagnosis.findings)


def with_faults(diagnosis: Diagnosis, check: ProgramCheck) -> Diagnosis:
    """The diagnosis with the faults that were measured: they come before what a run shows."""
    graver = [x for x in check.findings if x.severity is not Severity.NOTE]
    notes = tuple(x for x in check.findings if x.severity is Severity.NOTE)
    if not graver:
        return replace(diagnosis, findings=(*diagnosis.findings, *notes))
    first, *others = [_placed(x, check) for x in graver]
    found = [x for x in diagnosis.findings if x.severity is not Severity.NOTE]
    rest = [x for x in diagnosis.findings if x.severity is Severity.NOTE]
    return replace(
        diagnosis,
        cause=Cause(first, Confidence.LIKELY, tuple(found)),
        findings=(first, *others, *found, *rest, *notes),
        suggested=suggested(first, check.source),
    )


def _placed(finding: Finding, check: ProgramCheck) -> Finding:
    if not finding.line:
        return finding
    return replace(finding, message=f"{check.source.place(finding.line)}: {finding.message}")

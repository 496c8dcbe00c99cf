"""The check of a user's program: its file, understood, judged, put into words, and trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nndiag.errors import UserCodeError
from nndiag.finding import Finding, Severity
from nndiag.program.child.agent import Send
from nndiag.program.child.plain import as_plain, from_plain
from nndiag.program.execution import clock
from nndiag.program.execution.host import loop_place
from nndiag.program.execution.sandbox import sandbox
from nndiag.program.judging.judgement import Judgement
from nndiag.program.judging.notes import notes_of
from nndiag.program.judging.perceptron import judged_also_perceptrons
from nndiag.program.judging.report import Report
from nndiag.program.result import ProgramCheck
from nndiag.program.roles.limits import limits_told
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import read_source
from nndiag.program.training.evidence import TrainingEvidence, tried
from nndiag.program.training.trainable import Trainable

Progress = Callable[[str], None]


def answer(request: Mapping[str, Any], send: Send) -> Any:
    """Check a program, as a child is asked to; see `asking.check_program`."""
    settings = from_plain(CodeSettings, request["settings"])
    found = checked(settings, request["seconds"], lambda text: send("progress", {"text": text}))
    return as_plain(found)


def checked(settings: CodeSettings, seconds: float, tell: Progress) -> ProgramCheck:
    """The check of a program, in this process.

    Args:
        settings: Which program, and what is what in it.
        seconds: Time after which searches and experiments end.
        tell: Is told what is being done, one phrase at a time.

    Raises:
        UserCodeError: The program cannot be run, or something in it cannot be found.
    """
    started = clock.now()
    deadline = started + seconds
    judgement = _judged(settings, deadline, tell)
    report = Report(judgement)
    findings = report.findings()
    correct = not any(item.severity is Severity.ERROR for item in findings)
    trial = _trial(judgement, correct=correct, deadline=deadline, tell=tell)
    if correct and trial.matters is not None and trial.matters.is_why:
        correct, findings = False, [_as_error(item) for item in findings]
    return ProgramCheck(
        source=judgement.source,
        correct=correct,
        tensors=report.tensors(),
        findings=tuple(findings),
        loss=report.loss(),
        learning_rate=report.learning_rate(),
        loop=loop_place(judgement.found.watched.loop, judgement.source),
        functions=judgement.found.settings.functions,
        other_loops=report.other_loops(),
        repairs=report.repairs,
        fixed_text=None if judgement.fixed is None else judgement.fixed.text,
        points=tuple(reading.point.label for reading in judgement.found.readings),
        edits_tried=judgement.tried,
        matters=trial.matters,
        course=trial.course,
        notes=tuple(notes_of(judgement)),
        seconds=clock.now() - started,
    )


def _judged(settings: CodeSettings, deadline: float, tell: Progress) -> Judgement:
    """The judgement of a program.

    Raises:
        UserCodeError: It cannot be run, or too little of it is understood to say anything.
    """
    path = settings.path
    assert path is not None
    source = read_source(path)
    tell("running the program up to its training loop")
    with sandbox(path), limits_told(source):
        judgement = judged_also_perceptrons(source, settings, deadline=deadline, tell=tell)
    reason = judgement.undecided
    if reason is not None:
        raise UserCodeError(reason)
    return judgement


def _trial(
    judgement: Judgement, *, correct: bool, deadline: float, tell: Progress
) -> TrainingEvidence:
    """The program trained as it is, and mended; one that is right, at lower rates if need be."""
    program = Trainable.of_understanding(judgement.found, judgement.source)
    if program is None or judgement.is_perceptron:
        return TrainingEvidence()
    other, factor = None, 1.0
    if judgement.fixed is not None:
        other = replace(program, source=judgement.fixed)
    elif judgement.uniform is not None:
        other, factor = program, 1 / judgement.uniform.factor
    return tried(program, other, factor=factor, correct=correct, deadline=deadline, tell=tell)


def _as_error(finding: Finding) -> Finding:
    """What may be meant is an error where the program does not train because of it."""
    meant = finding.severity is not Severity.ERROR
    return replace(finding, severity=Severity.ERROR) if meant else finding

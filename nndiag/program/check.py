"""The check of a user's program, from its file to the findings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.finding import Finding, Severity
from nndiag.program.by_graph import checked_by_graph
from nndiag.program.child.agent import Send
from nndiag.program.child.plain import as_plain, from_plain
from nndiag.program.execution.host import loop_place
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.execution.sandbox import sandbox
from nndiag.program.findings import naming
from nndiag.program.findings.standing import broadcast_findings, standing_findings
from nndiag.program.findings.uniform import (
    FACTORS,
    Uniform,
    drifts,
    factor_finding,
    uniform_factor,
)
from nndiag.program.gradients.judgement import SAME, TensorCheck, Verdict, relative_error
from nndiag.program.gradients.measurement import Measurement
from nndiag.program.gradients.measuring import measure
from nndiag.program.gradients.preparation import NoLoopError
from nndiag.program.repair.budget import Budget
from nndiag.program.repair.loss_changes import loss_changing_repair
from nndiag.program.repair.search import Search, Texts, adopt, search
from nndiag.program.result import LossFound, ProgramCheck, RateFound, RepairStep
from nndiag.program.text.minimizers import with_minimized
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source, read_source
from nndiag.program.training.course import Course, course_of
from nndiag.program.training.matters import Matters, comparison
from nndiag.program.training.scaled_runs import scaled_losses
from nndiag.program.training.trainable import Trainable

Progress = Callable[[str], None]
_MOST_PROOFS = 4
_MOST_ITERATIONS = 3000  # of each training that tells whether a bug matters


def answer(request: Mapping[str, Any], send: Send) -> Any:
    """Check a program, as a child is asked to; see `asking.check_program`."""
    settings = from_plain(CodeSettings, request["settings"])
    found = checked(settings, request["seconds"], lambda text: send("progress", {"text": text}))
    return as_plain(found)


def checked(settings: CodeSettings, seconds: float, tell: Progress) -> ProgramCheck:
    """The check of a program, in this process.

    The graph of an iteration is asked first. What it proves holds: all parameters right, or a bug
    with the edit that mends it. Where it proves nothing, edits are searched.

    Args:
        settings: Which program, and what is what in it.
        seconds: Time after which searches and experiments end.
        tell: Is told what is being done, one phrase at a time.

    Raises:
        UserCodeError: The program cannot be run, or something in it cannot be found.
    """
    started = time.perf_counter()
    by_graph = checked_by_graph(settings, 0.5 * seconds, tell)
    if by_graph is not None and by_graph.is_proof:
        return by_graph.as_check(time.perf_counter() - started)
    left = max(0.3 * seconds, seconds - (time.perf_counter() - started))
    try:
        by_search = _searched(settings, left, tell)
    except UserCodeError:
        if by_graph is None or not by_graph.holds_alone:
            raise
        return by_graph.as_check(time.perf_counter() - started)
    if by_graph is not None and by_graph.holds_against(by_search):
        return by_graph.as_check(time.perf_counter() - started)
    return replace(by_search, seconds=time.perf_counter() - started)


def _searched(settings: CodeSettings, seconds: float, tell: Progress) -> ProgramCheck:
    """The check by comparing steps with differences of the loss, and by a search among edits."""
    path = settings.path
    assert path is not None
    started = time.perf_counter()
    source = read_source(path)
    budget = Budget(seconds)
    tell("running the program up to its training loop")
    try:
        with sandbox(path):
            measurement, settings = _first_measured(source, settings, budget)
            result = _Result(settings, source, measurement, budget, tell)
            result.judge()
    except StepFailedError as error:
        raise UserCodeError(
            Problem(
                f"{source.name}: one iteration of the training loop cannot be run by itself",
                got=str(error),
                hint="name the statements of one step under `code.functions`",
            )
        ) from error
    result.experiment()
    return result.as_check(time.perf_counter() - started)


def _first_measured(
    source: Source, settings: CodeSettings, budget: Budget
) -> tuple[Measurement, CodeSettings]:
    """The measured program, and the settings that hold: without a loop, what scipy is handed."""
    try:
        return measure(source, settings, deadline=budget.deadline), settings
    except NoLoopError:
        minimized = with_minimized(settings, source)
        if minimized is None:
            raise
    return measure(source, minimized, deadline=budget.deadline), minimized


class _Result:
    """Collects what is to be said about one measured program."""

    def __init__(
        self,
        settings: CodeSettings,
        source: Source,
        measurement: Measurement,
        budget: Budget,
        tell: Progress,
    ) -> None:
        self.settings = settings
        self.source = source
        self.measurement = measurement
        self.budget = budget
        self.tell = tell
        self.verdicts = measurement.verdicts
        self.references = measurement.references
        self.nodes = dict(measurement.lab.nodes)
        self.correct = measurement.is_right
        self.uniform: Uniform | None = None
        self.found: Search = Search(source)
        self.fixed: Measurement | None = None
        self.findings: list[Finding] = []
        self.matters: Matters | None = None
        self.course: Course | None = None
        self.notes = list(measurement.notes)

    def judge(self) -> None:
        """Names what is wrong, by repair where one is found."""
        measurement = self.measurement
        context = naming.Context.of(measurement, self.verdicts, self.references)
        self.uniform = uniform_factor(context) if self.correct else None
        tables = broadcast_findings(context, self.found)
        if tables and not self.correct:  # what follows from a table of differences tells nothing
            self.tell("searching the edit that mends it")
            if self._mend_forward():
                self.findings += naming.findings(context, self.found, proven=True)
        elif not self.correct:
            self.tell("searching the edit that mends it")
            self._search(context, target=naming.target(context))
            self.correct = self.conventions
        elif self.uniform is not None:
            self._search_factor(context, self.uniform)
        elif measurement.loss.own and measurement.rate is not None and drifts(measurement):
            self._search_steady(context, measurement.rate.value)
        standing = standing_findings(context, self.found, self.fixed)
        if self.fixed is None and any(item.problem == "mismatched-shapes" for item in standing):
            self._mend_forward()
        self.findings += standing
        self.findings.sort(key=lambda finding: finding.severity.rank)
        if any(finding.severity is Severity.ERROR for finding in self.findings):
            self.correct = False
        silent = all(verdict is Verdict.NO_SIGNAL for verdict in self.verdicts.values())
        if silent and not self.findings:
            raise UserCodeError(
                Problem(
                    "nothing can be compared: the loss does not change with any parameter beyond "
                    "its rounding noise, or only in steps",
                    got=measurement.loss.text,
                    hint="name another loss under `code.loss`",
                )
            )

    @property
    def conventions(self) -> bool:
        """Whether all that is wrong was found, and may be meant: a decay, a clip."""
        return self.fixed is not None and all(
            finding.problem in naming.MEANT for finding in self.findings
        )

    def _no_tensor_heard(self) -> bool:
        return not any(verdict is Verdict.RIGHT for verdict in self.verdicts.values())

    def _search(self, context: naming.Context, *, target: float | None) -> None:
        measurement = self.measurement
        if self._no_tensor_heard() and self._mend_forward():
            self.findings += naming.findings(context, self.found, proven=True)
            return
        rate = next((value for value in measurement.rates if value is not None), None)
        self._prove(target)
        if self.fixed is None and target is not None and rate not in (None, target):
            first = self.found
            self._prove(rate)
            self.found = first if self.fixed is None else self.found
        if self.fixed is None and not self._no_tensor_heard():
            self._mend_forward()
        self.findings += naming.findings(context, self.found, proven=self.fixed is not None)

    def _prove(
        self,
        target: float | None,
        *,
        strict: bool = False,
        only: frozenset[str] | None = None,
    ) -> None:
        """Searches edits, of some bugs only or of all, until the whole check passes with them."""
        failed: frozenset[Texts] = frozenset()
        for _ in range(_MOST_PROOFS):
            adopt(self.measurement, self.source)
            self.found = search(
                self.measurement,
                target=target,
                budget=self.budget.share(0.5),
                strict=strict,
                only=only,
                failed=failed,
            )
            if not self.found.repairs or not self.found.complete:
                return
            self.fixed = self._measured(self.found.source)
            if self.fixed is not None:
                return
            failed |= self.found.kept

    def _mend_forward(self) -> bool:
        """Tries the few edits of the forward pass; whether one mends the program."""
        mended = loss_changing_repair(
            self.source, self.measurement, self.nodes, self._measured, self.budget
        )
        if mended is not None:
            self.found, self.fixed = mended
        return mended is not None

    def _search_factor(self, context: naming.Context, uniform: Uniform) -> None:
        rate = self.measurement.rate
        if rate is not None and uniform.grave:
            self._prove(rate.value, strict=True, only=FACTORS)
        self.findings.append(factor_finding(context, uniform, self.found, self.fixed))

    def _search_steady(self, context: naming.Context, rate: float) -> None:
        """Whether an edit makes a factor steady that changes from iteration to iteration.

        A decaying learning rate is right, and no edit of the gradient makes its factor steady.
        """
        if self.measurement.examples > 1:
            return
        self._prove(rate)
        if self.fixed is None or drifts(self.fixed):
            self.found, self.fixed = Search(self.source), None
            return
        self.correct = False
        self.findings += naming.findings(context, self.found, proven=True)

    def _measured(self, source: Source) -> Measurement | None:
        """The check of the mended program, from its start; None where it does not pass."""
        try:
            measured = measure(source, self.settings, deadline=self.budget.deadline + 2.0)
        except UserCodeError:
            return None
        return measured if measured.is_right else None

    def experiment(self) -> None:
        """Trains the program as it is, and mended; one that is right, at lower rates if need be."""
        self.measurement.host.source = self.source  # without the edits of a search
        if self.correct and (self.uniform is not None or self.fixed is not None):
            self._try_conventions()
        if self.matters is not None:
            return
        if self.correct:
            self.tell("training it for a moment")
            seconds = max(0.1, min(0.3, self.budget.left / 10))
            self.course = course_of(
                Trainable.of_measurement(self.measurement), self.settings, seconds=seconds
            )
        if self.fixed is None or self.correct:
            return
        self.matters = self._matters()

    def _matters(self) -> Matters | None:
        """The program trained as it is, and mended or at the rate that its factor makes up for."""
        self.tell("training it as it is, and mended")
        left = max(0.3, min(1.0, self.budget.left / 3))
        factor = 1.0 if self.uniform is None else 1 / self.uniform.factor
        other = self.measurement if self.fixed is None or self.uniform is not None else self.fixed
        runs = [
            scaled_losses(
                Trainable.of_measurement(measurement),
                self.settings,
                iterations=_MOST_ITERATIONS,
                seconds=left,
                factor=scale,
            )
            for measurement, scale in ((self.measurement, 1.0), (other, factor))
        ]
        with np.errstate(all="ignore"):
            return comparison(*runs)

    def _try_conventions(self) -> None:
        """Makes an error of what may be meant where the program does not train because of it."""
        matters = self._matters()
        if matters is None or not matters.is_why:
            return
        self.matters, self.correct = matters, False
        meant = {*naming.MEANT, *FACTORS}
        self.findings = [
            replace(finding, severity=Severity.ERROR) if finding.problem in meant else finding
            for finding in self.findings
        ]
        self.findings.sort(key=lambda finding: finding.severity.rank)

    def as_check(self, seconds: float) -> ProgramCheck:
        """The result."""
        measurement = self.measurement
        repairs = self.found.repairs if self.fixed is not None else []
        return ProgramCheck(
            source=self.source,
            correct=self.correct,
            tensors=tuple(self._tensors()),
            findings=tuple(self.findings),
            loss=self._loss(),
            learning_rate=self._rate(),
            loop=loop_place(measurement.watched.loop, self.source),
            functions=self.settings.functions,
            other_loops=naming.other_loops(measurement, self.source),
            repairs=tuple(
                RepairStep(item.edit.bug, item.line, item.before, item.after, item.mended)
                for item in repairs
            ),
            fixed_text=self.found.source.text if self.fixed else None,
            points=tuple(point.label for point in measurement.points),
            edits_tried=self.found.tried,
            matters=self.matters,
            course=self.course,
            notes=tuple(self.notes),
            seconds=seconds,
        )

    def _tensors(self) -> list[TensorCheck]:
        measurement = self.measurement
        checks = []
        for tensor in measurement.lab.tensors:
            heard = [
                (fits[tensor.name], scale)
                for fits, scale in zip(measurement.fits, self.references)
                if fits[tensor.name].signal
            ]
            heard = [item for item in heard if item[0].noise <= SAME] or heard
            worst = max(heard, key=lambda item: relative_error(*item) or 0.0, default=None)
            serials = measurement.updates.get(tensor.name, ())
            line = getattr(self.nodes[serials[-1]], "lineno", None) if serials else None
            verdict = self.verdicts[tensor.name]
            if self.correct and verdict in naming.BAD:
                verdict = Verdict.CONVENTION
            if not heard and tensor.name in measurement.kinks:
                verdict = Verdict.KINK
            checks.append(
                TensorCheck(
                    name=tensor.name,
                    shape=tensor.shape,
                    relative_error=relative_error(*worst) if worst else None,
                    cosine=worst[0].cosine if worst else None,
                    scale=worst[0].scale if worst else None,
                    verdict=verdict,
                    line=line,
                )
            )
        return checks

    def _loss(self) -> LossFound:
        loss = self.measurement.loss
        assumption = None
        if not loss.own:
            assumption = (
                f"assumed to be {loss.text} ({self.source.spot(loss.line)}): the program computes "
                "no loss that fits; to say otherwise: loss=…, or `code.loss` in a config"
            )
        return LossFound(loss.text, loss.own, loss.line, assumption)

    def _rate(self) -> RateFound | None:
        rate = self.measurement.rate
        if rate is None:
            return None
        known = [scale for scale in self.references if scale is not None]
        return RateFound(rate.text, rate.value, float(np.median(known)) if known else None)

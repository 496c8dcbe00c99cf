"""The check of a program by the graph of its iteration, and what is said of it."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from nndiag.errors import UserCodeError
from nndiag.finding import Evidence, Finding, Severity
from nndiag.program.execution.host import OutOfTime, loop_place
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.execution.sandbox import sandbox
from nndiag.program.gradients.judgement import TensorCheck, Verdict
from nndiag.program.graph.tracer import GraphTooLargeError
from nndiag.program.judging.faults import ProgramFault
from nndiag.program.judging.judgement import Judgement, Step, judged, line_of
from nndiag.program.judging.notes import loss_text, notes_of
from nndiag.program.judging.uniform import Uniform, uniform_factor
from nndiag.program.repair.bug import BUGS
from nndiag.program.result import LossFound, ProgramCheck, RateFound, RepairStep
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.rates import Rate, learning_rate
from nndiag.program.roles.status import Status
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source, read_source
from nndiag.program.training.course import Course, course_of
from nndiag.program.training.matters import Matters, comparison
from nndiag.program.training.scaled_runs import scaled_losses
from nndiag.program.training.trainable import Trainable

Progress = Callable[[str], None]
_MOST_ITERATIONS = 3000  # of each training that tells whether a bug matters
_VERDICTS = {
    Status.RIGHT: Verdict.RIGHT,
    Status.WRONG: Verdict.WRONG,
    Status.WRONG_SCALE: Verdict.WRONG_SCALE,
    Status.WRONG_SIGN: Verdict.WRONG_SIGN,
    Status.NEVER_UPDATED: Verdict.NEVER_UPDATED,
    Status.CHANGES_SHAPE: Verdict.WRONG,
    Status.NO_SIGNAL: Verdict.NO_SIGNAL,
    Status.UNKNOWN: Verdict.NOISE,
}


def checked_by_graph(settings: CodeSettings, seconds: float, tell: Progress) -> GraphCheck | None:
    """The check of a program by the graph of its iteration; None where it could not be read.

    Args:
        settings: Which program, and what is what in it.
        seconds: Time after which searches and experiments end.
        tell: Is told what is being done, one phrase at a time.
    """
    path = settings.path
    assert path is not None
    source = read_source(path)
    deadline = time.perf_counter() + seconds
    said = settings.functions, settings.learning_rate, settings.gradients or None
    if any(item is not None for item in said):
        return None
    tell("running the program up to its training loop")
    try:
        with sandbox(path):
            judgement = judged(source, settings, deadline=deadline, tell=tell)
    except (UserCodeError, StepFailedError, OutOfTime, GraphTooLargeError):
        return None
    if judgement.found.loss is None or not judgement.is_sound:
        return None
    return GraphCheck(source, settings, judgement, deadline, tell)


class GraphCheck:
    """Makes findings of a judgement, and the experiments that tell whether they matter."""

    def __init__(
        self,
        source: Source,
        settings: CodeSettings,
        judgement: Judgement,
        deadline: float,
        tell: Progress,
    ) -> None:
        self.source, self.settings = source, settings
        self.judgement, self.found = judgement, judgement.found
        self.deadline, self.tell = deadline, tell
        self.rate = self._rate()
        self.matters: Matters | None = None
        self.course: Course | None = None
        self.uniform: Uniform | None = None
        if judgement.is_right and self.rate is not None:
            self.uniform = uniform_factor(judgement, self.rate)
        self.findings = [self._finding(fault) for fault in judgement.faults]
        self.notes = notes_of(judgement)
        if self.uniform is not None:
            self.findings.append(self._uniform_finding(self.uniform))
        self.correct = not any(item.severity is Severity.ERROR for item in self.findings)

    @property
    def is_proof(self) -> bool:
        """Whether a bug was found with the edit that mends it, checked as a whole."""
        return bool(self.judgement.faults) and self.judgement.fixed is not None

    @property
    def holds_alone(self) -> bool:
        """Whether it can be said without another check."""
        return bool(self.judgement.faults) or self.judgement.is_right

    def holds_against(self, other: ProgramCheck) -> bool:
        """Whether it is believed where another check was made, too.

        Args:
            other: The check by a search among edits, whose repairs are proofs of their own kind.
        """
        remembers = bool(self.found.states)
        if self.judgement.is_right:
            return not other.correct and (remembers or other.fixed_text is None)
        if not self.judgement.faults:
            return False
        if any(f.bug in ("wrong-moment", "gradient-not-reset") for f in self.judgement.faults):
            return True
        unmoved = all(f.bug == "gradient-never-computed" for f in self.judgement.faults)
        return not other.correct and other.fixed_text is None and not unmoved

    def _rate(self) -> Rate | None:
        said = self.settings.learning_rate
        if said is not None:
            try:
                return Rate(said, float(said))
            except ValueError:
                pass
        kept = [state.kept for state in self.found.states if state.kept is not None]
        return learning_rate(self.found.readings[0], self.found.nodes, kept=kept)

    # Findings.

    def _finding(self, fault: ProgramFault) -> Finding:
        bug = BUGS.get(fault.bug)()
        step = next((item for item in self._kept if item.fault.bug == fault.bug), None)
        mended = step is not None and self.judgement.fixed is not None
        says = fault.detail or bug.sentence
        if fault.detail and not fault.detail.startswith(tuple(fault.parameters)):
            says = f"{bug.sentence}; {fault.detail}"
        worst = self._cosine(fault.parameters)
        suffix = "" if worst is None or worst > 1 - 1e-9 else f" (cosine {worst:+.3f})"
        return Finding(
            problem=fault.bug,
            severity=fault.severity,
            message=f"{', '.join(fault.parameters)}: {says}{suffix}",
            evidence=() if worst is None else (Evidence("cosine", worst, 1.0),),
            tensor=", ".join(fault.parameters),
            remedies=(),
            file=self.source.name,
            line=step.line if mended and step is not None else line_of(fault, self.found),
            replacement=step.after if mended and step is not None else None,
        )

    @property
    def _kept(self) -> Sequence[Step]:
        return self.judgement.steps if self.judgement.fixed is not None else []

    def _cosine(self, names: Sequence[str]) -> float | None:
        found = [
            item.cosine
            for item in self.judgement.comparisons
            if item.name in names and item.cosine is not None and item.status is not Status.RIGHT
        ]
        return min(found, default=None)

    def _uniform_finding(self, uniform: Uniform) -> Finding:
        assert self.rate is not None
        message = (
            f"all parameters: the step is {uniform.factor:.4g} times {self.rate.text} times the "
            f"gradient of {loss_text(self.found)} ({uniform.told}): it acts like a learning rate "
            f"of {uniform.factor * self.rate.value:.4g}"
        )
        return Finding(
            problem=uniform.problem,
            severity=Severity.WARNING if uniform.grave else Severity.NOTE,
            message=message,
            evidence=(Evidence("scale", uniform.factor, 1.0),),
            tensor=", ".join(item.name for item in self.judgement.comparisons),
            file=self.source.name,
            line=uniform.line,
        )

    # Experiments.

    def experiment(self) -> None:
        """Trains the program as it is, and mended; one that is right, at lower rates if need be."""
        program = Trainable.of_understanding(self.found, self.source)
        if program is None:
            return
        if self.judgement.fixed is not None:
            mended = replace(program, source=self.judgement.fixed)
            self.matters = self._compared(program, mended, factor=1.0)
            if self.matters is not None and self.matters.is_why:
                self._make_uniform_an_error()
        elif self.uniform is not None:
            self.matters = self._compared(program, program, factor=1 / self.uniform.factor)
            if self.matters is not None and self.matters.is_why:
                self._make_uniform_an_error()
            else:
                self.matters = None
        if self.correct:
            self.tell("training it for a moment")
            seconds = max(0.1, min(0.3, (self.deadline - time.perf_counter()) / 10))
            self.course = course_of(program, self.settings, seconds=seconds)

    def _compared(self, one: Trainable, other: Trainable, *, factor: float) -> Matters | None:
        self.tell("training it as it is, and mended")
        seconds = max(0.3, min(1.0, (self.deadline - time.perf_counter()) / 3))
        runs = [
            scaled_losses(
                program,
                self.settings,
                iterations=_MOST_ITERATIONS,
                seconds=seconds,
                factor=scale,
            )
            for program, scale in ((one, 1.0), (other, factor))
        ]
        with np.errstate(all="ignore"):
            return comparison(*runs)

    def _make_uniform_an_error(self) -> None:
        """What may be meant is an error where the program does not train because of it."""
        self.correct = False
        self.findings = [
            replace(item, severity=Severity.ERROR) if item.severity is not Severity.ERROR else item
            for item in self.findings
        ]

    # The result.

    def as_check(self, seconds: float) -> ProgramCheck:
        """The result."""
        judgement = self.judgement
        self.experiment()
        self.findings.sort(key=lambda finding: finding.severity.rank)
        return ProgramCheck(
            source=self.source,
            correct=self.correct,
            tensors=tuple(self._tensor(item) for item in judgement.comparisons),
            findings=tuple(self.findings),
            loss=self._loss(),
            learning_rate=self._rate_found(),
            loop=loop_place(self.found.watched.loop, self.source),
            functions=self.settings.functions,
            other_loops=self._other_loops(),
            repairs=tuple(
                RepairStep(item.fault.bug, item.line, item.before, item.after, item.mended)
                for item in self._kept
            ),
            fixed_text=None if judgement.fixed is None else judgement.fixed.text,
            points=tuple(reading.point.label for reading in self.found.readings),
            edits_tried=judgement.tried,
            matters=self.matters,
            course=self.course,
            notes=tuple(self.notes),
            seconds=seconds,
        )

    def _tensor(self, item: Comparison) -> TensorCheck:
        line = None
        serial = self.judgement.update_serial(item.name)
        node = self.found.nodes.get(serial)
        if isinstance(node, (ast.expr, ast.stmt)):
            line = node.lineno
        right = item.status is Status.RIGHT
        return TensorCheck(
            name=item.name,
            shape=item.shape,
            relative_error=item.chain_error if right else item.error,
            cosine=1.0 if right and item.chain_error is not None else item.cosine,
            scale=item.rate,
            verdict=_VERDICTS[item.status],
            line=line,
        )

    def _loss(self) -> LossFound:
        loss, text = self.found.loss, loss_text(self.found)
        assert loss is not None
        node = self.found.nodes.get(loss.serial)
        line = node.lineno if isinstance(node, (ast.expr, ast.stmt)) else 1
        assumption = None
        if not loss.own:
            assumption = (
                f"assumed to be {text} ({self.source.spot(line)}): the program computes no loss "
                "that fits; say otherwise under `code.loss`"
            )
        return LossFound(text, loss.own, line, assumption)

    def _rate_found(self) -> RateFound | None:
        if self.rate is None:
            return None
        known = [item.rate for item in self.judgement.comparisons if item.rate is not None]
        return RateFound(
            self.rate.text, self.rate.value, float(np.median(known)) if known else None
        )

    def _other_loops(self) -> tuple[str, ...]:
        """Other calls of the function that the loop stands in: they are not checked."""
        loop = self.found.watched.loop
        functions = [scope for scope in loop.scopes if not isinstance(scope, ast.ClassDef)]
        if not functions:
            return ()
        lines = [
            node.lineno
            for node in ast.walk(self.source.tree)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func).rpartition(".")[2] == functions[-1].name
        ]
        return tuple(self.source.place(line) for line in sorted(lines)[1:])

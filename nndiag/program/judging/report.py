"""What a judgement comes to in the words of a report: findings, parameters, loss and rate."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nndiag.finding import Evidence, Finding
from nndiag.program.judging.bug import BUGS
from nndiag.program.judging.fault import ProgramFault
from nndiag.program.judging.judgement import Judgement, line_of
from nndiag.program.result import LossFound, RateFound, RepairStep, TensorCheck
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.loss_text import loss_text
from nndiag.program.roles.status import Status


@dataclass(frozen=True, eq=False)
class Report:
    """Puts one judgement into words.

    Attributes:
        judgement: What was found.
    """

    judgement: Judgement

    def findings(self) -> list[Finding]:
        """What is wrong, gravest first: what was mended, where all of it was, or else all."""
        pairs = self._mended
        found = [self._finding(fault, step) for fault, step in pairs]
        done = {fault.bug for fault, _ in pairs}
        left = [*([] if pairs else self.judgement.faults), *self.judgement.left]
        found += [self._finding(fault, None) for fault in left if fault.bug not in done]
        return sorted(found, key=lambda finding: finding.severity.rank)

    @property
    def _mended(self) -> list[tuple[ProgramFault, RepairStep]]:
        return self.judgement.mended if self.judgement.fixed is not None else []

    @property
    def repairs(self) -> tuple[RepairStep, ...]:
        """The lines to change, where the whole check passes with them."""
        return tuple(step for _, step in self._mended)

    def _finding(self, fault: ProgramFault, step: RepairStep | None) -> Finding:
        bug = BUGS.get(fault.bug)()
        known = {item.name for item in self.judgement.comparisons}
        mended = [] if step is None else [name for name in step.tensors if name in known]
        names = list(dict.fromkeys([*mended, *fault.parameters]))
        says = fault.detail or bug.sentence
        if fault.detail and not fault.detail.startswith(tuple(fault.parameters)):
            says = f"{bug.sentence}; {fault.detail}"
        worst = self._cosine(names)
        own, replaces = line_of(fault, self.judgement.found), step is not None and bool(step.before)
        suffix = "" if worst is None or worst > 1 - 1e-9 else f" (cosine {worst:+.3f})"
        return Finding(
            problem=fault.bug,
            severity=fault.severity,
            message=f"{', '.join(names)}: {says}{suffix}",
            evidence=tuple(self._evidence(fault, worst)),
            tensor=", ".join(names),
            remedies=(),
            file=self.judgement.source.name,
            line=step.line if step is not None and (replaces or own is None) else own,
            replacement=step.after if step is not None and replaces else None,
        )

    def _evidence(self, fault: ProgramFault, cosine: float | None) -> Iterator[Evidence]:
        uniform = self.judgement.uniform
        if uniform is not None and uniform.problem == fault.bug:
            yield Evidence("scale", uniform.factor, 1.0)
        if cosine is not None:
            yield Evidence("cosine", cosine, 1.0)

    def _cosine(self, names: Sequence[str]) -> float | None:
        found = [
            item.cosine
            for item in self.judgement.comparisons
            if item.name in names and item.cosine is not None and item.status is not Status.RIGHT
        ]
        return min(found, default=None)

    def tensors(self) -> tuple[TensorCheck, ...]:
        """The comparison, parameter by parameter."""
        return tuple(self._tensor(item) for item in self.judgement.comparisons)

    def _tensor(self, item: Comparison) -> TensorCheck:
        node = self.judgement.found.nodes.get(self.judgement.update_node_id(item.name))
        right = item.status is Status.RIGHT
        return TensorCheck(
            name=item.name,
            shape=item.shape,
            relative_error=item.chain_error if right else item.error,
            cosine=1.0 if right and item.chain_error is not None else item.cosine,
            scale=item.rate,
            verdict=item.status,
            line=node.lineno if isinstance(node, (ast.expr, ast.stmt)) else None,
        )

    def loss(self) -> LossFound:
        """The loss that the step was compared with."""
        found, text = self.judgement.found, loss_text(self.judgement.found)
        assert found.loss is not None
        node = found.nodes.get(found.loss.node_id)
        line = node.lineno if isinstance(node, (ast.expr, ast.stmt)) else 1
        assumption = None
        if self.judgement.is_perceptron:
            assumption = (
                f"the perceptron rule: its output jumps and has no derivative; the steps were "
                f"compared with those of {text} without the step function"
            )
        elif not found.loss.own:
            assumption = (
                f"assumed to be {text} ({self.judgement.source.spot(line)}): the program computes "
                "no loss that fits; to say otherwise: loss=…, or `code.loss` in a config"
            )
        of_perceptron = self.judgement.is_perceptron
        return LossFound(text, found.loss.own, line, assumption, of_perceptron)

    def learning_rate(self) -> RateFound | None:
        """The learning rate, with the factor that the steps really have."""
        rate = self.judgement.found.rate
        if rate is None:
            return None
        known = [item.rate for item in self.judgement.comparisons if item.rate is not None]
        return RateFound(rate.text, rate.value, float(np.median(known)) if known else None)

    def other_loops(self) -> tuple[str, ...]:
        """Other calls of the function that the loop stands in: they are not checked."""
        loop, source = self.judgement.found.watched.loop, self.judgement.source
        functions = [scope for scope in loop.scopes if not isinstance(scope, ast.ClassDef)]
        if not functions:
            return ()
        lines = [
            node.lineno
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func).rpartition(".")[2] == functions[-1].name
        ]
        return tuple(source.place(line) for line in sorted(lines)[1:])

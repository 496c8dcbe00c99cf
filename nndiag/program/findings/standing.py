"""Findings beside the gradient: shapes that cannot be meant, and a number that is not the loss."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

import numpy as np

from nndiag.finding import Evidence, Finding, Severity
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.findings.naming import Context, nearest_update
from nndiag.program.gradients.candidates import is_shown
from nndiag.program.gradients.measurement import Measurement
from nndiag.program.gradients.objective import Trial
from nndiag.program.repair.bug import BUGS
from nndiag.program.repair.search import Search

_SLOPE = re.compile(r"prime|deriv|grad|delta|backward", re.IGNORECASE)
_SHOWN = 2  # rank up to which an expression that is given a name is shown, or named like a loss


def standing_findings(
    context: Context, found: Search | None, fixed: Measurement | None
) -> list[Finding]:
    """What is told beside the gradient: shapes, and a number that is not the loss."""
    made = [*_bias_per_example(context), *broadcast_findings(context, found)]
    shown = _signed_loss(context)
    if shown is not None:
        made.append(_not_the_objective(context, shown))
        if fixed is not None or not context.wrong:
            made += _summed_against_shown(context, shown, fixed)
    return made


def _bias_per_example(context: Context) -> list[Finding]:
    bug = BUGS.get("bias-per-example")()
    tied = {
        tensor.name: (tensor.copies, *tensor.shape)
        for tensor in context.measurement.lab.tensors
        if tensor.copies > 1
    }
    suspects = [name for name in bug.suspects(context.symptoms) if name not in tied]
    names = [name for name in suspects if _acts_on_one_example(context.measurement, name)]
    alike = not names  # rows that stay equal train like one bias, but fit no other examples
    names = names or list(tied)
    if not names:
        return []
    written = {**context.symptoms.shapes, **tied}
    shapes = ", ".join(f"{name} {written[name]}" for name in names)
    return [
        Finding(
            problem="bias-per-example",
            severity=Severity.NOTE if alike else Severity.ERROR,
            message=f"{shapes}: {bug.sentence}",
            evidence=(Evidence("examples", float(context.symptoms.examples)),),
            tensor=", ".join(names),
            remedies=("give it the shape (1, units) and sum its gradient over the examples",),
            file=context.source.name,
            line=_first_assignment(context, names[0]) or context.update_line(names[0]),
        )
    ]


def _first_assignment(context: Context, name: str) -> int | None:
    """Line of the first statement that gives a variable its value."""
    lines = [
        node.lineno
        for node in context.nodes.values()
        if isinstance(node, ast.Assign) and name in {ast.unparse(item) for item in node.targets}
    ]
    return min(lines, default=None)


def _acts_on_one_example(measurement: Measurement, name: str) -> bool:
    """Whether the first row of a parameter acts on the first example's errors only."""
    lab, point, computed = measurement.lab, measurement.points[0], measurement.computed
    start = point.theta[name]
    moved = start.copy()
    moved[0] += 1e-3 * max(1.0, abs(float(start[0])))
    try:
        variant = lab.runner.variant(computed.instruments)
        plain = lab.record(point, variant)
        other = lab.record(point, variant, theta={**point.theta, name: moved})
    except StepFailedError:
        return True
    counts = []
    for residual in measurement.residuals:
        first, second = (item.values.get(residual.serial) for item in (plain, other))
        if first and second and np.shape(first[-1]) == np.shape(second[-1]):
            counts.append((int(np.sum(first[-1] != second[-1])), np.size(first[-1])))
    examples = measurement.examples
    return all(changed * examples <= size for changed, size in counts)


def broadcast_findings(context: Context, found: Search | None) -> list[Finding]:
    """Differences that have more entries than the output."""
    named = {repair.edit.bug for repair in found.repairs} if found is not None else set()
    if "mismatched-shapes" in named:
        return []
    values = context.measurement.computed.base.values
    for residual in context.measurement.residuals:
        output = np.shape(values[residual.output][-1])
        target = np.shape(values[residual.target][-1])
        whole = np.shape(values[residual.serial][-1])
        size = max(int(np.prod(output)), int(np.prod(target)))
        if np.prod(whole) > size > 1 and np.prod(output) == np.prod(target):
            bug = BUGS.get("mismatched-shapes")()
            return [
                Finding(
                    problem="mismatched-shapes",
                    severity=Severity.ERROR,
                    message=f"{residual.text}: {bug.sentence} ({output} against {target} gives "
                    f"{whole})",
                    evidence=(Evidence("entries", float(np.prod(whole)), float(size)),),
                    remedies=("reshape the targets to the shape of the outputs",),
                    file=context.source.name,
                    line=residual.line,
                )
            ]
    return []


def _signed_loss(context: Context) -> Trial | None:
    """A number that is shown or kept as the loss, in which errors of opposite sign cancel."""
    plain = {
        serial
        for item in context.measurement.residuals
        for serial in (item.serial, item.output, item.target)
    }
    for trial in context.measurement.all_trials:
        candidate = trial.candidate
        shown = candidate.own and (candidate.rank <= _SHOWN or not candidate.assigned)
        shown = shown and candidate is not context.measurement.loss
        signed = not trial.even and not candidate.serials & plain
        signed = signed and _SLOPE.search(candidate.text) is None
        if shown and signed and _sums(context, candidate.serials) and not _is_used(context, trial):
            return trial
    return None


def _is_used(context: Context, trial: Trial) -> bool:
    """Whether the step is made from a number that the program does not show: it is no loss."""
    measurement = context.measurement
    lab, point, serials = measurement.lab, measurement.points[0], trial.candidate.serials
    if is_shown(trial.candidate, lab, measurement.computed):
        return False
    variant = lab.runner.variant(replace(measurement.computed.instruments, resets=frozenset()))
    ends = []
    try:
        for factor in (1.0, 1.5):
            lab.record(point, variant, flipped=dict.fromkeys(serials, lambda _, f=factor: f))
            ends.append([tensor.read(point.snapshot) for tensor in lab.tensors])
    except StepFailedError:
        return False
    return not all(
        one is not None and other is not None and np.array_equal(one, other)
        for one, other in zip(*ends)
    )


def _sums(context: Context, serials: frozenset[int]) -> bool:
    """Whether an expression adds something up."""
    words = ("sum", "mean", "average", "dot", "@", "matmul", "/")
    texts = [ast.unparse(context.nodes[serial]) for serial in serials]
    functions = {
        node.name: ast.unparse(node)
        for node in context.nodes.values()
        if isinstance(node, ast.FunctionDef)
    }
    called = [code for name, code in functions.items() if any(f"{name}(" in t for t in texts)]
    return any(word in text for text in (*texts, *called) for word in words)


def _not_the_objective(context: Context, trial: Trial) -> Finding:
    bug = BUGS.get("loss-is-not-the-objective")()
    return Finding(
        problem="loss-is-not-the-objective",
        severity=Severity.WARNING,
        message=f"{trial.candidate.text}: {bug.sentence}; the step belongs to "
        f"{context.measurement.loss.text}",
        remedies=("show the mean of the squared errors",),
        file=context.source.name,
        line=trial.candidate.line,
    )


def _summed_against_shown(
    context: Context, trial: Trial, fixed: Measurement | None
) -> list[Finding]:
    """The step sums over the examples where the shown number averages over them."""
    measurement = context.measurement
    examples = measurement.examples
    measured = fixed or measurement
    values = measurement.computed.base
    shown = trial.candidate.value(values)
    sums = [
        float(sum(np.sum(value) for value in values.values[item.serial]))
        for item in measurement.residuals
    ]
    averaged = shown is not None and any(
        abs(shown - total / examples) <= 1e-9 * abs(shown) for total in sums
    )
    known = [scale for scale in measured.references if scale is not None]
    rate = measured.rate
    if not averaged or rate is None or not known or examples < 3 or measured.loss.kind != "squares":
        return []
    factor = known[0] / rate.value  # over half a sum of squares: 1 or 2 when summed
    if not 0.9 <= factor <= 2.1:
        return []
    return [
        Finding(
            problem="summed-instead-of-averaged",
            severity=Severity.WARNING,
            message=f"the shown number is a mean over {examples} examples, the step sums over "
            f"them: it acts like a learning rate {examples} times as large",
            evidence=(Evidence("scale", factor * examples, 1.0),),
            tensor=", ".join(context.verdicts),
            remedies=("divide the gradients by the number of examples",),
            file=context.source.name,
            line=nearest_update(context),
        )
    ]

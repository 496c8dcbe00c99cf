"""The judgement of a perceptron: that of the same program without its step function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nndiag.errors import UserCodeError
from nndiag.finding import Severity
from nndiag.program.execution import clock
from nndiag.program.graph.adjoints import ancestors
from nndiag.program.judging.judgement import Judgement, judged
from nndiag.program.result import RepairStep
from nndiag.program.roles.reading import Reading
from nndiag.program.text.perceptrons import StepsLeftOut, without_steps
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source


def judged_also_perceptrons(
    source: Source,
    settings: CodeSettings,
    *,
    deadline: float,
    tell: Callable[[str], None],
) -> Judgement:
    """Judge a program; where it has no gradient because of a step function, without that.

    Arguments and errors as for `judged`.
    """
    first: Judgement | None = None
    error: UserCodeError | None = None
    try:
        first = judged(source, settings, deadline=deadline, tell=tell)
    except UserCodeError as refusal:
        error = refusal
    if first is not None and first.undecided is None:
        return first
    left_out = None if settings.loss or clock.is_over(deadline) else without_steps(source)
    if left_out is not None:
        try:
            found = judged(left_out.source, settings, deadline=deadline, tell=tell)
        except UserCodeError:
            found = None
        if found is not None and found.undecided is None and _is_perceptron(found, left_out):
            return _with_steps(found, source, left_out)
    if first is None:
        assert error is not None
        raise error
    return first


def _is_perceptron(found: Judgement, left_out: StepsLeftOut) -> bool:
    """Whether the output of the loss is what a step function decides on, and no other output is.

    A step function in a hidden layer passes no error back.
    """
    loss = found.found.loss
    if loss is None or (loss.kind != "squares" and not found.is_right):
        return False  # how many are wrong, say, is no loss that the rule follows
    return all(_ends_in_a_step(found, reading, left_out) for reading in found.found.readings)


def _ends_in_a_step(found: Judgement, reading: Reading, left_out: StepsLeftOut) -> bool:
    loss, graph = found.found.loss, reading.forward
    assert loss is not None
    if any(key not in reading.keyed_forward for keys in loss.terms for key in keys):
        return True  # of another branch
    steps = {
        node.index
        for node in graph
        if node.index in reading.acted_forward
        and left_out.is_one(found.found.nodes.get(node.node_id))
    }
    made_from = reading.made_from(loss)
    outputs = [item.output for item in reading.residuals if item.node in made_from]
    return bool(outputs) and all(
        output in steps and not (ancestors(graph, output) - {output}) & steps for output in outputs
    )


def _with_steps(found: Judgement, source: Source, left_out: StepsLeftOut) -> Judgement:
    """A judgement of the program as it is written, with its step functions."""
    fixed = None if found.fixed is None else source.with_text(left_out.put_back(found.fixed.text))
    mended = [(fault, _put_back(step, left_out)) for fault, step in found.mended]
    faults = [fault for fault in found.faults if fault.severity is Severity.ERROR]
    return replace(
        found, source=source, faults=faults, fixed=fixed, mended=mended, is_perceptron=True
    )


def _put_back(step: RepairStep, left_out: StepsLeftOut) -> RepairStep:
    before, after = left_out.put_back(step.before), left_out.put_back(step.after)
    return replace(step, before=before, after=after)

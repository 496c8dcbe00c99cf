"""One factor that the steps of all parameters have over what the program's rate and loss give."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nndiag.finding import Severity
from nndiag.program.graph.nodes import Ref, single
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import ProgramFault
from nndiag.program.judging.update_factors import other_expressions
from nndiag.program.location.evidence import Evidence
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.loss_text import loss_text
from nndiag.program.roles.optimizers import Remembers
from nndiag.program.roles.rates import Rate
from nndiag.program.roles.status import Status
from nndiag.program.roles.understanding import Understanding
from nndiag.program.roles.ways import DIVISIONS
from nndiag.program.text.edits import Change

_SAME = 1e-3
_SUMMED = "summed-instead-of-averaged"
_FACTOR = "wrong-constant-factor"


@dataclass(frozen=True)
class Uniform:
    """A factor that all steps share.

    Attributes:
        problem: The bug that it is.
        factor: The step over the rate times the gradient.
        severity: A note where it may be a convention.
        told: What it comes from, in words.
        node_id: The expression where the factor comes in; −1 where that is not known.
    """

    problem: str
    factor: float
    severity: Severity
    told: str
    node_id: int


def uniform_factor(found: Understanding, comparisons: Sequence[Comparison]) -> Uniform | None:
    """The factor of all steps, where it is one of a few that mean something; None elsewhere.

    Only judged where the program itself computes the loss. Adaptive steps have no factor.
    """
    loss, rate = found.loss, found.rate
    right = [item for item in comparisons if item.status is Status.RIGHT]
    rates = [item.rate for item in right if item.rate is not None]
    if loss is None or not loss.own or rate is None or not rates or len(rates) < len(right):
        return None
    whole = float(np.median(rates)) / rate.value
    gains = [gain * part for gain in _gains(found) for part in _parts(rate)]
    if max(rates) - min(rates) > _SAME * max(rates) or any(_is(whole, gain) for gain in gains):
        return None
    evidence = Evidence(found.readings, loss)
    fitting = [
        (whole / gain, meaning)
        for meaning in _meanings(found, evidence, rate)
        for gain in gains
        if _is(whole / gain, meaning.factor)
    ]
    if not fitting:
        return None
    written = [item for item in fitting if item[1].node_id >= 0]
    factor, first = (written or fitting)[0]
    node_id = first.node_id if first.node_id >= 0 else _entry(evidence, factor)
    grave = all(meaning.grave for _, meaning in written or fitting)
    severity = Severity.WARNING if grave else Severity.NOTE
    return Uniform(first.problem, factor, severity, first.told, node_id)


def uniform_fault(facts: Facts, uniform: Uniform) -> ProgramFault:
    """The fault that a shared factor is.

    Args:
        facts: The program.
        uniform: The factor.
    """
    found = facts.found
    assert found.rate is not None
    detail = (
        f"the step is {uniform.factor:.4g} times {found.rate.text} times the gradient of "
        f"{loss_text(found)} ({uniform.told}): it acts like a learning rate of "
        f"{uniform.factor * found.rate.value:.4g}"
    )
    grave = uniform.severity is Severity.WARNING
    edits = _edits(facts, uniform) if grave else []
    names = [item.name for item in facts.comparisons]
    return ProgramFault(
        uniform.problem, names, uniform.node_id, detail, edits, severity=uniform.severity
    )


def _edits(facts: Facts, uniform: Uniform) -> list[tuple[Change, ...]]:
    """The expressions that come to the same without the factor."""
    dues = []
    for reading in facts.readings:
        key = min((key for key in reading.keyed if key[0] == uniform.node_id), default=None)
        if key is not None:
            value = np.asarray(reading.graph[reading.keyed[key]].value, float)
            dues.append((reading.point, 0, value / uniform.factor))
    return other_expressions(facts, uniform.node_id, dues, any_factor=False)


def _is(value: float, wanted: float) -> bool:
    return abs(value - wanted) <= 10 * _SAME * abs(wanted)


def _parts(rate: Rate) -> list[float]:
    """What a rate may be of what is called one: of `2 * pace` the pace, for the 2 of a square."""
    numbers = {
        abs(float(node.value))
        for node in ast.walk(ast.parse(rate.text, mode="eval"))
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float))
    }
    whole = {rate.value}  # a rate that is a number has no parts
    return [1.0, *(1 / number for number in sorted(numbers - whole) if number)]


def _gains(found: Understanding) -> list[float]:
    """What a step from an empty memory may be of rate times gradient: momentum comes in forms."""
    kept = {
        round(state.kept, 6)
        for state in found.states
        if state.remembers is Remembers.FIRST and state.kept is not None and 0 < state.kept < 1
    }
    return [1.0, *(gain for share in sorted(kept) for gain in (1 - share, 1 + share))]


@dataclass(frozen=True)
class _Meaning:
    """What a factor comes from: the bug, whether it is grave, words, and where it stands."""

    factor: float
    problem: str
    grave: bool
    told: str
    node_id: int = -1


def _meanings(found: Understanding, evidence: Evidence, rate: Rate) -> Iterator[_Meaning]:
    yield _Meaning(2.0, _FACTOR, False, "twice")
    yield _Meaning(0.5, _FACTOR, False, "half")
    yield _Meaning(rate.value, _FACTOR, True, f"{rate.text} is multiplied in twice")
    sizes, added_up = _sizes(found, evidence), _is_added_up(found)
    for size in sizes:
        for scale in (1.0, 2.0, 0.5):
            grave = scale == 1.0
            yield _Meaning(scale * size, _SUMMED, grave, "summed over the examples")
            if not added_up:  # a sum over batches is divided by all examples behind them, if at all
                yield _Meaning(scale / size, _SUMMED, grave, "averaged over the examples")
    for count, node_id in _divisors(found, evidence):
        for size in sizes:
            told = f"divided by {count:g} where it is {size} that the loss averages over"
            yield _Meaning(size / count, _SUMMED, True, told, node_id)


def _is_added_up(found: Understanding) -> bool:
    """Whether the loss of an iteration is only added to a number that is told later."""
    reading, loss = found.readings[0], found.loss
    assert loss is not None
    graph, node = reading.forward, reading.keyed_forward[loss.terms[-1][-1]]
    users = [graph[user] for user in graph.users()[node]]
    is_told = node in graph.shown | graph.kept
    return bool(users) and not is_told and all(u.operation in ("add", "iadd") for u in users)


def _sizes(found: Understanding, evidence: Evidence) -> list[int]:
    """The numbers of examples that the loss may be averaged over."""
    reading = found.readings[0]
    every = reading.residuals  # a loss that is told may have a forward pass of its own
    residuals = [item for item in every if item.output in evidence.adjoints[0]] or every
    nodes = [reading.forward[item.node] for item in residuals]
    sizes = {size for node in nodes for size in node.shape}
    sizes |= {node.size for node in nodes if node.operation != "with_item"}  # classes: by rows
    return sorted(size for size in sizes | {len(residuals)} if size > 2)


def _divisors(found: Understanding, evidence: Evidence) -> Iterator[tuple[float, int]]:
    """The single numbers that the backward pass divides by, but for a 2 that halves."""
    for index in sorted(evidence.backward & evidence.carrying):
        node = evidence.graph[index]
        if node.operation in DIVISIONS and len(node.arguments) == 2:
            part = node.arguments[1]
            value = evidence.graph[part.node].value if isinstance(part, Ref) else part
            number = single(value)
            syntax = found.nodes.get(node.node_id)
            under = syntax.right if isinstance(syntax, ast.BinOp) else None
            halves = number == 2 and isinstance(under, ast.Constant)
            if number is not None and number > 1 and not halves:
                yield number, node.node_id


def _entry(evidence: Evidence, factor: float) -> int:
    """The first expression of the backward pass that has the factor over what is due."""
    reading = evidence.readings[0]
    for index in sorted(reading.leading & reading.acted & evidence.carrying):
        for target in evidence.forward:
            if evidence.graph[target].size == evidence.graph[index].size:
                found = evidence.factor(index, target)
                if found is not None and _is(abs(found), abs(factor)):
                    return evidence.graph[index].node_id
                if found is not None:
                    break
    return -1


def has_stated_rate(found: Understanding, comparisons: Sequence[Comparison]) -> bool:
    """Whether each step is the rate that the program names, times the gradient."""
    rate = found.rate
    return rate is not None and all(
        item.rate is not None and any(_is(item.rate, rate.value * gain) for gain in _gains(found))
        for item in comparisons
        if item.status is Status.RIGHT
    )

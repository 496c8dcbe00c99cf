"""Right gradients that are taken with a wrong sign or factor, and what is due in the updates."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

import numpy as np

from nndiag.program.graph.adjoints import ancestors
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Edits, Explains, ProgramFault
from nndiag.program.location.elsewhere import Due
from nndiag.program.location.synthesis import expressions_due
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.parameters import Parameter
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.status import Status
from nndiag.program.text.instrument import node_id_of

SAME = 1e-3
"""How much two factors may differ that are one."""


def other_expressions(
    facts: Facts, node_id: int, dues: Sequence[Due], *, any_factor: bool, steady: bool = False
) -> Edits:
    """Edits that put other expressions in the place of one.

    Args:
        facts: The program.
        node_id: The expression.
        dues: Points, with which time the expression is computed there, and what is due then.
        any_factor: Whether a multiple of what is due will do.
        steady: Whether it is to be the same multiple at all points.
    """
    place = facts.nodes.get(node_id)
    if not isinstance(place, ast.expr):
        return []
    scope = facts.lines.function(node_id) or facts.lines.tree
    texts = expressions_due(facts.bench, place, scope, dues, any_factor=any_factor, steady=steady)
    return [(facts.lines.change(place, text),) for text in texts]


def by_ratio(facts: Facts, ratio: float) -> str:
    """The bug of a value that is a multiple of what is due.

    Args:
        facts: The program.
        ratio: The value over what is due.
    """
    if ratio < 0:
        return "wrong-sign"
    sizes = [size for size in facts.examples if size > 2]
    whole = [abs(ratio - n) <= SAME * n or abs(ratio * n - 1) <= SAME for n in sizes]
    return "summed-instead-of-averaged" if any(whole) else "wrong-constant-factor"


def times(facts: Facts, names: Sequence[str], ratio: float) -> str:
    """How many times too large a step is, in words.

    Args:
        facts: The program.
        names: Its parameters that it is said of.
        ratio: The factor.
    """
    held = facts.found.settings.gradient_of(names[0]) is not None
    other = "the gradient of the loss" if held else "that of the others"
    return f"the step is {ratio:.4g} times {other}"


def of_updates(facts: Facts, names: Sequence[str]) -> ProgramFault:
    """The updates of some parameters as one fault: each is to be changed.

    Args:
        facts: The program.
        names: The parameters.
    """
    found = [_of_update(facts, name) for name in names]
    first, changes = (
        found[0],
        [change for f in found for edit in f.edits[:1] for change in edit],
    )
    if len(found) > 1 and all(fault.edits and fault.bug == first.bug for fault in found):
        first.edits.insert(0, tuple(dict.fromkeys(changes)))
    first.parameters = list(names)
    return first


def _of_update(facts: Facts, name: str) -> ProgramFault:
    item = next(item for item in facts.comparisons if item.name == name)
    turned = item.ratio is None or item.status is Status.WRONG_SIGN
    ratio = -1.0 if item.ratio is None or turned else item.ratio
    bug = by_ratio(facts, ratio)
    node_id = _turned_stage(facts, name) if abs(ratio + 1) <= SAME else _odd_stage(facts, name)
    statement = facts.lines.statement(node_id)
    edits: Edits = []
    if isinstance(statement, ast.AugAssign) and node_id == node_id_of(statement):
        node_id = node_id_of(statement.value)
        if ratio < 0 and isinstance(statement.op, (ast.Add, ast.Sub)):
            value = statement.value
            edits = [(facts.lines.change(value, f"-({ast.unparse(value)})"),)]
    dues = _dues(facts, name, node_id, {} if turned else item.ratios, -1.0 if turned else 1.0)
    edits += other_expressions(facts, node_id, dues, any_factor=False)
    says = "" if ratio < 0 else times(facts, [name], ratio)
    return ProgramFault(bug, [name], node_id, says, edits, explains=Explains.GRADIENT)


def spoiled_update(facts: Facts, name: str) -> ProgramFault:
    """What turns a right gradient into another array, behind the last place where it is right.

    Args:
        facts: The program.
        name: The parameter.
    """
    dues, node_id = [], facts.update(name)
    for reading in facts.evidence.readings:
        chain, derivative = reading.chains[name], reading.derivatives(facts.loss)[name]
        parameter = next(item for item in reading.parameters if item.name == name)
        if derivative is None:
            continue
        factors = chain.multiples(derivative, parameter.tensor.shape)
        every = list(chain.vectors)
        behind = every[every.index(list(factors)[-1]) + 1 :] if factors else []
        if not behind or chain.nodes[behind[0]][-1] in parameter.ends:
            continue
        node_id = behind[0]
        shape = reading.graph[chain.nodes[node_id][-1]].shape
        due = list(factors.values())[-1] * derivative
        place = next(key for key, n in reading.keyed.items() if n == chain.nodes[node_id][-1])
        dues.append((reading.point, place[2], due.reshape(shape)))
    edits = other_expressions(facts, node_id, dues, any_factor=False) if dues else []
    says = f"{name} has a right gradient, of which its update makes another array"
    return ProgramFault(
        "broken-chain-rule", [name], node_id, says, edits, explains=Explains.GRADIENT
    )


def _turned_stage(facts: Facts, name: str) -> int:
    """Where a step has the gradient's sign turned first."""
    tape = facts.tapes[0]
    own = factor_between(tape.gradient(name, {}), tape.due(name)) or 1.0
    stages = [(node_id, own * factor) for node_id, factor in tape.stages(name)[:-1]]
    right = facts.named(Status.RIGHT)
    ends = [end for item in tape.reading.parameters if item.name in right for end in item.ends]
    made_of = (ancestors(tape.graph, end) for end in ends if end is not None)
    shared = {tape.graph[index].node_id for way in made_of for index in way}  # right for others
    turned = [node_id for node_id, factor in stages if factor < 0 and node_id not in shared]
    if not stages:  # behind a memory the step is no multiple of the gradient
        return _odd_stage(facts, name)
    return turned[0] if turned and stages[-1][1] < 0 else facts.update(name)


def _odd_stage(facts: Facts, name: str) -> int:
    """Where a step first has another factor over the gradient than the steps of others."""
    tape = facts.tapes[0]
    own = tape.stages(name)
    for other in facts.named(Status.RIGHT):
        theirs = tape.stages(other)
        if len(own) < len(theirs):
            return tape.graph[tape.gradients[name][-1]].node_id  # a factor was left out
        pairs = zip(own, theirs)
        odd = next((s for (s, f), (_, g) in pairs if abs(f - g) > SAME * abs(g)), None)
        if odd is not None:
            return odd
    return facts.update(name)


def _start(reading: Reading, parameter: Parameter, end: int) -> np.ndarray:
    """What stood before the iteration where one of a parameter's values stands behind it."""
    start, shape = parameter.start(reading.iteration), reading.graph[end].shape
    if len(parameter.ends) == 1:
        return start.reshape(shape)
    place, size = parameter.ends.index(end), reading.graph[end].size
    return start[place * size : (place + 1) * size].reshape(shape)


def _dues(
    facts: Facts, name: str, node_id: int, ratios: Mapping[int, float], other: float
) -> list[Due]:
    """What is due in an update, where its step is so many times too large at each point."""
    found = []
    for reading in facts.evidence.readings:
        ratio = ratios.get(facts.readings.index(reading), other)
        parameter = next(item for item in reading.parameters if item.name == name)
        way = ancestors(reading.graph, parameter.ends[0] or 0)
        for key, node in reading.keyed.items():
            value = np.asarray(reading.graph[node].value, float)
            if key[0] != node_id or node not in way:
                continue
            if node in parameter.ends:
                start = _start(reading, parameter, node)
                value = start + (value - start) / ratio
            else:
                value = value / ratio
            found.append((reading.point, key[2], value))
            break
    return found

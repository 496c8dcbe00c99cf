"""A parameter that is given its step, instead of being changed by it: `b = -rate * gradient`.

Nothing of what it held is kept, so that it is none of the variables that an iteration changes. It
is told by what it comes to: a negative multiple of the derivative of the loss by itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.program.execution.places import spelled
from nndiag.program.execution.snapshot import Leaf
from nndiag.program.graph.adjoints import descendants
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import ProgramFault
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.reading import Reading
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of

_SAME = 1e-6  # of a factor, from point to point
_FEWEST = 2  # points that tell


def assigned_steps(facts: Facts) -> Iterator[ProgramFault]:
    """The variables that the loss is made from, and that are given their own step."""
    known = {leaf for item in facts.readings[0].parameters for leaf in item.tensor.leaves}
    known |= {*facts.found.ahead, *(leaf for s in facts.found.states for leaf in s.leaves)}
    for leaf in facts.readings[0].iteration.heads:
        factors = [] if leaf in known else [_factor(facts, item, leaf) for item in facts.readings]
        told = [factor for factor in factors if factor]
        if len(told) < max(_FEWEST, len(facts.readings) - 1) or max(told) >= 0:
            continue
        if max(told) - min(told) > _SAME * abs(told[0]):
            continue
        statement = _statement(facts, leaf)
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            name = spelled(leaf.root, leaf.steps)
            text = f"{ast.unparse(statement.targets[0])} += {ast.unparse(statement.value)}"
            yield ProgramFault(
                "assignment-instead-of-increment",
                [name],
                node_id_of(statement),
                f"{name} is set to its step, {told[0]:.3g} times the gradient, not changed by it",
                [(Change(node_id_of(statement), text),)],
            )


def _factor(facts: Facts, reading: Reading, leaf: Leaf) -> float | None:
    """How many times the derivative by a variable its next value is; None where it is none."""
    graph, iteration = reading.graph, reading.iteration
    heads, ends = iteration.heads.get(leaf, ()), iteration.ends.get(leaf, ())
    own = reading.undone.heads.get(leaf, ())
    if len(heads) != 1 or len(ends) != 1 or len(own) != 1 or ends[0] in (None, heads[0]):
        return None
    if own[0] not in reading.made_from(facts.loss) or _moves_others(reading, heads[0]):
        return None
    within = reading.acted_forward | descendants(reading.forward, own)
    found = facts.loss.adjoints(reading.forward, reading.keyed_forward, within)
    slope = None if found is None else found.get(own[0])
    end = graph[ends[0]]
    if slope is None or end.size != slope.size or end.size < _FEWEST:
        return None
    return factor_between(end.value, slope)


def _moves_others(reading: Reading, head: int) -> bool:
    """Whether it is added to a parameter: a step that is taken in the next iteration."""
    heads = {node for item in reading.parameters for node in item.heads}
    return any(heads & {*reading.graph[user].inputs} for user in reading.users[head])


def _statement(facts: Facts, leaf: Leaf) -> ast.AST | None:
    reading = facts.readings[0]
    node = reading.graph[reading.iteration.ends[leaf][0] or 0]
    while node.node_id < 0 and node.inputs:
        node = reading.graph[node.inputs[-1]]
    return facts.lines.statement(node.node_id)

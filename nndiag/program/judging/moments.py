"""The constants of an optimizer's averages: what is kept, what is taken, how it starts.

An average that keeps β of what it held takes 1 − β of what comes. Started from nothing it is too
small by 1 − βᵗ after t steps, which Adam divides by.
Source: Kingma and Ba, Adam: a method for stochastic optimization (2015), section 3.
"""

from __future__ import annotations

import ast
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nndiag.program.graph.adjoints import ancestors, descendants
from nndiag.program.graph.nodes import Graph, Ref, single
from nndiag.program.graph.operations import WRITES
from nndiag.program.judging.fault import ProgramFault
from nndiag.program.roles.optimizers import Remembers, State
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.understanding import Understanding
from nndiag.program.roles.ways import DIVISIONS, takes_root, ways_between
from nndiag.program.text.instrument import node_id_of

_BUG = "wrong-moment"
_SAME = 1e-6
_PRODUCTS = ("mul", "multiply")
_AVERAGED = (Remembers.FIRST, Remembers.SECOND)
_MOST_FACTORS = 6
_NEAR = 3  # operations behind an average in which its correction is looked for


def share_faults(reading: Reading, states: Sequence[State]) -> Iterator[ProgramFault]:
    """Averages that keep and take shares which do not add up to 1.

    Momentum alone may take the whole gradient. Beside an average of squares, and in one, the shares
    belong together.

    Args:
        reading: One iteration.
        states: The optimizer's memory.
    """
    adaptive = {item.parameter for item in states if item.remembers is not Remembers.FIRST}
    for state in states:
        if state.parameter not in adaptive or state.kept is None or not 0 < state.kept < 1:
            continue
        for head, end in zip(_nodes(reading, state)[0], _nodes(reading, state)[1]):
            taken = None if end is None else _taken(reading, head, end)
            if taken is None:
                continue
            factors, node_id = taken
            share = math.prod(factors)
            if 0 < share < 1 and not _is_product(1 - state.kept, factors):
                says = (
                    f"{state.name} keeps {state.kept:.6g} of what it held and takes {share:.3g} "
                    "of what comes: together they are not 1"
                )
                yield ProgramFault(_BUG, [state.parameter], node_id, says)
            break


def _nodes(reading: Reading, state: State) -> tuple[tuple[int, ...], tuple[int | None, ...]]:
    heads, ends = reading.iteration.heads, reading.iteration.ends
    return (
        tuple(node for leaf in state.leaves for node in heads.get(leaf, ())),
        tuple(node for leaf in state.leaves for node in ends.get(leaf, ())),
    )


def _is_product(wanted: float, factors: Sequence[float]) -> bool:
    """Whether some of the factors make up a share: others, as a rate, belong to what comes."""
    few = factors[:_MOST_FACTORS]
    return any(
        abs(math.prod(chosen) - wanted) <= _SAME
        for count in range(1, len(few) + 1)
        for chosen in itertools.combinations(few, count)
    )


def _taken(reading: Reading, head: int, end: int) -> tuple[list[float], int] | None:
    """The single numbers that what comes is multiplied with, and the expression that adds it."""
    graph, node = reading.graph, reading.graph[end]
    while node.operation in WRITES and node.inputs:
        node = graph[node.inputs[-1]]
    if node.operation != "add":
        return None
    remembering = descendants(graph, [head])
    coming = [item for item in node.inputs if item not in remembering and item in reading.acted]
    if len(coming) != 1 or len(node.inputs) != 2:
        return None
    return list(_numbers_in(graph, coming[0])), node.node_id


def _numbers_in(graph: Graph, index: int) -> Iterator[float]:
    """The single numbers in a product with an array."""
    node = graph[index]
    if node.operation not in _PRODUCTS or len(node.arguments) != 2:
        return
    for part in node.arguments:
        value = graph[part.node].value if isinstance(part, Ref) else part
        nested = isinstance(part, Ref) and graph[part.node].operation in _PRODUCTS
        number = None if nested or _is_made(graph, part) else single(value)
        if number is not None:
            yield number
        elif isinstance(part, Ref):
            yield from _numbers_in(graph, part.node)


def _is_made(graph: Graph, part: object) -> bool:
    """Whether a factor is made of arrays, and no constant."""
    return isinstance(part, Ref) and any(
        graph[item].size > 1 for item in ancestors(graph, part.node)
    )


@dataclass(frozen=True)
class _Correction:
    """A division of an average by 1 − βᵗ, at one point.

    Attributes:
        iteration: Of the loop, from 0.
        divisor: The 1 − βᵗ.
        node_id: The division.
        source: The expression of the divisor.
    """

    iteration: int
    divisor: float
    node_id: int
    source: int

    def count(self, kept: float | None) -> float | None:
        """The t for which it is the correction of an average that keeps a share; or None."""
        if kept is None or not 0 < kept < 1:
            return None
        count = float(np.log1p(-self.divisor) / np.log(kept))
        return count if abs(count - round(count)) < 1e-3 * max(1.0, count) else None


def correction_faults(found: Understanding) -> Iterator[tuple[ProgramFault, bool]]:
    """Corrections by another average's β, or, which is told with each, of a wrong step number.

    Args:
        found: The program.
    """
    for state in found.states:
        made = {c.iteration: c for reading in found.readings for c in _corrections(reading, state)}
        seen = [made[iteration] for iteration in sorted(made)]
        if len(seen) < 2 or state.kept is None:
            continue
        others = [s.kept for s in found.states if s.parameter == state.parameter and s is not state]
        if _counts(seen, state.kept):
            continue
        other = next((kept for kept in others if kept is not None and _counts(seen, kept)), None)
        if other is not None:
            says = (
                f"{state.name} keeps {state.kept:g} of what it held; its correction for the start "
                f"is that of an average that keeps {other:g}"
            )
            yield ProgramFault(_BUG, [state.parameter], seen[-1].node_id, says), False
        elif seen[0].count(state.kept) is not None and seen[-1].count(state.kept) is not None:
            yield _uncounted(found, state, seen), True


@dataclass(frozen=True)
class Memory:
    """What a state does, to be compared with that of other parameters.

    Attributes:
        remembers: What it collects.
        kept: The share of the old state that is kept.
        is_corrected: Whether it is divided by 1 − βᵗ, with the β and the t that are due.
        rooted: Whether its root is taken.
    """

    remembers: Remembers
    kept: float | None
    is_corrected: bool
    rooted: bool

    @property
    def is_average(self) -> bool:
        """Whether it is an average, or a sum, of gradients or of their squares."""
        return self.kept is not None and 0 < self.kept <= 1 and self.remembers in _AVERAGED


Memories = Mapping[str, Mapping[str, Memory]]
"""Parameter → state → what it does."""


def memories(found: Understanding) -> Memories:
    """What the memory of each parameter of several numbers does.

    Args:
        found: The program.
    """
    forms: dict[str, dict[str, Memory]] = {}
    reading = found.readings[-1]
    for state in found.states:
        if state.size == 1 or state.kept is None:  # what is only computed from one
            continue
        made = {c.iteration: c for item in found.readings for c in _corrections(item, state)}
        seen = [made[iteration] for iteration in sorted(made)]
        corrected = bool(seen) and state.kept is not None and _counts(seen, state.kept)
        parameter = next(item for item in reading.parameters if item.name == state.parameter)
        ways = ways_between(reading.graph, _nodes(reading, state)[1][0], parameter.ends[0])
        kept = None if state.kept is None else round(state.kept, 6)
        rooted = takes_root(reading.graph, ways)
        forms.setdefault(state.parameter, {})[state.name] = Memory(
            state.remembers, kept, corrected, rooted
        )
    return forms


def is_due(before: Memories, after: Memories, wrong: Sequence[str]) -> bool:
    """Whether the memory of parameters that were wrong is that of the others, or averages.

    Args:
        before: The memory of all parameters as the program has it.
        after: The same with an edit.
        wrong: The parameters whose memory is wrong.
    """
    others = [Counter(rows.values()) for name, rows in before.items() if name not in wrong]
    for name in set(wrong) & set(before):
        own, rows = after.get(name, {}), list(after.get(name, {}).values())
        if not set(before[name]) <= set(own) or not all(row.is_average for row in rows):
            return False
        if others and Counter(rows) not in others:
            return False
        if len({row.is_corrected for row in rows}) > 1:
            return False
    return True


def _counts(seen: Sequence[_Correction], kept: float) -> bool:
    """Whether corrections are those of an average, and count the iterations."""
    counts = [item.count(kept) for item in seen]
    known = [round(count) for count in counts if count is not None]
    risen = [item.iteration - seen[0].iteration for item in seen]
    return len(known) == len(seen) and [count - known[0] for count in known] == risen


def _uncounted(found: Understanding, state: State, seen: Sequence[_Correction]) -> ProgramFault:
    first, last = seen[0], seen[-1]
    says = (
        f"the correction of {state.name} for its start does not count the steps: it is that of "
        f"step {first.count(state.kept):.0f} in iteration {first.iteration + 1} and of step "
        f"{last.count(state.kept):.0f} in iteration {last.iteration + 1}"
    )
    return ProgramFault(_BUG, [state.parameter], _counting(found, last), says)


def _corrections(reading: Reading, state: State) -> Iterator[_Correction]:
    graph = reading.graph
    _, ends = _nodes(reading, state)
    parameter = next(item for item in reading.parameters if item.name == state.parameter)
    last = parameter.ends[0]
    if not ends or ends[0] is None:
        return
    for node in ways_between(graph, ends[0], last)[:_NEAR]:
        if node.operation not in DIVISIONS or len(node.arguments) < 2:
            continue
        over, under = node.arguments[:2]
        value = graph[under.node].value if isinstance(under, Ref) else under
        if not isinstance(over, Ref) or graph[over.node].value is not graph[ends[0]].value:
            continue
        number = single(value)
        if number is not None and 0 < number < 1:
            source = graph[under.node].node_id if isinstance(under, Ref) else node.node_id
            yield _Correction(reading.point.snapshot.iteration, number, node.node_id, source)


def _counting(found: Understanding, correction: _Correction) -> int:
    """Where the steps ought to be counted: what assigns the count in the loop, or the loop."""
    nodes: Mapping[int, ast.AST] = found.nodes
    power = next(
        (
            item
            for node_id in (correction.source, correction.node_id)
            if node_id in nodes
            for item in ast.walk(nodes[node_id])
            if isinstance(item, ast.BinOp) and isinstance(item.op, ast.Pow)
        ),
        None,
    )
    if power is None or isinstance(power.right, ast.Constant):
        return correction.node_id
    text = ast.unparse(power.right)
    loop = found.watched.loop.node
    assigned = [
        item
        for item in ast.walk(loop)
        if isinstance(item, (ast.Assign, ast.AugAssign))
        for target in (item.targets if isinstance(item, ast.Assign) else [item.target])
        if ast.unparse(target) == text
    ]
    return node_id_of(assigned[0] if assigned else loop)

"""What is wrong with an optimizer's memory: moments of the wrong thing, assigned, never emptied."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from nndiag.program.graph.adjoints import ancestors, descendants
from nndiag.program.graph.nodes import Node
from nndiag.program.judging.aliases import aliased_memory
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Edits, ProgramFault
from nndiag.program.judging.moment_edits import (
    complemented,
    corrected,
    counted,
    emptied,
    kept_and_added,
    parted,
    rooted,
    squared,
)
from nndiag.program.judging.moments import correction_faults, share_faults
from nndiag.program.roles.optimizers import Remembers, State
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.understanding import Understanding
from nndiag.program.roles.ways import dividing, takes_root, ways_between
from nndiag.program.text.instrument import node_id_of

_BUG = "wrong-moment"
_NAMES = (ast.Name, ast.Attribute, ast.Subscript)  # what has been computed before


def memory_faults(facts: Facts) -> Iterator[ProgramFault]:
    """What is wrong with an optimizer's memory."""
    found, readings = facts.found, facts.readings
    states = [state for state in found.states if not found.ahead & set(state.leaves)]
    yield from _roots_of_negatives(facts)
    shared = list(aliased_memory(found))
    if shared:
        yield from (_mended(facts, fault, parted) for fault in shared)
        return
    own = [(state, fault) for state in states for fault in _of_one(facts, state)]
    sums = [state for state, fault in own if fault.bug == "gradient-not-reset"]
    for _, fault in own:
        if fault.bug == "gradient-not-reset":
            fault.edits = emptied(facts, sums)
        yield fault
    shares, corrections = share_faults(readings[-1], states), correction_faults(found)
    yield from (_mended(facts, fault, complemented) for fault in shares)
    for fault, miscounts in corrections:
        yield _mended(facts, fault, counted if miscounts else corrected)


def _roots_of_negatives(facts: Facts) -> Iterator[ProgramFault]:
    """Steps that are no numbers, though gradients are: a root of what is negative is no size."""
    reading = facts.readings[0]
    graph, remembered = reading.graph, {state.parameter for state in facts.found.states}
    for item in reading.parameters:
        if np.isfinite(item.step).all() or None in item.ends or item.name in remembered:
            continue
        ways = sorted(ancestors(graph, item.ends[0] or 0) & reading.acted)
        root = next((graph[i] for i in ways if not np.isfinite(graph[i].value).all()), None)
        if root is None or not takes_root(graph, [root]):
            continue
        made = sorted(ancestors(graph, root.inputs[0]) & reading.acted)
        sums = [graph[i].node_id for i in made if graph[i].operation in ("add", "iadd")]
        if sums and np.any(np.asarray(graph[root.inputs[0]].value) < 0):
            says = (
                "the root is taken of negative numbers: the square of the gradient is due under it"
            )
            yield _mended(facts, ProgramFault(_BUG, [item.name], sums[-1], says), squared)


def _mended(
    facts: Facts, fault: ProgramFault, edits: Callable[[Facts, int], Edits]
) -> ProgramFault:
    """A fault with what may mend it."""
    return replace(fault, edits=edits(facts, fault.node_id))


def _of_one(facts: Facts, state: State) -> Iterator[ProgramFault]:
    found, name = facts.found, state.name
    reading = found.readings[-1]
    if state.is_assigned:
        says = f"{name} is assigned, not averaged: it keeps nothing of what it held"
        fault = ProgramFault(_BUG, [state.parameter], _assigning(found, state), says)
        yield _mended(facts, fault, kept_and_added)
        return
    sums = _sums_into(reading, state)
    if sums is not None:
        says = f"{name} is never set back to zero: what earlier iterations left stays in it"
        yield ProgramFault("gradient-not-reset", [state.parameter], sums, says)
        return
    divided = _divided_by(reading, state)
    if divided is not None:
        says = f"the step is divided by {name} itself, where its square root is due"
        yield _mended(facts, ProgramFault(_BUG, [state.parameter], divided, says), rooted)
        return
    said = _said(found.readings, state)
    if said is not None:
        bug, says = said
        fault = ProgramFault(bug, [state.parameter], _node_id(reading, state), says)
        yield _mended(facts, fault, squared) if bug == _BUG else fault


def _assigning(found: Understanding, state: State) -> int:
    """The last statement that assigns a state, by its name; else what made its value."""
    tail = state.name.rpartition(".")[2]
    made = [
        node
        for node in found.nodes.values()
        if isinstance(node, ast.Assign)
        and any(ast.unparse(target).rpartition(".")[2] == tail for target in node.targets)
    ]
    last = max(made, key=lambda node: node.lineno, default=None)
    whole = _node_id(found.readings[-1], state)
    return whole if last is None or not isinstance(last.value, _NAMES) else node_id_of(last)


def _ways(reading: Reading, state: State) -> list[Node]:
    """The operations between a state's next value and its parameter's."""
    parameter = next(item for item in reading.parameters if item.name == state.parameter)
    return ways_between(reading.graph, _end(reading, state), parameter.ends[0])


def _divided_by(reading: Reading, state: State) -> int | None:
    """The division by an average of squares without a root; of sizes it would be another method."""
    ways = _ways(reading, state)
    if state.kept is None or state.kept <= 0 or takes_root(reading.graph, ways):
        return None
    if state.size > 1 and state.remembers is not Remembers.SECOND:
        return None
    node = dividing(reading.graph, _end(reading, state), ways)
    return None if node is None else node.node_id


def _end(reading: Reading, state: State) -> int | None:
    """The node that the first place of a state holds at the end."""
    return reading.iteration.ends.get(state.leaves[0], (None,))[0]


def _node_id(reading: Reading, state: State) -> int:
    """The expression that gives a state its next value."""
    end = _end(reading, state)
    node = None if end is None else reading.graph[end]
    while node is not None and node.node_id < 0 and node.inputs:
        node = reading.graph[node.inputs[-1]]
    return -1 if node is None else node.node_id


def _sums_into(reading: Reading, state: State) -> int | None:
    """The expression that adds to a state several times in an iteration; None where none does.

    An average takes a gradient once. What takes many is a sum over examples or over layers.
    """
    graph, end = reading.graph, _end(reading, state)
    heads = reading.iteration.heads.get(state.leaves[0], ())
    if end is None or state.remembers not in (Remembers.FIRST, Remembers.OTHER):
        return None
    counts: dict[int, int] = {}
    for index in descendants(graph, heads) & ancestors(graph, end):
        node = graph[index]
        others = [item for item in node.inputs if item in reading.acted]
        if node.operation in ("add", "iadd") and len(others) > 0 and node.node_id >= 0:
            counts[node.node_id] = counts.get(node.node_id, 0) + 1
    return next((node_id for node_id, count in counts.items() if count > 1), None)


def _said(  # noqa: PLR0911 - one kind after the other
    readings: Sequence[Reading], state: State
) -> tuple[str, str] | None:
    """The bug of one state, and what is wrong with it, in words."""
    name, rooted = state.name, takes_root(readings[-1].graph, _ways(readings[-1], state))
    if state.kept is None:  # a variable that takes turns
        return None
    if rooted and any(np.any(_left(item, state) < 0) for item in readings):
        return _BUG, f"{name} averages the gradient under a root, where its square is due"
    if state.size == 1:  # one number alone is a multiple of any other
        return None
    if state.remembers is Remembers.SIZE and rooted:
        return _BUG, f"{name} averages the absolute value of the gradient, not its square"
    if state.remembers is Remembers.FIRST and rooted:
        return _BUG, f"{name} averages the gradient under a root, where its square is due"
    sums = state.remembers in (Remembers.FIRST, Remembers.OTHER)
    if state.is_sum and sums and not rooted:
        says = f"{name} is never set back to zero: each step is the sum of all gradients so far"
        return "gradient-not-reset", says
    if state.remembers is Remembers.FIRST and state.kept < 0:
        return _BUG, f"{name} takes {state.kept:.3g} times what it held: it changes sign each step"
    return None


def _left(reading: Reading, state: State) -> np.ndarray:
    """What a state holds at the end, started from nothing."""
    ends = (end for leaf in state.leaves for end in reading.iteration.ends.get(leaf, ()))
    return reading.iteration.values_at(ends)

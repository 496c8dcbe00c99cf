"""What is wrong with an optimizer's memory: moments of the wrong thing, assigned, aliased."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nndiag.program.graph.adjoints import ancestors, descendants
from nndiag.program.graph.nodes import Node, Ref
from nndiag.program.roles.optimizers import Remembers, State
from nndiag.program.roles.reading import Reading

_ROOTS = frozenset({"sqrt"})
_SAME = 1e-6


@dataclass(frozen=True)
class MemoryFault:
    """One thing that is wrong with the memory of one parameter.

    Attributes:
        parameter: The parameter.
        state: The variable.
        bug: Name of the bug.
        says: What is wrong, a clause.
        serial: Of the expression at fault.
    """

    parameter: str
    state: str
    bug: str
    says: str
    serial: int


def memory_faults(readings: Sequence[Reading], states: Sequence[State]) -> Iterator[MemoryFault]:
    """What is wrong with an optimizer's memory.

    Args:
        readings: The iteration at several points, the memory empty.
        states: The memory.
    """
    telling = [state for state in states if state.size > 1]
    last = max(readings, key=lambda item: item.point.snapshot.iteration)
    shared = list(_aliased(last, states))
    yield from shared
    if shared:
        return
    for state in telling or states:
        yield from _of_one(readings, state)


def _end(reading: Reading, state: State) -> int | None:
    """The node that the first place of a state holds at the end."""
    return reading.iteration.ends.get(state.leaves[0], (None,))[0]


def _fault(reading: Reading, state: State, bug: str, says: str) -> MemoryFault:
    return MemoryFault(state.parameter, state.name, bug, says, _serial(reading, state))


def _serial(reading: Reading, state: State) -> int:
    """The expression that gives a state its next value."""
    end = _end(reading, state)
    node = None if end is None else reading.graph[end]
    while node is not None and node.serial < 0 and node.inputs:
        node = reading.graph[node.inputs[-1]]
    return -1 if node is None else node.serial


def _of_one(readings: Sequence[Reading], state: State) -> Iterator[MemoryFault]:
    says = _said(readings[-1], state)
    if says is not None:
        yield _fault(readings[-1], state, *says)
    yield from _uncounted(readings, state)


def _said(reading: Reading, state: State) -> tuple[str, str] | None:
    """The bug of one state, and what is wrong with it, in words."""
    name, bug = state.name, "wrong-moment"
    ways = _ways_to_update(reading, state)
    rooted = any(node.operation in _ROOTS or _is_half_power(reading, node) for node in ways)
    if state.is_assigned:
        return bug, f"{name} is assigned, not averaged: it keeps nothing of what it held"
    if state.remembers is Remembers.SIZE and rooted:
        return bug, f"{name} averages the absolute value of the gradient, not its square"
    if state.remembers is Remembers.FIRST and rooted:
        return bug, f"{name} averages the gradient under a root, where its square is due"
    if state.remembers is Remembers.SECOND and not rooted and _divides(ways):
        return bug, f"the step is divided by {name} itself, where its square root is due"
    sums = state.remembers in (Remembers.FIRST, Remembers.OTHER)
    if state.is_sum and sums and not rooted:
        says = f"{name} is never set back to zero: each step is the sum of all gradients so far"
        return "gradient-not-reset", says
    return None


def _ways_to_update(reading: Reading, state: State) -> list[Node]:
    """The operations between a state's next value and its parameter's."""
    parameter = next(item for item in reading.parameters if item.name == state.parameter)
    end = _end(reading, state)
    last = parameter.ends[0]
    if end is None or last is None:
        return []
    between = descendants(reading.graph, [end]) & ancestors(reading.graph, last)
    return [reading.graph[index] for index in sorted(between) if index != end]


def _is_half_power(reading: Reading, node: Node) -> bool:
    if node.operation not in ("pow", "power", "float_power") or len(node.arguments) < 2:
        return False
    power = node.arguments[1]
    value = reading.graph[power.node].value if isinstance(power, Ref) else power
    return np.ndim(value) == 0 and abs(abs(float(value)) - 0.5) < 1e-12


def _divides(ways: Sequence[Node]) -> bool:
    return any(node.operation in ("truediv", "divide", "true_divide") for node in ways)


def _uncounted(readings: Sequence[Reading], state: State) -> Iterator[MemoryFault]:
    """A correction for the start that stays the same from iteration to iteration."""
    if state.kept is None or not 0 < state.kept < 1:
        return
    seen: dict[int, tuple[float, int]] = {}
    for reading in readings:
        for node in _ways_to_update(reading, state)[:3]:
            count = _step_number(reading, node, state)
            if count is not None:
                iteration = reading.point.snapshot.iteration
                seen.setdefault(iteration, (count, node.serial))
    if len(seen) < 2:
        return
    first, last = min(seen), max(seen)
    if abs(seen[last][0] - seen[first][0]) < 0.5:
        yield MemoryFault(
            state.parameter,
            state.name,
            "wrong-moment",
            f"the correction of {state.name} for its start does not count the steps: it is that of "
            f"step {seen[first][0]:.0f} in iteration {first + 1} and in iteration {last + 1}",
            seen[last][1],
        )


def _step_number(reading: Reading, node: Node, state: State) -> float | None:
    """The t for which a state is divided by 1 − βᵗ; None where it is not."""
    if node.operation not in ("truediv", "divide", "true_divide") or len(node.arguments) < 2:
        return None
    end = _end(reading, state)
    if not (isinstance(node.arguments[0], Ref) and node.arguments[0].node == end):
        return None
    other = node.arguments[1]
    value = reading.graph[other.node].value if isinstance(other, Ref) else other
    if np.ndim(value) != 0 or not 0 < float(value) < 1 or state.kept is None:
        return None
    count = float(np.log(1 - float(value)) / np.log(state.kept))
    return count if abs(count - round(count)) < 1e-3 * max(1.0, count) else None


def _aliased(reading: Reading, states: Sequence[State]) -> Iterator[MemoryFault]:
    """States that are one and the same array."""
    snapshot = reading.point.snapshot
    for number, state in enumerate(states):
        for other in states[:number]:
            one, two = snapshot.original(state.leaves[0]), snapshot.original(other.leaves[0])
            same = isinstance(one, np.ndarray) and isinstance(two, np.ndarray)
            if same and np.shares_memory(one, two) and one.shape == two.shape:
                yield _fault(
                    reading,
                    state,
                    "wrong-moment",
                    f"{other.name} and {state.name} are one and the same array: what is averaged "
                    "in one is averaged in the other",
                )

"""What an update does with a gradient: plain descent, momentum, Adam and its kind, decay, clipping.

A *state* is a variable with as many numbers as a parameter, that an iteration changes by the
gradient, and from which the parameter's next value is made. What it remembers is told by running
the iteration from states of zero and from states of other numbers: how much of the old state is
kept, and whether the gradient enters as it is, squared, or otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from nndiag.program.execution.numbers import write_vector
from nndiag.program.execution.places import MISSING, spelled
from nndiag.program.execution.runner import StepFailedError
from nndiag.program.execution.snapshot import Leaf, Snapshot
from nndiag.program.graph.adjoints import ancestors, descendants
from nndiag.program.graph.nodes import Graph, Node, Ref, single
from nndiag.program.loop.step_evaluator import Point, StepEvaluator
from nndiag.program.roles.decay import decayed
from nndiag.program.roles.multiples import factor_between, has_one_size
from nndiag.program.roles.parameters import Parameter
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.recording import Iteration, recorded
from nndiag.program.roles.ways import DIVISIONS, dividing, takes_root, ways_between

_POWER = 0.05
_LOOSE = 1e-4  # two runs of the same iteration, from other states
_FILLED, _FILLED_SHARE = 1e-3, 1e-6  # how large a state is made; of what a step adds, if more
_FADES = 1 - 1e-9  # a state of which no less is kept does not fade


class Remembers(Enum):
    """What a state collects of the gradients."""

    FIRST = "the gradient"
    SECOND = "the square of the gradient"
    SIZE = "the absolute value of the gradient"
    OTHER = "something else of the gradient"


@dataclass(frozen=True, eq=False)
class State:
    """One part of an optimizer's memory.

    Attributes:
        name: The variable, as the program writes it.
        leaves: Where it is: one place for each place of the parameter.
        parameter: The parameter that it is for.
        remembers: What it collects.
        kept: The share of the old state that is kept; None where that differs by entry.
        size: How many numbers it holds: one alone does not tell what it remembers.
    """

    name: str
    leaves: tuple[Leaf, ...]
    parameter: str
    remembers: Remembers
    kept: float | None
    size: int

    @property
    def is_sum(self) -> bool:
        """Whether it collects and never forgets."""
        return self.kept is not None and self.kept >= _FADES

    @property
    def is_assigned(self) -> bool:
        """Whether nothing of the old state is kept."""
        return self.kept is not None and abs(self.kept) < _LOOSE


def state_places(reading: Reading, parameter: Parameter) -> Iterator[tuple[Leaf, ...]]:
    """The variables that are an optimizer's memory of one parameter, or look like it.

    What an iteration overwrites unread remembers nothing, but may have been meant to.

    Args:
        reading: One iteration.
        parameter: A parameter with an end.
    """
    graph, iteration = reading.graph, reading.iteration
    if None in parameter.ends:
        return
    made_from = _ancestors_of(reading, parameter)
    own = {leaf for item in reading.parameters for leaf in item.tensor.leaves}
    for leaves in _groups(iteration, parameter):
        heads = [head for leaf in leaves for head in iteration.heads.get(leaf, ())]
        ends = [end for leaf in leaves for end in iteration.ends.get(leaf, ())]
        if own & set(leaves) or not heads or len(ends) != len(heads) or ends == heads:
            continue
        size = sum(graph[head].size for head in heads)
        if size != parameter.tensor.size or not graph[heads[0]].is_real:
            continue
        if all(end is not None and end in reading.acted & made_from for end in ends):
            yield leaves


def _groups(iteration: Iteration, parameter: Parameter) -> Iterator[tuple[Leaf, ...]]:
    """Variables with as many places as a parameter: beside its own ones where it has several."""
    own = parameter.tensor.leaves
    if len(own) == 1:
        yield from ((leaf,) for leaf in iteration.heads)
        return
    beside: dict[object, dict[Leaf, Leaf]] = {}
    for place in own:
        for leaf in iteration.heads:
            if leaf.root == place.root and leaf.steps[:-1] == place.steps[:-1] and leaf.steps:
                beside.setdefault(leaf.steps[-1], {})[place] = leaf
    for found in beside.values():
        if len(found) == len(own):
            yield tuple(found[place] for place in own)


def _ancestors_of(reading: Reading, parameter: Parameter) -> set[int]:
    found: set[int] = set()
    for end in parameter.ends:
        if end is not None and end not in found:
            found |= ancestors(reading.graph, end)
    return found


def states_of(
    lab: StepEvaluator, reading: Reading, *, start: Snapshot, forced: frozenset[int]
) -> list[State]:
    """The optimizer's memory at one point.

    Args:
        lab: Runs the step.
        reading: The point.
        start: The variables before the first iteration: memory is there, and empty.
        forced: As for `read_iteration`.
    """
    places = {item.name: list(state_places(reading, item)) for item in reading.parameters}
    every = tuple(
        dict.fromkeys(leaf for found in places.values() for leaves in found for leaf in leaves)
    )
    if not every:
        return []
    point = reading.point
    try:
        empty = recorded(lab, point.with_zeroed(every), forced=forced)
        full = _filled(lab, point, every, empty=empty, forced=forced)
    except StepFailedError:
        return []
    found = [
        state
        for parameter in reading.parameters
        for leaves in places[parameter.name]
        if (state := _state(parameter, leaves, empty, full, start=start)) is not None
    ]
    return [state for state in found if _was_meant(state, found, reading)]


def _was_meant(state: State, states: Sequence[State], reading: Reading) -> bool:
    """Whether a variable remembers, or ought to: others do, or it is corrected for its start.

    A gradient that is kept in a variable until it is used is no memory.
    """
    if not state.is_assigned:
        return state.remembers is not Remembers.OTHER or _is_read(state, reading)
    kinds = {
        item.remembers
        for item in states
        if item.parameter == state.parameter and not item.is_assigned
    }
    if state.remembers in kinds or Remembers.OTHER in kinds:
        return False
    graph = reading.graph
    parameter = next(item for item in reading.parameters if item.name == state.parameter)
    end = reading.iteration.ends[state.leaves[0]][0]
    ways = ways_between(graph, end, parameter.ends[0])
    may_be_square = state.remembers is Remembers.SECOND or state.size == 1
    if may_be_square and takes_root(graph, ways) and dividing(graph, end, ways) is not None:
        return True
    if any(_divides_by_power(graph, node) for node in ways[:1]):
        return True
    head = graph[reading.iteration.heads[state.leaves[0]][0]]
    is_array = bool(head.shape) and head.shape == parameter.tensor.shape
    return (state.size > 1 or is_array) and any(
        not item.is_assigned and not item.is_sum and item.remembers is state.remembers
        for item in states
        if item.parameter != state.parameter and item.size > 1
    )


def _is_read(state: State, reading: Reading) -> bool:
    """Whether what a variable holds next is made of what it held."""
    iteration = reading.iteration
    heads = {head for leaf in state.leaves for head in iteration.heads.get(leaf, ())}
    ends = [end for leaf in state.leaves for end in iteration.ends.get(leaf, ())]
    return any(heads & ancestors(reading.graph, end) for end in ends if end is not None)


def _divides_by_power(graph: Graph, node: Node) -> bool:
    """Whether something is divided by a single number that is made of a power, 1 − βᵗ say."""
    under = node.arguments[1] if node.operation in DIVISIONS else None
    return (
        isinstance(under, Ref)
        and graph[under.node].size == 1
        and any(graph[item].operation == "pow" for item in ancestors(graph, under.node))
    )


def _filled(
    lab: StepEvaluator,
    point: Point,
    leaves: Sequence[Leaf],
    *,
    empty: Iteration,
    forced: frozenset[int],
) -> Iteration:
    """The iteration from states of positive numbers, small but not lost beside what is added."""
    snapshot = point.snapshot
    added = {leaf: np.max(np.abs(_ends(empty, [leaf])), initial=0.0) for leaf in leaves}

    def fill() -> None:
        for number, leaf in enumerate(leaves):
            size = int(np.size(snapshot.read(leaf)))
            random = np.random.default_rng(number)
            unit = max(_FILLED, _FILLED_SHARE * added[leaf])
            write_vector(snapshot, leaf, unit * (0.5 + random.random(size)))

    return recorded(lab, point, forced=forced, also=fill)


def _state(
    parameter: Parameter,
    leaves: tuple[Leaf, ...],
    empty: Iteration,
    full: Iteration,
    *,
    start: Snapshot,
) -> State | None:
    before, after = (_ends(item, leaves) for item in (empty, full))
    filled = full.values_at(head for leaf in leaves for head in full.heads.get(leaf, ()))
    if before.size == 0 or not before.size == after.size == filled.size:
        return None
    with np.errstate(all="ignore"):
        kept = (after - before) / filled
    steady = np.isfinite(kept).all() and np.ptp(kept) <= _LOOSE * max(
        1.0, float(np.max(np.abs(kept)))
    )
    share = float(np.mean(kept)) if steady else None
    alone = before.size == 1
    if alone and (share is None or not -_LOOSE <= share <= 1 + _LOOSE):
        return None  # any single number that the parameter's next value is made from
    if share is not None and abs(share) < _LOOSE and not _is_empty(start, leaves):
        return None
    remembers = Remembers.FIRST if alone else _remembered(empty, leaves, before)
    name = spelled(leaves[0].root, leaves[0].steps)
    return State(name, leaves, parameter.name, remembers, share, before.size)


def _is_empty(start: Snapshot, leaves: Sequence[Leaf]) -> bool:
    """Whether a variable is there with nothing in it before the loop, as an average is.

    A gradient that is kept in a variable is not there yet.
    """
    values = [start.original(leaf) for leaf in leaves]
    return all(value is not MISSING and not np.any(value) for value in values)


def _ends(iteration: Iteration, leaves: Sequence[Leaf]) -> np.ndarray:
    return iteration.values_at(end for leaf in leaves for end in iteration.ends.get(leaf, ()))


def _remembered(empty: Iteration, leaves: Sequence[Leaf], value: np.ndarray) -> Remembers:
    """What a state holds after one iteration from nothing, told by what it was made from."""
    graph = empty.graph
    ends = [end for leaf in leaves for end in empty.ends[leaf] if end is not None]
    heads = [head for leaf in leaves for head in empty.heads[leaf]]
    memory = descendants(graph, heads)
    if len(ends) > 1:
        vectors = _scalar_vectors(empty, ends, memory)
    else:
        vectors = [
            np.asarray(graph[index].value, float).ravel()
            for index in sorted(ancestors(graph, ends[0]) - memory)
            if graph[index].size == value.size and graph[index].is_real
        ]
    vectors = [
        vector
        for vector in vectors
        if np.any(vector) and not has_one_size(vector, tolerance=_LOOSE)
    ]
    signed = [vector for vector in vectors if np.any(vector < 0)]
    if any(_matches(value, vector) for vector in signed):
        return Remembers.FIRST
    if np.all(value >= 0) and value.size > 1:
        if any(_matches(value, vector**2) for vector in vectors):
            return Remembers.SECOND
        if any(_matches(value, np.abs(vector)) for vector in signed):
            return Remembers.SIZE
    if any(_matches(value, vector) for vector in vectors):
        return Remembers.FIRST
    return Remembers.OTHER


def _matches(value: np.ndarray, vector: np.ndarray) -> bool:
    return factor_between(value, vector, tolerance=_LOOSE) is not None


def _scalar_vectors(
    iteration: Iteration, ends: Sequence[int], memory: set[int]
) -> list[np.ndarray]:
    """For a state kept in single numbers: the values each was made from, by node_id."""
    graph = iteration.graph
    rows = []
    for end in ends:
        nodes = sorted(ancestors(graph, end) - memory)
        rows.append(
            {
                graph[i].node_id: number
                for i in nodes
                if (number := single(graph[i].value)) is not None
            }
        )
    common = set(rows[0]).intersection(*rows[1:]) if rows else set()
    return [np.array([row[node_id] for row in rows]) for node_id in sorted(common)]


@dataclass(frozen=True)
class Update:
    """How a step follows from the gradient, from an empty memory.

    Attributes:
        rate: The step over the gradient, where they are parallel.
        shares: For each part of the parameter, the multiple of itself that goes with the gradient.
        power: How the size of a step's entries goes with the gradient's, 1 where they are parallel,
            0 for Adam, −1 where a root is missing.
        downhill: Whether the step goes downhill in each entry that tells.
    """

    rate: float | None = None
    shares: tuple[float, ...] = (0.0,)
    power: float | None = None
    downhill: bool = True

    @property
    def is_known(self) -> bool:
        """Whether the step alone shows the gradient: but for a decay it is parallel."""
        return self.power is not None and abs(self.power - 1) <= _POWER


def update_of(
    parameter: Parameter,
    gradient: np.ndarray,
    start: np.ndarray,
    *,
    parts: Sequence[np.ndarray],
    adaptive: bool = False,
) -> Update | None:
    """How the step of one parameter follows from its gradient; None where no rule was recognised.

    Args:
        parameter: With its step from an empty memory.
        gradient: The derivative of the loss by it.
        start: Its value before the step.
        parts: Which of its entries belong together.
        adaptive: Whether the optimizer's memory holds sizes of gradients.
    """
    step = parameter.step
    if not (np.isfinite(step).all() and np.isfinite(gradient).all() and np.any(gradient)):
        return None
    none = (0.0,) * len(parts)
    factor = factor_between(step, gradient, tolerance=_LOOSE)
    if factor is not None:
        return Update(rate=factor, shares=none, power=1.0, downhill=factor > 0)
    if adaptive:
        return _adaptive(step, gradient)
    fit = decayed(step, gradient, start, parts)
    if fit is not None:
        return Update(rate=fit.factor, shares=fit.shares, power=1.0, downhill=fit.factor > 0)
    return _adaptive(step, gradient)


def _adaptive(step: np.ndarray, gradient: np.ndarray) -> Update | None:
    """Entries whose size goes with a power of the gradient's."""
    telling = (np.abs(gradient) > 1e-6 * np.abs(gradient).max()) & (step != 0)
    if telling.sum() < 1:
        return None
    signs = np.sign(step[telling]) * np.sign(gradient[telling])
    if abs(signs.sum()) < signs.size:
        return None
    sizes, slopes = np.log(np.abs(step[telling])), np.log(np.abs(gradient[telling]))
    spread = float(np.ptp(slopes))
    if spread < 1e-3:
        return Update(power=None, downhill=bool(signs[0] > 0))
    power, offset = np.polyfit(slopes, sizes, 1)
    if float(np.max(np.abs(sizes - (power * slopes + offset)))) > 0.05 * max(1.0, spread):
        return None
    if abs(power - 1) <= _POWER:
        return None  # nearly parallel, and no rule of an optimizer
    return Update(power=float(round(power, 2)), downhill=bool(signs[0] > 0))

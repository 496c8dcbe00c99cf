"""Gradients that are right as soon as no weights are updated before they are used.

The experiment needs no rule of writing: the same iteration, with each update undone behind it.
Where the steps then follow the derivative, the early update is what was wrong.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nndiag.program.graph.adjoints import ancestors
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Edits, Explains, ProgramFault
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.parameters import Parameter
from nndiag.program.roles.reading import Reading
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of

_POINTS = 2


@dataclass(frozen=True)
class _Early:
    """An update that comes too early.

    Attributes:
        update: The node_id of the update.
        use: The node_id of what is computed from its result.
    """

    update: int
    use: int


def early_updates(facts: Facts, names: Sequence[str]) -> Iterator[ProgramFault]:
    """The updates whose results the steps of other parameters are wrongly computed from.

    Args:
        facts: The program.
        names: Its parameters with a wrong gradient.
    """
    found: dict[_Early, list[str]] = {}
    for name in names:
        felt = [item for item in facts.readings if _is_felt(item, facts, name)]
        places = {_early(reading, facts, name) for reading in felt[:_POINTS]}
        place = places.pop() if len(places) == 1 else None
        if place is not None:
            found.setdefault(place, []).append(name)
    for place, behind in found.items():
        edits = _moved(facts, place)
        bug = "uses-updated-weights"
        yield ProgramFault(bug, behind, place.update, edits=edits, explains=Explains.GRADIENT)


def _is_felt(reading: Reading, facts: Facts, name: str) -> bool:
    """Whether a parameter has a derivative: the weight of an input that is zero has none."""
    derivative = reading.derivatives(facts.loss)[name]
    return derivative is not None and bool(np.any(derivative))


def _early(reading: Reading, facts: Facts, name: str) -> _Early | None:
    parameter = next(item for item in reading.parameters if item.name == name)
    derivative = reading.derivatives(facts.loss)[name]
    step = _undone_step(reading, parameter)
    if step is None or derivative is None or (factor_between(step, derivative) or 0) <= 0:
        return None
    graph, ends = reading.graph, [end for end in parameter.ends if end is not None]
    way = {node for end in ends for node in ancestors(graph, end)}
    others = [item for item in reading.parameters if item.name != name]
    heads = {head for item in others for head in item.heads}
    updates = {end for item in others for end in item.ends if end is not None} - heads
    early = min(updates & way, default=None)
    if early is None:
        return None
    users = [node for node in sorted(way) if early in graph[node].inputs]
    use = next((node for node in users if graph[node].node_id >= 0), early)
    return _Early(graph[early].node_id, graph[use].node_id)


def _undone_step(reading: Reading, parameter: Parameter) -> np.ndarray | None:
    """What the iteration takes off a parameter where all updates are undone behind them."""
    if reading.undone is reading.iteration:
        return None
    keys = [None if end is None else reading.keys.get(end) for end in parameter.ends]
    ends = [None if key is None else reading.keyed_forward.get(key) for key in keys]
    heads = reading.undone.head_of(parameter.tensor)
    if not heads or any(end is None for end in ends):
        return None
    undone = reading.undone
    before, behind = parameter.of(undone.values_at(heads)), undone.values_at(ends)
    return before - behind if before.shape == behind.shape else None


def _moved(facts: Facts, place: _Early) -> Edits:
    """The update moved behind the statement that uses its result."""
    early, use = (facts.lines.statement(item) for item in (place.update, place.use))
    if early is None or use is None:
        return []
    if facts.lines.function(node_id_of(use)) is not facts.lines.function(node_id_of(early)):
        return []
    text = ast.unparse(early)
    return [(Change(node_id_of(use), text, "after"), Change(node_id_of(early), ""))]

"""Learning rates that are multiplied in twice: a step that goes with the square of one."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import numpy as np

from nndiag.program.graph.adjoints import ancestors
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import ProgramFault
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.parameters import Parameter
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.replay import replayed
from nndiag.program.roles.ways import update_node_id
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of

_MOST = 12  # single numbers that are tried
_ONCE, _TWICE = 2.0, 4.0  # how a step grows with a number that is doubled


def rate_faults(facts: Facts) -> Iterator[ProgramFault]:
    """The steps that go with the square of what most of them, or all, ought to go with."""
    reading = facts.readings[0]
    moving = [item for item in reading.parameters if item.moves and None not in item.ends]
    if not moving:
        return
    ways = [ancestors(reading.graph, item.ends[0] or 0) for item in moving]
    shared = set.intersection(*ways) - reading.acted
    numbers = [i for i in sorted(shared) if _is_number(reading, i)]
    for index in numbers[:_MOST]:
        grown = {item.name: _growth(reading, item, index) for item in moving}
        squared = [name for name, factor in grown.items() if _is(factor, _TWICE)]
        once = [name for name, factor in grown.items() if _is(factor, _ONCE)]
        if squared and len(squared) + len(once) == len(grown):
            label = reading.graph[index].label
            for name in squared:
                node_id = update_node_id(reading, name)
                says = f"the step goes with the square of {label}"
                edits = list(_edits(facts.nodes, node_id))
                yield ProgramFault("wrong-constant-factor", [name], node_id, says, edits)
            return


def _is_number(reading: Reading, index: int) -> bool:
    node = reading.graph[index]
    return (
        node.function is None
        and node.size == 1
        and node.is_real
        and float(np.ravel(node.value)[0]) != 0
    )


def _growth(reading: Reading, item: Parameter, index: int) -> float | None:
    """How many times as long a step is with a number doubled; None where it changes otherwise."""
    ends = [end for end in item.ends if end is not None]
    twice = np.asarray(reading.graph[index].value, float) * 2
    after = replayed(reading.graph, {index: twice}, ends)
    if after is None:
        return None
    start = item.start(reading.iteration)
    step = start - np.concatenate([np.ravel(value) for value in after])
    return factor_between(step[: item.step.size], item.step)


def _is(value: float | None, wanted: float) -> bool:
    return value is not None and abs(value - wanted) <= 1e-4 * wanted


def _edits(nodes: Mapping[int, ast.AST], node_id: int) -> Iterator[tuple[Change, ...]]:
    """The square of a number in an update replaced by the number."""
    for node in ast.walk(nodes[node_id]) if node_id in nodes else ():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            text = ast.unparse(node.left)
            if text == ast.unparse(node.right):
                yield (Change(node_id_of(node), text),)

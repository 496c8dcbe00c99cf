"""Weights that are arrays of integers: what an iteration writes into them loses its fraction."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from nndiag.program.execution.places import spelled
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Edits, ProgramFault
from nndiag.program.roles.reading import Reading
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of


def integer_faults(facts: Facts) -> Iterator[ProgramFault]:
    """The arrays of integers into which an iteration writes what is made of the error."""
    reading = facts.readings[0]
    for leaf, heads in reading.iteration.heads.items():
        ends = reading.iteration.ends.get(leaf, ())
        if len(heads) != 1 or len(ends) != 1 or ends[0] is None or ends == heads:
            continue
        before, after = reading.graph[heads[0]].value, reading.graph[ends[0]].value
        if not _is_integer(before) or not _is_integer(after) or not _is_cut(reading, ends[0]):
            continue
        moved = int(np.sum(before != after))
        name = spelled(leaf.root, leaf.steps)
        says = f"what a step writes loses its fraction; {moved} of {before.size} entries move"
        start = _start(facts, name)
        edits: Edits = [] if start is None else [(_as_floats(start),)]
        node_id = reading.graph[ends[0]].node_id if start is None else node_id_of(start)
        yield ProgramFault("integer-weights", [name], node_id, says, edits)


def _is_integer(value: object) -> bool:
    return (
        isinstance(value, np.ndarray)
        and value.dtype.kind == "i"
        and value.ndim > 0
        and value.size > 0
    )


def _is_cut(reading: Reading, end: int) -> bool:
    """Whether what is written into an array has fractions, and the parameters act on it."""
    return any(
        item in reading.acted and reading.graph[item].is_real for item in reading.graph[end].inputs
    )


def _start(facts: Facts, name: str) -> ast.Assign | None:
    """The first statement that gives a variable its value."""
    tail = name.rpartition(".")[2]
    made = [
        node
        for node in facts.nodes.values()
        if isinstance(node, ast.Assign)
        for target in node.targets
        if ast.unparse(target).replace("'", '"') == name
        or ast.unparse(target).rpartition(".")[2] == tail
    ]
    return min(made, key=lambda node: node.lineno, default=None)


def _as_floats(start: ast.Assign) -> Change:
    text = ast.unparse(start.value)
    whole = isinstance(start.value, (ast.Call, ast.Name))
    return Change(node_id_of(start.value), f"{text if whole else f'({text})'}.astype(float)")

"""Updates that are missing, or that change a parameter's shape."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from nndiag.program.graph.adjoints import ancestors
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Explains, ProgramFault
from nndiag.program.roles.status import Status
from nndiag.program.text.edits import Change

_SUMMED = (
    "np.sum({0}, axis=0)",
    "np.sum({0}, axis=0, keepdims=True)",
    "np.sum({0}, axis=1, keepdims=True)",
    "np.sum({0}, axis=1)",
)


def never_updated(facts: Facts) -> Iterator[ProgramFault]:
    """The parameters, or parts of them, that no iteration changes."""
    for item in facts.comparisons:
        if item.status is not Status.NEVER_UPDATED:
            continue
        node_id = facts.update(item.name)
        loop = facts.found.watched.loop.node
        line = None if node_id >= 0 else _first_line(facts, item.name) or loop.lineno
        part = f"only {item.unmoved} of its {np.prod(item.shape)} entries" * bool(item.unmoved)
        yield ProgramFault(
            "gradient-never-computed",
            [item.name],
            node_id,
            part,
            line=line,
            explains=Explains.GRADIENT,
        )


def _first_line(facts: Facts, name: str) -> int | None:
    """Line of the first statement that gives a variable its value."""
    tail = name.rpartition(".")[2]
    lines = [
        node.lineno
        for node in ast.walk(facts.lines.tree)
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if ast.unparse(target).replace("'", '"') in (name, tail)
        or ast.unparse(target).rpartition(".")[2] == tail
    ]
    return min(lines, default=None)


def changed_shapes(facts: Facts) -> Iterator[ProgramFault]:
    """The parameters that become another shape: their gradient is not summed over the examples."""
    reading = facts.readings[0]
    for item in facts.comparisons:
        if item.status is not Status.CHANGES_SHAPE:
            continue
        parameter = next(found for found in reading.parameters if found.name == item.name)
        leaves = parameter.tensor.leaves
        end = next((e for leaf in leaves for e in reading.iteration.ends.get(leaf, ())), None)
        after = "" if end is None else "×".join(map(str, reading.graph[end].shape))
        before = "×".join(map(str, item.shape))
        source = None if end is None else _unsummed(facts, item.name, end)
        node = None if source is None else facts.nodes.get(source)
        edits: list[tuple[Change, ...]] = []
        if source is not None and isinstance(node, ast.expr):
            text = ast.unparse(node)
            edits = [(Change(source, form.format(text)),) for form in _SUMMED]
        yield ProgramFault(
            "wrong-bias-gradient",
            [item.name],
            facts.update(item.name) if source is None else source,
            f"the parameter is {before}, what it becomes in the update is {after}",
            edits,
            explains=Explains.GRADIENT,
        )


def _unsummed(facts: Facts, name: str, end: int) -> int | None:
    """The expression that gives a bias's gradient, where it has too many entries."""
    graph = facts.readings[0].graph
    others: set[int] = set()
    for parameter in facts.readings[0].parameters:
        for last in parameter.ends if parameter.name != name else ():
            others |= set() if last is None or last in others else ancestors(graph, last)
    mine = sorted((ancestors(graph, end) - others) & facts.evidence.carrying)
    return next((graph[index].node_id for index in mine if graph[index].node_id >= 0), None)

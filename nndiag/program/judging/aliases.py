"""Memory that goes by two names: what is averaged under one is averaged under the other."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from nndiag.program.execution.snapshot import Leaf, Snapshot
from nndiag.program.judging.fault import ProgramFault
from nndiag.program.roles.optimizers import state_places
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.understanding import Understanding
from nndiag.program.roles.ways import ways_between
from nndiag.program.text.instrument import node_id_of


def aliased_memory(found: Understanding) -> Iterator[ProgramFault]:
    """States that are one object under two names, so that two averages are added to it.

    Args:
        found: The program.
    """
    reading = max(found.readings, key=lambda item: item.point.snapshot.iteration)
    pairs = list(_pairs(found, reading.point.snapshot))
    if not pairs:
        return
    for parameter in reading.parameters:
        roots = {
            leaf.root
            for leaves in state_places(reading, parameter)
            for leaf in leaves
            if len(_additions(reading, leaf)) > 1
        }
        for one, other in pairs:
            if one.partition(".")[0] in roots or other.partition(".")[0] in roots:
                says = (
                    f"{one} and {other} are one and the same: what is averaged in one is averaged "
                    "in the other"
                )
                node_id = _assignment(found, one, other)
                yield ProgramFault("wrong-moment", [parameter.name], node_id, says)


def _additions(reading: Reading, leaf: Leaf) -> set[int]:
    """The expressions that add a gradient to what a variable held."""
    graph, iteration = reading.graph, reading.iteration
    end = iteration.ends[leaf][0]
    ways = [node for head in iteration.heads[leaf] for node in ways_between(graph, head, end)]
    return {
        node.node_id
        for node in ways
        if node.operation == "add" and any(item in reading.acted for item in node.inputs)
    }


def _pairs(found: Understanding, snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Names of one and the same object that the training loop, or a function, both reads."""
    used, rebound = _used(found), _rebound(found)
    known: dict[int, str] = {}
    for name, value in _named(snapshot):
        if name not in used - rebound or not isinstance(value, (list, dict, np.ndarray)):
            continue
        before = known.setdefault(id(value), name)
        if before != name:
            yield before, name


def _named(snapshot: Snapshot) -> Iterator[tuple[str, object]]:
    """The variables, and the attributes of the program's own objects."""
    for label, value in zip(snapshot.places, snapshot.values):
        yield label, value
        if snapshot.is_user(type(value)):
            yield from ((f"{label}.{name}", item) for name, item in vars(value).items())


def _used(found: Understanding) -> set[str]:
    """The variables and attributes that stand in the training loop or in a function."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    roots: list[ast.AST] = [found.watched.loop.node]
    roots += [node for node in found.nodes.values() if isinstance(node, functions)]
    return {
        ast.unparse(node)
        for root in roots
        for node in ast.walk(root)
        if isinstance(node, (ast.Name, ast.Attribute))
    }


def _rebound(found: Understanding) -> set[str]:
    """The names that each iteration gives a newly computed value, so that they share nothing."""
    return {
        ast.unparse(target)
        for node in ast.walk(found.watched.loop.node)
        if isinstance(node, ast.Assign) and not isinstance(node.value, (ast.Name, ast.Attribute))
        for target in node.targets
    }


def _assignment(found: Understanding, one: str, other: str) -> int:
    """The statement that gives an object its second name; −1 where it is not seen."""
    for node in found.nodes.values():
        if (
            isinstance(node, ast.Assign)
            and ast.unparse(node.value) in (one, other)
            and any(ast.unparse(target) in (one, other) for target in node.targets)
        ):
            return node_id_of(node)
    return -1

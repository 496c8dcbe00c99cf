"""Updates that are missing, or that change a parameter's shape."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

import numpy as np

from nndiag.program.graph.adjoints import ancestors
from nndiag.program.graph.nodes import Graph
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Explains, ProgramFault
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.status import Status
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of

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
        held = _held(facts, facts.readings[0].derivatives(facts.loss).get(item.name))
        lines = [line for _, line in held] or [_first_line(facts, item.name) or loop.lineno]
        line = None if node_id >= 0 else lines[0]
        part = f"only {item.unmoved} of its {np.prod(item.shape)} entries" * bool(item.unmoved)
        yield ProgramFault(
            "gradient-never-computed",
            [item.name],
            node_id,
            part,
            [] if item.unmoved else list(_updates(facts, item.name)),
            line=line,
            explains=Explains.GRADIENT,
        )


def _updates(facts: Facts, name: str) -> Iterator[tuple[Change, ...]]:
    """The update that is missing: that of another parameter, with the names of this one."""
    evidence, reading = facts.evidence, facts.readings[0]
    derivative = reading.derivatives(facts.loss).get(name)
    for other in facts.named(Status.RIGHT):
        statement = facts.lines.statement(facts.update(other))
        if derivative is None or not isinstance(statement, (ast.Assign, ast.AugAssign)):
            continue
        texts = dict(facts.wording.texts(node_id_of(statement.value)))
        theirs = reading.derivatives(facts.loss)[other]
        gradients = [text for text, _ in _held(facts, derivative)]
        for own in _names_of(texts, evidence.graph, theirs):
            for wanted in gradients:
                text = _renamed(statement, {other: name, own: wanted})
                yield (Change(node_id_of(statement), text, "after"),)


def _held(facts: Facts, derivative: np.ndarray | None) -> list[tuple[str, int]]:
    """The variables that are given multiples of a derivative, with their lines; the last first."""
    graph = facts.evidence.graph
    last = {node.node_id: node for node in graph}
    found = []
    for statement in ast.walk(facts.lines.tree):
        if isinstance(statement, (ast.Assign, ast.AugAssign)) and derivative is not None:
            ends = (node_id_of(statement), node_id_of(statement.value))
            known = [last[item].value for item in ends if item in last]
            targets = getattr(statement, "targets", None) or [statement.target]  # type: ignore[union-attr]
            if any(factor_between(value, derivative) is not None for value in known):
                found.append((ast.unparse(targets[0]), statement.lineno))
    return sorted(found, key=lambda item: -item[1])


def _names_of(texts: Mapping[str, int], graph: Graph, derivative: np.ndarray | None) -> list[str]:
    """The program's expressions for multiples of a derivative."""
    if derivative is None:
        return []
    return [
        text
        for text, node in texts.items()
        if factor_between(graph[node].value, derivative) is not None
    ]


def _renamed(statement: ast.stmt, names: Mapping[str, str]) -> str:
    """A statement with expressions in the places of others."""
    text = ast.unparse(statement)
    for old, new in names.items():
        text = re.sub(rf"(?<![\w.]){re.escape(old)}(?![\w\[])", new, text)
    return text


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

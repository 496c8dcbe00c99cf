"""Right gradients in wrong places: a parameter is given the gradient of another one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Edits, Explains, ProgramFault
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.status import Status
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of

_HOLDERS = (ast.List, ast.Tuple, ast.Dict, ast.Call)


def exchanged_gradients(facts: Facts) -> Iterator[ProgramFault]:
    """The wrong parameters whose steps are made of the derivative by another parameter."""
    wrong = facts.named(Status.WRONG)
    given = {name: other for name in wrong if (other := _other(facts, name)) is not None}
    pairs = [(one, given[one]) for one in given if one < given[one] or given[one] not in given]
    for name, other in pairs:
        both = [name, *([other] if given.get(other) == name else [])]
        place, edits = _swapped(facts, name, other)
        if place is not None:
            says = f"{name} is given the gradient of {other}"
            yield ProgramFault(
                "wrong-bias-gradient" if len(_shape(facts, name)) < 2 else "broken-chain-rule",
                both,
                node_id_of(place),
                says,
                edits,
                explains=Explains.GRADIENT,
            )


def _shape(facts: Facts, name: str) -> tuple[int, ...]:
    shape = next(item.shape for item in facts.comparisons if item.name == name)
    return tuple(size for size in shape if size > 1)


def _other(facts: Facts, name: str) -> str | None:
    """By which other parameter the value taken for a gradient is the derivative, at all points."""
    found: set[str] | None = None
    for tape in facts.tapes:
        if name not in tape.gradients:
            return None
        value = tape.gradient(name, {})
        alike = {
            other
            for other in tape.gradients
            if other != name
            and value.size > 1
            and factor_between(value, tape.due(other)) is not None
        }
        found = alike if found is None else found & alike
    return next(iter(sorted(found or ())), None)


def _swapped(facts: Facts, name: str, other: str) -> tuple[ast.expr | None, Edits]:
    """Where the gradients of two parameters stand in one list or call, and the two exchanged."""
    mine, theirs = _names(facts, name), _names(facts, other)
    for holder in ast.walk(facts.lines.tree):
        stored = isinstance(getattr(holder, "ctx", None), ast.Store)
        if not isinstance(holder, _HOLDERS) or stored or node_id_of(holder) < 0:
            continue
        words = {node.id for node in ast.walk(holder) if isinstance(node, ast.Name)}
        for one in mine & words:
            for two in (theirs & words) - {one}:
                swap = {one: two, two: one}
                again = ast.parse(ast.unparse(holder), mode="eval")
                for node in ast.walk(again):
                    if isinstance(node, ast.Name):
                        node.id = swap.get(node.id, node.id)
                return holder, [(Change(node_id_of(holder), ast.unparse(again)),)]
    return None, []


def _names(facts: Facts, name: str) -> set[str]:
    """The variables that are given multiples of the derivative by a parameter."""
    due, graph = facts.tapes[0].due(name), facts.evidence.graph
    last = {node.node_id: node for node in graph if node.index in facts.evidence.carrying}
    return {
        target.id
        for statement in ast.walk(facts.lines.tree)
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and node_id_of(statement.value) in last
        if _is_derivative(last[node_id_of(statement.value)].value, due)
    }


def _is_derivative(value: object, due: np.ndarray) -> bool:
    return np.size(value) == due.size and factor_between(value, due) is not None  # type: ignore[arg-type]

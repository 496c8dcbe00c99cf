"""Decays that are not those of the loss: left out, with the wrong sign, or of another strength."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.finding import Severity
from nndiag.program.graph.adjoints import ancestors
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import ProgramFault
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.decay import decayed
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.parameters import Parameter
from nndiag.program.roles.reading import Reading
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of

_BUG = "wrong-weight-decay"
_SAME = 1e-3
_PRODUCTS = frozenset({"matmul", "dot", "einsum", "tensordot", "mul", "multiply"})
_CONVENTIONS = (0.5, 2.0)  # ½λ‖W‖² and λ‖W‖² are taken for each other


@dataclass(frozen=True, eq=False)
class _Part:
    """One parameter, or one part of a vector that holds several.

    Attributes:
        item: The comparison of the parameter.
        number: Which part.
        due: The multiple of itself that the loss's derivative has.
        found: The one that the step has, over the rate.
    """

    item: Comparison
    number: int
    due: float
    found: float

    @property
    def is_right(self) -> bool:
        size = max(abs(self.due), abs(self.found))
        return abs(self.found - self.due) <= _SAME * size


def decay_faults(facts: Facts) -> Iterator[ProgramFault]:
    """The decays that contradict the loss, or one another."""
    readings = facts.readings
    tables = [reading.penalties(facts.loss) for reading in readings]
    parts = [part for item in facts.comparisons for part in _parts(readings, tables, item)]
    wrong = [part for part in parts if not part.is_right and (part.due or part.found < 0)]
    for part in wrong:
        node_id = _place(readings[0], facts.loss, part)
        gradient = facts.tapes[0].gradients.get(part.item.name, [])
        if part.found == 0 and len(gradient) == 1 and len(part.item.parts) == 1:
            node_id = facts.tapes[0].graph[gradient[0]].node_id
        says, severity = _said(part)
        edits = list(_edits(facts, part, facts.nodes.get(node_id)))
        yield ProgramFault(_BUG, [part.item.name], node_id, says, edits, severity=severity)
    if not wrong:
        yield from _unequal(facts, [part for part in parts if _is_weight(readings[0], part)])


def _unequal(facts: Facts, weights: Sequence[_Part]) -> Iterator[ProgramFault]:
    """Weights that decay otherwise than the others, where the loss tells of no decay.

    The others are those that share a decay; of two, the one that has the smaller but one.
    """
    shares = sorted({part.found for part in weights if part.found > 0 and not part.due})
    if not shares:
        return
    usual = max(shares, key=lambda share: sum(_alike(part.found, share) for part in weights))
    other = next(part for part in weights if part.found == usual)
    for part in weights:
        if not part.due and not _alike(part.found, usual):
            says = (
                f"its step has {part.found:.3g} times the parameter as a decay, that of "
                f"{other.item.name} {usual:.3g} times"
            )
            node_id = _place(facts.readings[0], facts.loss, part)
            yield ProgramFault(_BUG, [part.item.name], node_id, says, severity=Severity.WARNING)


def _alike(one: float, other: float) -> bool:
    return abs(one - other) <= _SAME * max(abs(one), abs(other))


def _parts(
    readings: Sequence[Reading],
    tables: Sequence[Mapping[str, np.ndarray | None]],
    item: Comparison,
) -> Iterator[_Part]:
    points = {point: shares for point, shares in item.shares.items() if shares is not None}
    if len(points) < min(2, len(item.points)) or not points:
        return
    for number, part in enumerate(item.parts):
        telling = [p for p in points if np.any(_value(readings[p], item)[part])] or [*points]
        beside = [points[p][number] for p in telling]
        dues = [_due(readings[p], tables[p].get(item.name), item, part) for p in telling]
        known = [due for due in dues if due is not None]
        if len(known) < len(dues) or not _agree(beside) or not _agree(known):
            continue
        left = known[0] + beside[0]
        yield _Part(item, number, known[0], 0.0 if abs(left) <= _SAME * abs(known[0]) else left)


def _due(
    reading: Reading, penalty: np.ndarray | None, item: Comparison, part: np.ndarray
) -> float | None:
    """The multiple of a parameter in the derivative of the penalty; None where it is another."""
    if penalty is None or not np.any(penalty[part]):
        return 0.0
    return factor_between(penalty[part], _value(reading, item)[part])


def _value(reading: Reading, item: Comparison) -> np.ndarray:
    """A parameter at a point; one that is zero has no decay to be seen."""
    parameter = next(p for p in reading.parameters if p.name == item.name)
    return parameter.start(reading.iteration)


def _is(value: Any, wanted: float) -> bool:
    return bool(np.isclose(np.ravel(value)[0], wanted))


def _agree(values: Sequence[float]) -> bool:
    return max(values) - min(values) <= _SAME * max(abs(max(values)), abs(min(values)))


def _said(part: _Part) -> tuple[str, Severity]:
    """What is wrong, in words, and how much it matters."""
    due, found = part.due, part.found
    name = part.item.name
    if due == 0:
        return f"its step adds {-found:.3g} times {name} where a decay takes it off", Severity.ERROR
    if found == 0:
        return f"the loss has a penalty ({due:.3g} · {name} in its gradient), the step none", (
            Severity.ERROR
        )
    if found < 0:
        return (
            f"its step takes the penalty's gradient with the wrong sign ({found:.3g} · {name}, "
            f"{due:.3g} · {name} is due)",
            Severity.ERROR,
        )
    meant = any(abs(found / due - factor) <= _SAME * factor for factor in _CONVENTIONS)
    return (
        f"its step has {found / due:.4g} times the penalty's gradient",
        Severity.WARNING if meant else Severity.ERROR,
    )


def _is_weight(reading: Reading, part: _Part) -> bool:
    """Whether a parameter is multiplied with data, where a bias is added."""
    graph, users = reading.graph, reading.users
    head = next(p.heads[0] for p in reading.parameters if p.name == part.item.name)
    turned = [user for user in users[head] if graph[user].inputs == (head,)]  # transposed, say
    return len(part.item.parts) == 1 and any(
        graph[user].operation in _PRODUCTS
        and any(graph[item].size > 1 for item in graph[user].inputs if item != node)
        for node in (head, *turned)
        for user in users[node]
    )


def _place(reading: Reading, loss: Loss, part: _Part) -> int:
    """The expression that brings a decay in; where there is none, that of the gradient."""
    name, entries = part.item.name, part.item.parts[part.number]
    derivative = reading.derivatives(loss)[name]
    parameter = next(p for p in reading.parameters if p.name == name)
    if derivative is None:
        return -1
    own, start = derivative[entries], parameter.start(reading.iteration)[entries]
    node_ids: list[tuple[int, float]] = []
    for node_id, vector in _vectors(reading, parameter, len(entries)):
        fit = decayed(vector, own, start, [np.arange(len(entries))])
        if fit is not None:
            node_ids.append((node_id, part.due + fit.shares[0]))
    size = max(abs(part.found), abs(part.due))
    wanted = [s for s, share in node_ids if abs(share - part.found) <= _SAME * size]
    return next(iter(wanted or [s for s, _ in node_ids]), -1)


def _vectors(reading: Reading, parameter: Parameter, size: int) -> Iterator[tuple[int, np.ndarray]]:
    """The values on the way to an update that have some size, flat, by node_id."""
    if len(parameter.heads) > 1:
        chain = reading.chains[parameter.name]
        yield from ((node_id, np.ravel(vector)) for node_id, vector in chain.vectors.items())
        return
    ends = set(parameter.ends)
    for index in sorted(reading.acted & ancestors(reading.graph, parameter.ends[0] or 0) - ends):
        node = reading.graph[index]
        if node.size == size and node.node_id >= 0:
            yield node.node_id, np.asarray(node.value, float).ravel()


def _edits(facts: Facts, part: _Part, node: ast.AST | None) -> Iterator[tuple[Change, ...]]:
    """The decay that is due, put in place of the one that is there."""
    if not isinstance(node, ast.expr):
        return
    node_id, text = node_id_of(node), ast.unparse(node)
    reading = facts.readings[0]
    scene = facts.bench.scene(
        node, facts.lines.function(node_id) or facts.lines.tree, reading.point
    )
    held = {} if scene is None else scene.values
    wanted = _value(reading, part.item)[part.item.parts[part.number]]
    names = [t for t, value in held.items() if np.array_equal(np.ravel(value), wanted)]
    numbers = [t for t, value in held.items() if np.size(value) == 1 and _is(value, part.due)]
    terms = [f"{(numbers or [f'{part.due:g}'])[0]} * {name}" for name in names]
    if part.found == 0:
        yield from ((Change(node_id, f"{text} + {term}"),) for term in terms if part.due)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        left, right = ast.unparse(node.left), ast.unparse(node.right)
        sign = "+" if isinstance(node.op, ast.Sub) else "-"
        yield (Change(node_id, f"{left} {sign} {right}"),)
        yield from ((Change(node_id, f"{left} + {term}"),) for term in terms if part.due)

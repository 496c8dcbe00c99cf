"""Updates that are missing, or that change a parameter's shape."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

import numpy as np

from nndiag.program.graph.adjoints import ancestors, descendants
from nndiag.program.graph.nodes import Graph
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Explains, ProgramFault
from nndiag.program.location.wording import operand_nodes
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.status import Status
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of

_SAME = 1e-6
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
        lines = [target.lineno for target, _ in _held(facts, item.name)] or [
            _first_line(facts, item.name) or loop.lineno
        ]
        line = None if node_id >= 0 else lines[0]
        held = f"{item.unmoved} of its {np.prod(item.shape)} entries"
        part = f"{item.name} keeps {held} as they are, though the loss feels them"
        sums = [] if item.unmoved else list(_whole_sums(facts, item.name))
        if sums:
            says = "its step is the sum of all deltas, which is 0 behind a softmax"
            place = sums[0][0].node_id
            yield ProgramFault(
                "wrong-bias-gradient", [item.name], place, says, sums, explains=Explains.GRADIENT
            )
            continue
        yield ProgramFault(
            "gradient-never-computed",
            [item.name],
            node_id,
            part if item.unmoved else "",
            [] if item.unmoved else list(_updates(facts, item.name)),
            line=line,
            explains=Explains.GRADIENT,
        )


def _whole_sums(facts: Facts, name: str) -> Iterator[tuple[Change, ...]]:
    """Sums over the examples where an update takes the sum of all: that of a softmax's deltas is 0.

    The steps are then the rounding of nothing.
    """
    graph = facts.readings[0].graph
    parameter = next(x for x in facts.readings[0].parameters if x.name == name)
    ends = [end for end in parameter.ends if end is not None]
    for index in sorted({i for end in ends for i in ancestors(graph, end)} - set(parameter.heads)):
        node = facts.nodes.get(graph[index].node_id)
        whole = isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords
        if whole and graph[index].operation == "sum" and graph[index].size == 1:
            text = ast.unparse(node.args[0])  # type: ignore[union-attr]
            yield from ((Change(graph[index].node_id, form.format(text)),) for form in _SUMMED)


def _updates(facts: Facts, name: str) -> Iterator[tuple[Change, ...]]:
    """The update that is missing: that of another parameter, with the names of this one."""
    evidence, reading = facts.evidence, facts.readings[0]
    gradients = [ast.unparse(target) for target, _ in _made_of_held(facts, name)]
    for other in facts.named(Status.RIGHT):
        statement = facts.lines.statement(facts.update(other))
        if not isinstance(statement, (ast.Assign, ast.AugAssign)):
            continue
        place = node_id_of(_last_use(facts, name, statement))
        texts = dict(facts.wording.texts(node_id_of(statement.value)))
        own_names = _names_of(texts, evidence.graph, reading.derivatives(facts.loss)[other])
        old, new = _as_written(other, name, ast.unparse(_target(statement)))
        pairs = [{old: new}, *({old: new, o: g} for o in own_names for g in gradients)]
        for text in dict.fromkeys(_renamed(statement, names) for names in pairs):
            yield (Change(place, text, "after"),)


def _as_written(other: str, name: str, target: str) -> tuple[str, str]:
    """Two parameters as the function that updates one writes them: `J`, where it is `net.J`."""
    scope = other.removesuffix(target)
    inside = scope != other and name.startswith(scope)
    return (target, name.removeprefix(scope)) if inside else (other, name)


def _last_use(facts: Facts, name: str, statement: ast.stmt) -> ast.stmt:
    """The last statement beside an update in which a parameter is read, or its gradient."""
    graph, block = facts.evidence.graph, facts.lines.block(node_id_of(statement))
    made = {node_id for _, node_id in _held(facts, name)}
    nodes = [node.index for node in graph if node.node_id in made]
    users = {graph[index].node_id for index in descendants(graph, nodes)}
    heads = next(set(p.heads) for p in facts.readings[0].parameters if p.name == name)
    users |= {node.node_id for node in graph if heads & set(node.inputs)}
    using = {facts.lines.statement(node_id) for node_id in users if node_id >= 0}
    around = (s for s in block if using & set(ast.walk(s)))
    return max(around, key=lambda s: s.lineno, default=statement)


def _made_of_held(facts: Facts, name: str) -> list[tuple[ast.expr, int]]:
    """The variables that are given a derivative, or as much made of it, as a memory is."""
    graph, held = facts.evidence.graph, _held(facts, name)
    nodes = {node.index for node in graph if node.node_id in {node_id for _, node_id in held}}
    made = {
        graph[index].node_id
        for index in descendants(graph, nodes) - nodes
        if nodes and graph[index].size == graph[min(nodes)].size
    }
    more = [(target, node_id) for target, node_id in _assigned(facts) if node_id in made]
    return sorted([*held, *more], key=lambda item: -item[0].lineno)


def _held(facts: Facts, name: str) -> list[tuple[ast.expr, int]]:
    """The variables that are given multiples of a derivative, and what gives it; last first."""
    evidence = facts.evidence
    head = next(p.heads for p in facts.readings[0].parameters if p.name == name)
    last = {node.node_id: node.index for node in evidence.graph if node.index in evidence.carrying}
    found = [
        (target, node_id)
        for target, node_id in _assigned(facts)
        if len(head) == 1
        and node_id in last
        and evidence.factor(last[node_id], head[0]) is not None
    ]
    return sorted(found, key=lambda item: -item[0].lineno)


def _assigned(facts: Facts) -> Iterator[tuple[ast.expr, int]]:
    """Each variable with the node_ids of the statement, and of the expression, that give it."""
    for statement in ast.walk(facts.lines.tree):
        if isinstance(statement, (ast.Assign, ast.AugAssign)):
            yield _target(statement), node_id_of(statement)
            yield _target(statement), node_id_of(statement.value)


def _target(statement: ast.Assign | ast.AugAssign) -> ast.expr:
    return statement.targets[0] if isinstance(statement, ast.Assign) else statement.target


def _names_of(texts: Mapping[str, int], graph: Graph, derivative: np.ndarray | None) -> list[str]:
    """The program's expressions for multiples of a derivative; of one number, for it itself."""
    if derivative is None:
        return []
    found = {text: factor_between(graph[node].value, derivative) for text, node in texts.items()}
    return [
        text
        for text, factor in found.items()
        if factor is not None and (derivative.size > 1 or abs(abs(factor) - 1) <= _SAME)
    ]


def _renamed(statement: ast.stmt, names: Mapping[str, str]) -> str:
    """A statement with expressions in the places of others, and in names that are made of them."""
    text = ast.unparse(statement)
    for old, new in names.items():
        text = re.sub(rf"(?<![\w.]){re.escape(old)}(?!\w|\[(?!\.))", new, text)
    old, new = (item.rpartition(".")[2] for item in next(iter(names.items())))
    return re.sub(rf"(?<=[a-z_]){re.escape(old)}(?!\w)", new, text) if old.isidentifier() else text


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
    first = next((graph[index] for index in mine if graph[index].node_id >= 0), None)
    if first is None:
        return None
    places = [place for _, place in operand_nodes(first, facts.nodes[first.node_id])]
    given = (facts.lines.given_by(place) for place in places)
    return next((node_id_of(item) for item in given if item is not None), first.node_id)

"""Wrong gradients: the expressions that make them wrong, which bug it is, and what is due there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from nndiag.program.graph.adjoints import ancestors
from nndiag.program.judging.early_updates import early_updates
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Edits, Explains, ProgramFault
from nndiag.program.judging.named_by_edit import bug_by_edit, is_summand
from nndiag.program.location.aims import Aims
from nndiag.program.location.located import located_faults
from nndiag.program.location.relation import Relations
from nndiag.program.location.structure import increments, orders
from nndiag.program.location.substitution import Substitution
from nndiag.program.location.synthesis import expressions_due
from nndiag.program.location.wording import operand_nodes
from nndiag.program.loop.step_evaluator import Point
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.status import Status
from nndiag.program.text.instrument import node_id_of

_SAME = 1e-3
_SIZED = ("summed-instead-of-averaged", "wrong-constant-factor")
_FACTORS = ("loss-gradient-scaled-by-residual", *_SIZED, "wrong-sign")
_SLIGHT = (Status.WRONG_SIGN, Status.WRONG_SCALE)
Due = tuple[Point, int, np.ndarray]


def gradient_faults(facts: Facts, explained: set[str]) -> Iterator[ProgramFault]:
    """What makes gradients wrong: a direction, a sign, a factor.

    Args:
        facts: The program.
        explained: The parameters of which that is known.
    """
    wrong = [name for name in facts.named(Status.WRONG) if name not in explained]
    slight = [name for name in facts.named(*_SLIGHT) if name not in explained]
    if any(item.by_residual for item in facts.comparisons):
        wrong += [name for name in slight if name in facts.single]
        slight = [name for name in slight if name not in facts.single]
    frozen = facts.named(Status.NEVER_UPDATED)
    for early in early_updates(facts, wrong):
        yield early
        wrong = [name for name in wrong if name not in early.parameters]
    if not wrong and not slight and not frozen:
        return
    search = _Faults(facts)
    found = list(search.faults(wrong, exact=False)) if wrong else []
    mended = {name for fault in found if fault.edits for name in fault.parameters}
    if {*wrong, *frozen} - mended:
        yield from search.structural()
    yield from found
    if slight:
        yield from search.faults(slight, exact=True)


def other_expressions(
    facts: Facts, node_id: int, dues: Sequence[Due], *, any_factor: bool, steady: bool = False
) -> Edits:
    """Edits that put other expressions in the place of one.

    Args:
        facts: The program.
        node_id: The expression.
        dues: Points, with which time the expression is computed there, and what is due then.
        any_factor: Whether a multiple of what is due will do.
        steady: Whether it is to be the same multiple at all points.
    """
    place = facts.nodes.get(node_id)
    if not isinstance(place, ast.expr):
        return []
    scope = facts.lines.function(node_id) or facts.lines.tree
    texts = expressions_due(facts.bench, place, scope, dues, any_factor=any_factor, steady=steady)
    return [(facts.lines.change(place, text),) for text in texts]


def _factors_of(place: ast.expr) -> list[str]:
    """What a product or a quotient is made of, one after the other."""
    if isinstance(place, ast.BinOp) and isinstance(place.op, (ast.Mult, ast.Div)):
        return [*_factors_of(place.left), *_factors_of(place.right)]
    return [ast.unparse(place)]


def _without_a_factor(text: str, known: set[str]) -> tuple[int, int]:
    """How far a product is from one that has lost a factor: by new ones, then by more lost."""
    factors = _factors_of(ast.parse(text, mode="eval").body)
    return len(set(factors) - known), -len(factors)


class _Faults:
    """Finds the expressions that make gradients wrong."""

    def __init__(self, facts: Facts) -> None:
        self.facts, self.evidence, self.lines = facts, facts.evidence, facts.lines
        self.relations = Relations(facts.evidence)
        self.expressions = {s for s, node in facts.nodes.items() if isinstance(node, ast.expr)}

    def faults(self, names: Sequence[str], *, exact: bool) -> Iterator[ProgramFault]:
        """What makes some gradients wrong, one fault after the other."""
        rate = self.facts.found.rate
        held = any(item.is_held for item in self.facts.readings[0].parameters)
        aims = Aims(
            self.facts.tapes,
            self.facts.loss,
            names,
            self.facts.named(Status.RIGHT),
            exact=exact,
            scale=rate.value if held and rate is not None else None,
        )
        behind = [name for name in aims.wrong if exact and aims.is_behind(name)]
        aims.without(behind)
        left = [name for name in names if name not in behind]
        for either in located_faults(aims, self.expressions):
            made = [self._of_substitution(item) for item in either]
            edited = [fault for fault in made if fault.edits]
            fault = next((fault for fault in edited if self._adds(fault)), [*edited, made[-1]][0])
            left = [name for name in left if name not in fault.parameters]
            yield fault
        if behind:
            yield self._of_updates(behind)
        for name in left:
            yield ProgramFault(
                "wrong-loss-gradient",
                [name],
                self.facts.update(name),
                explains=Explains.GRADIENT,
                is_vague=True,
            )

    def _adds(self, fault: ProgramFault) -> bool:
        """Whether what mends a fault is one more summand: what is there has been right so far."""
        change = fault.edits[0][0]
        own = self.facts.nodes[change.node_id]
        if not isinstance(own, ast.expr):  # a whole statement is written anew
            return False
        return is_summand(ast.unparse(own), ast.parse(change.text, mode="eval").body)

    def structural(self) -> Iterator[ProgramFault]:
        """Statements that make wrong parameters right when they are increments, or turned."""
        evidence, training = self.evidence, self.facts.found.watched.loop.node
        node_ids = {evidence.graph[node].node_id for node in evidence.backward & evidence.carrying}
        edits = [("assignment-instead-of-increment", item) for item in increments(self.lines)]
        edits += [
            ("broken-chain-rule", item) for item in orders(self.lines, node_ids - {-1}, training)
        ]
        for bug, change in edits:
            names = self.facts.bench.mended([change], self.facts.comparisons, self.facts.loss)
            if names:
                yield ProgramFault(
                    bug, names, change.node_id, edits=[(change,)], explains=Explains.GRADIENT
                )
                return

    # A value that is not what is due.

    def _of_substitution(self, origin: Substitution) -> ProgramFault:
        bug, found = self._relation(origin), origin
        dues: Sequence[Due] = origin.first_wrong(self.evidence)
        if bug not in _FACTORS:
            found, dues = self._handed_on(origin, dues)
        assumed = not self.facts.loss.own  # of an assumed loss any multiple is one
        by_residual = bug == _FACTORS[0]
        loose = assumed or by_residual or (not found.scaled and bug not in _SIZED)
        node_id, carried = self._where_carried_on(found, dues)
        edits = other_expressions(self.facts, node_id, carried, any_factor=False) if carried else []
        if edits:
            found, bug = replace(found, node_id=node_id), "broken-chain-rule"
        else:
            edits = other_expressions(
                self.facts, found.node_id, dues, any_factor=loose, steady=by_residual
            )
        if not edits and found.scaled and found.targets:  # another bug may have left out a factor
            edits = other_expressions(self.facts, found.node_id, dues, any_factor=True)
        if by_residual:  # a factor is to go, and nothing else, not to give way to another
            own = self.facts.nodes[found.node_id]
            known = set(_factors_of(own) if isinstance(own, ast.expr) else [])
            edits.sort(key=lambda edit: _without_a_factor(edit[0].text, known))
        place, relation = self.facts.nodes[found.node_id], bug
        if edits and isinstance(place, ast.expr) and edits[0][0].node_id == found.node_id:
            bug = bug_by_edit(bug, place, edits[0][0].text)
        return ProgramFault(
            bug,
            list(found.mends),
            found.node_id,
            self._detail(found, relation),
            edits,
            explains=Explains.GRADIENT,
        )

    def _where_carried_on(self, found: Substitution, dues: Sequence[Due]) -> tuple[int, list[Due]]:
        """Where a summand that is wrong was carried on from the round before, and what is due.

        With `prev = delta` at the end of a loop, and `e = w @ d + prev` in the next round, it is
        `prev` that is wrong, and not the sum.
        """
        place = self.facts.nodes[found.node_id]
        if not isinstance(place, ast.BinOp) or not isinstance(place.op, ast.Add):
            return -1, []
        for operand, other in ((place.left, place.right), (place.right, place.left)):
            name = operand.id if isinstance(operand, ast.Name) else ""
            given = self.lines.carried_on(place, name) if name else None
            if given is None:
                continue
            rows = []
            for point, count, due in dues:
                reading = self._reading_at(point)
                node = reading.graph[reading.keyed[found.node_id, None, count]]
                parts = {item: index for index, item in operand_nodes(node, place)}
                if other in parts and count > 0:
                    rest = np.asarray(reading.graph[parts[other]].value, float)
                    rows.append((point, count - 1, due - rest))
            return node_id_of(given), rows
        return -1, []

    def _handed_on(
        self, found: Substitution, dues: Sequence[Due]
    ) -> tuple[Substitution, Sequence[Due]]:
        """A right value at the place where another variable takes it, or a multiple of it, over."""
        alias = self.lines.handed_on(found.node_id) if found.is_right else None
        statement = self.lines.statement(found.node_id)
        if alias is None or not isinstance(statement, ast.Assign):
            return found, dues
        scaled = []
        for point, count, due in dues:
            reading = self._reading_at(point)
            keys = [(item, None, count) for item in (node_id_of(statement.value), found.node_id)]
            values = [reading.graph[reading.keyed[k]].value for k in keys if k in reading.keyed]
            factor = factor_between(*values) if len(values) == len(keys) else None
            if factor is None:
                return found, dues
            scaled.append((point, count, factor * due))
        return replace(found, node_id=alias), scaled

    def _reading_at(self, point: Point) -> Reading:
        return next(item for item in self.evidence.readings if item.point is point)

    def _relation(self, found: Substitution) -> str:
        """What is wrong with the expression, by what it was made from and what is due."""
        by_residual = {item.name for item in self.facts.comparisons if item.by_residual}
        if by_residual and set(found.mends) <= by_residual | self.facts.single:
            return "loss-gradient-scaled-by-residual"
        ratio = found.ratio(self.evidence)
        if ratio is not None and abs(ratio - 1) > _SAME:
            return self._by_ratio(ratio)
        if not found.targets:  # times a factor, another one at each point
            return "wrong-constant-factor"
        pairs = sorted(zip(found.nodes, found.targets), key=lambda pair: pair[0] != found.first)
        return self.relations.between(*pairs[0])

    def _by_ratio(self, ratio: float) -> str:
        """The bug of a value that is a multiple of what is due."""
        if ratio < 0:
            return "wrong-sign"
        sizes = [size for size in self.facts.examples if size > 2]
        whole = [abs(ratio - n) <= _SAME * n or abs(ratio * n - 1) <= _SAME for n in sizes]
        return "summed-instead-of-averaged" if any(whole) else "wrong-constant-factor"

    def _detail(self, found: Substitution, bug: str) -> str:
        ratio = found.ratio(self.evidence)
        return "" if ratio is None or bug not in _SIZED else self._times(found.mends, ratio)

    def _times(self, names: Sequence[str], ratio: float) -> str:
        held = self.facts.found.settings.gradient_of(names[0]) is not None
        other = "the gradient of the loss" if held else "that of the others"
        return f"the step is {ratio:.4g} times {other}"

    # A right gradient, taken with a wrong sign or factor.

    def _of_updates(self, names: Sequence[str]) -> ProgramFault:
        """The updates of some parameters as one fault: each is to be changed."""
        found = [self._of_update(name) for name in names]
        first, changes = (
            found[0],
            [change for f in found for edit in f.edits[:1] for change in edit],
        )
        if len(found) > 1 and all(fault.edits and fault.bug == first.bug for fault in found):
            first.edits.insert(0, tuple(dict.fromkeys(changes)))
        first.parameters = list(names)
        return first

    def _of_update(self, name: str) -> ProgramFault:
        item = next(item for item in self.facts.comparisons if item.name == name)
        turned = item.ratio is None or item.status is Status.WRONG_SIGN
        ratio = -1.0 if item.ratio is None or turned else item.ratio
        bug, node_id = self._by_ratio(ratio), self._odd_stage(name)
        statement = self.lines.statement(node_id)
        edits: Edits = []
        if isinstance(statement, ast.AugAssign) and node_id == node_id_of(statement):
            node_id = node_id_of(statement.value)
            if ratio < 0 and isinstance(statement.op, (ast.Add, ast.Sub)):
                value = statement.value
                edits = [(self.lines.change(value, f"-({ast.unparse(value)})"),)]
        dues = self._dues(name, node_id, {} if turned else item.ratios, -1.0 if turned else 1.0)
        edits += other_expressions(self.facts, node_id, dues, any_factor=False)
        says = "" if ratio < 0 else self._times([name], ratio)
        return ProgramFault(bug, [name], node_id, says, edits, explains=Explains.GRADIENT)

    def _odd_stage(self, name: str) -> int:
        """Where a step first has another factor over the gradient than the steps of others."""
        tape = self.facts.tapes[0]
        own = tape.stages(name)
        for other in self.facts.named(Status.RIGHT):
            theirs = tape.stages(other)
            if len(own) < len(theirs):
                return tape.graph[tape.gradients[name][-1]].node_id  # a factor was left out
            pairs = zip(own, theirs)
            odd = next((s for (s, f), (_, g) in pairs if abs(f - g) > _SAME * abs(g)), None)
            if odd is not None:
                return odd
        return self.facts.update(name)

    def _dues(
        self, name: str, node_id: int, ratios: Mapping[int, float], other: float
    ) -> list[Due]:
        """What is due in an update, where its step is so many times too large at each point."""
        found = []
        for reading in self.evidence.readings:
            ratio = ratios.get(self.facts.readings.index(reading), other)
            parameter = next(item for item in reading.parameters if item.name == name)
            way = ancestors(reading.graph, parameter.ends[0] or 0)
            for key, node in reading.keyed.items():
                value = np.asarray(reading.graph[node].value, float)
                if key[0] != node_id or node not in way:
                    continue
                if node in parameter.ends:
                    start = reading.graph[parameter.heads[parameter.ends.index(node)]].value
                    value = start + (value - start) / ratio
                else:
                    value = value / ratio
                found.append((reading.point, key[2], value))
                break
        return found

"""Wrong gradients: the expressions that make them wrong, which bug it is, and what is due there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from nndiag.program.judging.early_updates import early_updates
from nndiag.program.judging.facts import Facts
from nndiag.program.judging.fault import Edits, Explains, ProgramFault
from nndiag.program.judging.named_by_edit import (
    DERIVATIVES,
    bug_by_edit,
    has_slope,
    is_small,
    is_summand,
)
from nndiag.program.judging.update_factors import (
    SAME,
    by_ratio,
    of_updates,
    other_expressions,
    spoiled_update,
    times,
)
from nndiag.program.location.aims import Aims
from nndiag.program.location.elsewhere import Due, Elsewhere
from nndiag.program.location.located import located_faults
from nndiag.program.location.relation import Relations
from nndiag.program.location.structure import carried, increments, orders
from nndiag.program.location.substitution import Substitution
from nndiag.program.roles.multiples import factor_between
from nndiag.program.roles.status import FINE, Status

_SIZED = ("summed-instead-of-averaged", "wrong-constant-factor")
_FACTORS = ("loss-gradient-scaled-by-residual", *_SIZED, "wrong-sign")
_LIKELIEST = 2  # edits that tell which of several expressions is at fault
_SLIGHT = (Status.WRONG_SIGN, Status.WRONG_SCALE)


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
    carrying = list(search.uncarried())
    if carrying:
        yield from carrying
        return
    found = list(search.faults(wrong, exact=False)) if wrong else []
    mended = {name for fault in found if fault.edits for name in fault.parameters}
    if {*wrong, *frozen} - mended:
        yield from search.structural()
    yield from found
    if slight:
        yield from search.faults(slight, exact=True)


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
        self.elsewhere = Elsewhere(facts.evidence, facts.lines, facts.nodes)
        self.expressions = {s for s, node in facts.nodes.items() if isinstance(node, ast.expr)}

    def faults(self, names: Sequence[str], *, exact: bool) -> Iterator[ProgramFault]:
        """What makes some gradients wrong, one fault after the other."""
        astray = [x.name for x in self.facts.comparisons if x.is_astray and x.name in names]
        yield from (spoiled_update(self.facts, name) for name in astray)
        names = [name for name in names if name not in astray]
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
            made: list[ProgramFault] = []
            for place, item in enumerate(either):
                seen = any(item.is_right == other.is_right for other in either[:place])
                if not seen or not any(map(self._promises, made)):
                    made.append(self._of_substitution(item))
            edited = [f for f in made if self._promises(f)] if len(made) > 1 else made
            edited = edited or [fault for fault in made if fault.edits]
            adding = (fault for fault in edited if fault.edits and self._adds(fault))
            fault = next(adding, [*edited, made[-1]][0])
            left = [name for name in left if name not in fault.parameters]
            yield fault
        if behind:
            yield of_updates(self.facts, behind)
        for name in left:
            yield ProgramFault(
                "wrong-loss-gradient",
                [name],
                self.facts.update(name),
                explains=Explains.GRADIENT,
                is_vague=True,
            )

    def _promises(self, fault: ProgramFault) -> bool:
        """Whether one of the likeliest edits of a fault makes something right."""
        bench, before, loss = self.facts.bench, self.facts.comparisons, self.facts.loss
        return any(bench.mended(edit, before, loss) for edit in fault.edits[:_LIKELIEST])

    def _adds(self, fault: ProgramFault) -> bool:
        """Whether what mends a fault is one more summand: what is there has been right so far."""
        change = fault.edits[0][0]
        own = self.facts.nodes[change.node_id]
        if not isinstance(own, ast.expr):  # a whole statement is written anew
            return False
        return is_summand(ast.unparse(own), ast.parse(change.text, mode="eval").body)

    def uncarried(self) -> Iterator[ProgramFault]:
        """States that are not carried on, where everything is right as soon as they are.

        The gradients are those of the network that is meant, so that it is not they that are wrong.
        """
        wrong = {item.name for item in self.facts.comparisons if item.status not in FINE}
        for change in carried(self.lines, self.facts.found.watched.loop.node):
            names = self.facts.bench.mended([change], self.facts.comparisons, self.facts.loss)
            if wrong <= set(names):
                says = (
                    f"{names[0]} is updated as if a state were carried on, but each round of the "
                    "forward pass reads the same entry"
                )
                edits: Edits = [(change,)]
                yield ProgramFault(
                    "broken-chain-rule", names, change.node_id, says, edits, explains=Explains.ALL
                )
                return

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
            found, dues = self.elsewhere.handed_on(origin, dues)
        assumed = not self.facts.loss.own  # of an assumed loss any multiple is one
        by_residual = bug == _FACTORS[0]
        loose = assumed or by_residual or (not found.scaled and bug not in _SIZED)
        node_id, carried = self.elsewhere.carried_on(found, dues)
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
            bug = bug_by_edit(bug, place, edits[0][0].text, self._derivatives)
        elif bug == DERIVATIVES[0] and not edits and has_slope(place):
            bug = "wrong-activation-derivative"
        node_id, inside = self._of_function(found, dues, edits)
        if inside:
            edits, found = [*inside, *edits], replace(found, node_id=node_id)
            bug = "wrong-activation-derivative" if bug in DERIVATIVES else bug
        return ProgramFault(
            bug,
            list(found.mends),
            found.node_id,
            self._detail(found, relation),
            edits,
            explains=Explains.GRADIENT,
        )

    @cached_property
    def _derivatives(self) -> set[str]:
        """The variables that hold what is made by a derivative, right or wrong."""
        functions = {
            node.name: node
            for node in self.facts.nodes.values()
            if isinstance(node, ast.FunctionDef)
        }
        found = set()
        for node in self.facts.nodes.values():
            if isinstance(node, ast.Assign):
                value: ast.AST = node.value
                called = ast.unparse(value.func) if isinstance(value, ast.Call) else ""
                if has_slope(functions.get(called.rpartition(".")[2], value)):
                    found |= {ast.unparse(target) for target in node.targets}
        return found

    def _of_function(
        self, found: Substitution, dues: Sequence[Due], edits: Edits
    ) -> tuple[int, Edits]:
        """What mends a function that the expression calls, where no small change of it does."""
        node_id, inner = self.elsewhere.called(found, dues)
        if not inner or (edits and is_small(self.facts.nodes[found.node_id], edits[0][0].text)):
            return -1, []
        return node_id, other_expressions(self.facts, node_id, inner, any_factor=False)

    def _relation(self, found: Substitution) -> str:
        """What is wrong with the expression, by what it was made from and what is due."""
        by_residual = {item.name for item in self.facts.comparisons if item.by_residual}
        whole = bool(by_residual) and set(found.mends) <= by_residual | self.facts.single
        if whole and self._goes_with_residual(found):
            return "loss-gradient-scaled-by-residual"
        ratio = found.ratio(self.evidence)
        if ratio is not None and abs(ratio - 1) > SAME:
            return by_ratio(self.facts, ratio)
        if not found.targets:  # times a factor, another one at each point
            return "wrong-constant-factor"
        pairs = sorted(zip(found.nodes, found.targets), key=lambda pair: pair[0] != found.first)
        bug = self.relations.between(*pairs[0])
        # where other gradients are right, the backward pass starts from the right one
        alone = bug == "wrong-loss-gradient" and bool(self.facts.named(Status.RIGHT))
        return self.relations.of_parameter(found.targets[0], bug) if alone else bug

    def _goes_with_residual(self, found: Substitution) -> bool:
        """Whether the values are what is due times the mean of the residual, or times a power."""
        powers = []
        for number, dues in found.dues:
            reading = self.evidence.readings[number]
            residuals = [reading.forward[item.node].value for item in reading.residuals]
            mean = abs(np.mean([np.mean(value) for value in residuals])) if residuals else 0.0
            node, due = next(iter(dues.items()))
            ratio = factor_between(reading.graph[node].value, due) if np.any(due) else None
            if ratio is None or mean == 0:
                return ratio is not None
            powers.append(np.log([abs(ratio), mean]))
        one, other = np.transpose(powers) - np.mean(powers, axis=0)[:, None]
        return bool(np.linalg.norm(one - other) <= SAME * np.linalg.norm(other))

    def _detail(self, found: Substitution, bug: str) -> str:
        ratio = found.ratio(self.evidence)
        return "" if ratio is None or bug not in _SIZED else times(self.facts, found.mends, ratio)

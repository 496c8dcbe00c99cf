"""Gradients of a wrong direction: the expressions that make them wrong, and what is due there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from nndiag.program.judging.fault import ProgramFault
from nndiag.program.judging.named import bug_of
from nndiag.program.judging.named_by_edit import bug_by_edit
from nndiag.program.judging.single_factors import without_single_factors
from nndiag.program.location.culprit import Culprit, Fault, culprit_of
from nndiag.program.location.culprit import explained as explained_value
from nndiag.program.location.evidence import Evidence
from nndiag.program.location.lines import Lines
from nndiag.program.location.located import located_faults
from nndiag.program.location.structure import increments, orders
from nndiag.program.location.substitution import Substitution
from nndiag.program.location.synthesis import Workbench, expressions_due
from nndiag.program.location.wording import Wording
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.status import Status
from nndiag.program.roles.understanding import Understanding
from nndiag.program.roles.ways import update_node_id
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of


class DirectionFaults:
    """Finds the expressions that make gradients wrong."""

    def __init__(self, found: Understanding, comparisons: Sequence[Comparison]) -> None:
        assert found.loss is not None
        self.found = found
        self.comparisons = comparisons
        self.nodes = found.nodes
        self.lines = Lines(found.host.tree, self.nodes)
        self.evidence = Evidence(found.readings, found.loss)
        self.wording = Wording(self.evidence, self.lines, self.nodes)
        self.bench = Workbench(found)
        self.restored: set[str] = set()  # what is mended by an edit of a statement

    def _named(self, *statuses: Status) -> list[Comparison]:
        return [item for item in self.comparisons if item.status in statuses]

    def _wrong(self, explained: set[str]) -> Iterator[ProgramFault]:
        scaled = [self._by_residual(i) for i in self._named(Status.WRONG) if i.by_residual]
        scaled = [fault for fault in scaled if fault.edits]
        yield from scaled
        explained = explained | {name for fault in scaled for name in fault.parameters}
        wrong = [i.name for i in self._named(Status.WRONG) if i.name not in explained]
        right = [item.name for item in self._named(Status.RIGHT)]
        found: list[ProgramFault] = []
        for either in located_faults(self.evidence, wrong, right):
            made = [self._of_substitution(item) for item in either]
            found.append(next((fault for fault in made if fault.edits), made[-1]))
        mended = {name for fault in found if fault.edits for name in fault.parameters}
        frozen = [item.name for item in self._named(Status.NEVER_UPDATED)]
        structural = list(self._structural()) if {*wrong, *frozen} - mended else []
        if structural:
            found = structural
            self.restored = {name for fault in structural for name in fault.parameters}
        located = explained | {name for fault in found for name in fault.parameters}
        yield from found
        for item in self._named(Status.WRONG):
            if item.name in located:
                continue
            if item.by_residual:
                yield self._by_residual(item)
                continue
            parameter = next(
                (p for p in self.evidence.readings[0].parameters if p.name == item.name), None
            )
            culprit = None if parameter is None else culprit_of(self.evidence, parameter)
            if culprit is None:
                node_id = self._update(item.name)
                yield ProgramFault("wrong-loss-gradient", [item.name], node_id, is_vague=True)
                continue
            yield self._of_culprit(item.name, culprit)

    def _structural(self) -> Iterator[ProgramFault]:
        """Statements that make wrong parameters right when they are increments, or turned."""
        node_ids = {
            self.evidence.graph[node].node_id
            for node in self.evidence.backward & self.evidence.carrying
        }
        edits = [("assignment-instead-of-increment", item) for item in increments(self.lines)]
        edits += [("broken-chain-rule", item) for item in orders(self.lines, node_ids - {-1})]
        for bug, change in edits:
            names = self.bench.mended([change], self.comparisons, self.evidence.loss)
            if names:
                yield ProgramFault(bug, names, change.node_id, "", [(change,)])
                return

    def _of_substitution(self, found: Substitution) -> ProgramFault:
        culprit = self._classified(found)
        edits: list[tuple[Change, ...]] = []
        place = self.nodes[found.node_id]
        if isinstance(place, ast.expr):
            scope = self.lines.function(found.node_id) or self.lines.tree
            dues = found.first_wrong(self.evidence)
            texts = expressions_due(self.bench, place, scope, dues, any_factor=not found.scaled)
            if not texts and found.scaled:  # another bug may have left out a factor, or turned it
                texts = expressions_due(self.bench, place, scope, dues, any_factor=True)
            edits = [(Change(found.node_id, text),) for text in texts]
        bug = "wrong-loss-gradient" if culprit is None else bug_of(culprit, self.evidence)
        if edits and isinstance(place, ast.expr):
            bug = bug_by_edit(bug, place, edits[0][0].text)
        by_residual = {item.name for item in self.comparisons if item.by_residual}
        if set(found.mends) <= by_residual:
            bug = "loss-gradient-scaled-by-residual"
        line = None
        if culprit is not None and bug == "uses-updated-weights":
            early = self._early_update(culprit)
            if early is not None:
                line = early.lineno
                edits = [*self._moved(early, culprit), *edits]
        return ProgramFault(bug, list(found.mends), found.node_id, "", edits, line)

    def _classified(self, found: Substitution) -> Culprit | None:
        """What is wrong with the expression, by what it was made from and what is due."""
        for node, target in zip(found.nodes, found.targets):
            culprit = explained_value(self.evidence, node, target)
            if culprit is not None:
                return culprit
        return None

    def _of_culprit(self, name: str, culprit: Culprit) -> ProgramFault:
        node_id = self.evidence.graph[culprit.node].node_id
        bug = bug_of(culprit, self.evidence)
        edits: list[tuple[Change, ...]] = []
        vague = culprit.fault is Fault.UNKNOWN
        line = self._line_of(culprit)
        if bug == "uses-updated-weights":
            early = self._early_update(culprit)
            if early is not None:
                line = early.lineno
                edits = [*self._moved(early, culprit), *edits]
        return ProgramFault(bug, [name], node_id, "", edits, line, is_vague=vague)

    def _line_of(self, culprit: Culprit) -> int | None:
        """The line of the use of an operand, or of the statement that made it what it is called."""
        if culprit.product is None:
            return None
        place = self.wording.operand(culprit.product, culprit.node)
        if place is None:
            return None
        last = self.lines.last_assignment(place, place.lineno)
        if culprit.fault is Fault.MISSING_DERIVATIVE:
            return None if last is None else last.lineno
        if culprit.fault is Fault.CHAIN and isinstance(last, ast.Assign):
            alias = isinstance(last.value, (ast.Name, ast.Attribute, ast.Subscript))
            return last.lineno if alias else place.lineno
        used = (Fault.OPERAND, Fault.WEIGHTS, Fault.FLOW, Fault.CHAIN)
        return place.lineno if culprit.fault in used else None

    def _early_update(self, culprit: Culprit) -> ast.stmt | None:
        """The statement that updates weights which are used after it."""
        node = culprit.node
        heads = {head for item in self.evidence.readings[0].parameters for head in item.heads}
        for _ in range(4):
            item = self.evidence.graph[node]
            if any(index in heads for index in item.inputs) and item.node_id >= 0:
                return self.lines.statement(item.node_id)
            if len(item.inputs) != 1:
                return None
            node = item.inputs[0]
        return None

    def _moved(self, early: ast.stmt, culprit: Culprit) -> Iterator[tuple[Change, ...]]:
        """An update moved behind the statement that uses the old value."""
        use = self.lines.statement(self.evidence.graph[culprit.product or culprit.node].node_id)
        if use is None or self.lines.function(node_id_of(use)) is not self.lines.function(
            node_id_of(early)
        ):
            return
        text = ast.unparse(early)
        yield (Change(node_id_of(use), text, "after"), Change(node_id_of(early), ""))

    def _by_residual(self, item: Comparison) -> ProgramFault:
        residuals = self.evidence.readings[0].residuals
        node_id = self.evidence.readings[0].forward[residuals[-1].node].node_id if residuals else -1
        users = [
            node.node_id
            for node in self.evidence.graph
            if residuals
            and residuals[-1].node in node.inputs
            and node.index in self.evidence.backward
        ]
        place = users[-1] if users else node_id
        edits = list(without_single_factors(self.evidence, self.nodes))
        return ProgramFault("loss-gradient-scaled-by-residual", [item.name], place, "", edits)

    def _update(self, name: str) -> int:
        return update_node_id(self.evidence.readings[0], name)

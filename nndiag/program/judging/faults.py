"""The faults of a program: what is wrong, of which parameters, where, and what may mend it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from nndiag.program.graph.adjoints import ancestors
from nndiag.program.judging.direction_faults import DirectionFaults
from nndiag.program.judging.fault import ProgramFault, merged
from nndiag.program.judging.update_faults import EXPLAINING, update_faults
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.status import Status
from nndiag.program.text.edits import Change
from nndiag.program.text.instrument import node_id_of

_SAME = 1e-3
_SUMMED = (
    "np.sum({0}, axis=0)",
    "np.sum({0}, axis=0, keepdims=True)",
    "np.sum({0}, axis=1, keepdims=True)",
    "np.sum({0}, axis=1)",
)


class FaultFinder(DirectionFaults):
    """Finds the faults of one program."""

    def faults(self) -> list[ProgramFault]:
        """All that is wrong, those first that explain most."""
        updates = list(self._updates())
        explaining = [fault for fault in updates if fault.bug in EXPLAINING]
        wrong = list(self._wrong({n for f in explaining if f.edits for n in f.parameters}))
        traced = {c.name for c in self.comparisons if c.points and all(c.factors.values())}
        later = (fault for fault in updates if fault.bug not in EXPLAINING)
        behind = {name for fault in later for name in fault.parameters} & traced
        wrong = [fault for fault in wrong if not set(fault.parameters) <= behind]
        explaining = [self._with_edits(fault, wrong) for fault in explaining]
        wrong = [w for w in wrong if not any(w.edits and f.edits is w.edits for f in explaining)]
        mended = {n for fault in wrong if fault.edits for n in fault.parameters}
        explaining = [f for f in explaining if f.edits or not set(f.parameters) <= mended]
        told = {name for fault in explaining for name in fault.parameters}
        made = [
            *explaining,
            *self._shapes(),
            *self._softmax_axis(),
            *(f for f in wrong if f.edits or not set(f.parameters) <= told),
            *self._signs(),
            *self._scales(),
            *self._frozen(),
            *(fault for fault in updates if fault.bug not in EXPLAINING),
        ]
        located = [fault for fault in made if not fault.is_vague]
        return merged(located or made)

    def _with_edits(self, fault: ProgramFault, wrong: Sequence[ProgramFault]) -> ProgramFault:
        """A fault with the edits that were found for the same statement under a vaguer name."""
        statement = self.lines.statement(fault.node_id)
        for other in wrong:
            same = statement is not None and self.lines.statement(other.node_id) is statement
            if same and other.edits and not fault.edits:
                return replace(fault, edits=other.edits)
        return fault

    def _softmax_axis(self) -> Iterator[ProgramFault]:
        """A softmax that is taken over the examples instead of the classes."""
        reading = self.evidence.readings[0]
        for residual in reading.residuals:
            output = np.asarray(reading.forward[residual.output].value, float)
            error = residual.sign * np.asarray(reading.forward[residual.node].value, float)
            target = output - error
            if output.ndim != 2 or output.shape != target.shape or min(output.shape) < 2:
                continue
            for axis in (0, 1):
                sums = np.allclose(output.sum(axis=axis), 1.0)
                classes = np.allclose(target.sum(axis=1 - axis), 1.0)
                if sums and classes and not np.allclose(target.sum(axis=axis), 1.0):
                    yield self._over_examples(residual.output)
                    return

    def _over_examples(self, output: int) -> ProgramFault:
        graph = self.evidence.readings[0].forward
        sums = [
            graph[index]
            for index in sorted(ancestors(graph, output))
            if graph[index].operation == "sum" and index > output - 8
        ]
        node_id = sums[-1].node_id if sums else graph[output].node_id
        node = self.nodes.get(node_id)
        names = [item.name for item in self.comparisons if item.status is not Status.RIGHT]
        edits: list[tuple[Change, ...]] = []
        if isinstance(node, ast.Call):
            text = ast.unparse(node)
            for old, new in (("axis=0", "axis=1"), ("axis=1", "axis=0"), ("axis=-1", "axis=0")):
                if old in text:
                    edits.append((Change(node_id, text.replace(old, new)),))
                    break
        return ProgramFault("softmax-wrong-axis", names, node_id, "", edits)

    # A wrong sign.

    def _signs(self) -> Iterator[ProgramFault]:
        wrong = self._named(Status.WRONG_SIGN)
        if not wrong:
            return
        right = self._named(Status.RIGHT)
        names = [item.name for item in wrong]
        if not right and len(wrong) > 1:
            yield self._common_sign(names)
            return
        for item in wrong:
            yield self._own_sign(item)

    def _common_sign(self, names: list[str]) -> ProgramFault:
        """All go uphill: the residual has the other sign, or each update."""
        reading = self.evidence.readings[0]
        node_id = next(
            (reading.forward[item.node].node_id for item in reversed(reading.residuals)), -1
        )
        node = self.nodes.get(node_id)
        edits: list[tuple[Change, ...]] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            text = f"{_bracketed(node.right)} - {_bracketed(node.left)}"
            edits.append((Change(node_id, text),))
        flips = [change for name in names for change in self._flipped(name)]
        if flips:
            edits.append(tuple(dict.fromkeys(flips)))
        negative = self._first_negative(names[0])
        if negative is not None and negative != node_id:
            edits.append(self._negated(negative))
        return ProgramFault("wrong-sign", names, node_id, "", edits)

    def _own_sign(self, item: Comparison) -> ProgramFault:
        update = self._update(item.name)
        negative = self._first_negative(item.name)
        edits = [tuple(self._flipped(item.name))] if self._flipped(item.name) else []
        node_id = update
        if negative is not None:
            edits.insert(0, self._negated(negative))
            node_id = negative
        return ProgramFault("wrong-sign", [item.name], node_id, "", edits)

    def _first_negative(self, name: str) -> int | None:
        """The first expression on the way to an update that has the opposite of its derivative."""
        sizes, own, shared = self._sizes, *self._own_and_shared(name)
        signs = [factor > 0 for node, factor in sizes.items() if node in shared]
        usual = not signs or sum(signs) * 2 >= len(signs)
        for node, factor in sizes.items():
            inputs = [item for item in self.evidence.graph[node].inputs if item in sizes]
            before = all((sizes[item] > 0) is usual for item in inputs)
            if node in own and (factor > 0) is not usual and before:
                return self.evidence.graph[node].node_id
        return None

    @cached_property
    def _sizes(self) -> dict[int, float]:
        """The factors of the values of the backward pass over the derivatives that they are."""
        graph, evidence = self.evidence.graph, self.evidence
        found: dict[int, float] = {}
        for node in sorted(evidence.backward & evidence.carrying):
            for target in evidence.forward:
                if graph[target].size == graph[node].size:
                    factor = evidence.factor(node, target)
                    if factor is not None:
                        found[node] = factor
                        break
        return found

    def _own_and_shared(self, name: str) -> tuple[set[int], set[int]]:
        """The nodes that lead to one parameter alone, and those that lead to right ones."""
        shared = self._ways(self._named(Status.RIGHT))
        own = self._ways([item for item in self.comparisons if item.name == name])
        return own - shared, shared

    def _ways(self, items: Sequence[Comparison]) -> set[int]:
        """The nodes that lead to some parameters' updates."""
        names = {item.name for item in items}
        found: set[int] = set()
        for parameter in self.evidence.readings[0].parameters:
            for end in parameter.ends if parameter.name in names else ():
                if end is not None and end not in found:
                    found |= ancestors(self.evidence.graph, end)
        return found

    def _negated(self, node_id: int) -> tuple[Change, ...]:
        node = self.nodes[node_id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return (Change(node_id, ast.unparse(node.operand)),)
        left = node.left if isinstance(node, ast.BinOp) else None
        if isinstance(left, ast.UnaryOp) and isinstance(left.op, ast.USub):
            return (Change(node_id_of(left), ast.unparse(left.operand)),)
        if not isinstance(node, ast.expr):
            return ()
        return (Change(node_id, f"-({ast.unparse(node)})"),)

    def _flipped(self, name: str) -> list[Change]:
        """The update with the opposite sign."""
        node_id = self._update(name)
        statement = self.lines.statement(node_id) if node_id >= 0 else None
        node: ast.AST | None = statement
        if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Sub)):
            sign = "-" if isinstance(node.op, ast.Add) else "+"
            text = f"{ast.unparse(node.target)} {sign}= {ast.unparse(node.value)}"
            return [Change(node_id_of(node), text)]
        value = node.value if isinstance(node, ast.Assign) else None
        if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.Sub)):
            sign = "-" if isinstance(value.op, ast.Add) else "+"
            text = f"{ast.unparse(value.left)} {sign} {_bracketed(value.right)}"
            return [Change(node_id_of(value), text)]
        return []

    # A wrong size.

    def _scales(self) -> Iterator[ProgramFault]:
        examples = self.examples
        for item in self._named(Status.WRONG_SCALE):
            ratio = item.ratio or 1.0
            by_examples = any(
                abs(ratio - size) <= _SAME * size or abs(ratio * size - 1) <= _SAME
                for size in examples
                if size > 2
            )
            bug = "summed-instead-of-averaged" if by_examples else "wrong-constant-factor"
            node_id = self._odd_factor(item)
            held = self.found.settings.gradient_of(item.name) is not None
            other = "the gradient of the loss" if held else "that of the others"
            detail = f"the step is {ratio:.4g} times {other}"
            yield ProgramFault(bug, [item.name], node_id, detail, self.rescaled(node_id, ratio))

    @property
    def examples(self) -> list[int]:
        """The sizes of the axes of residuals: one of them counts the examples."""
        reading = self.evidence.readings[0]
        shapes = [reading.forward[item.node].shape for item in reading.residuals]
        sizes = {size for shape in shapes for size in shape}
        return sorted(sizes | {len(reading.residuals)})

    def _odd_factor(self, item: Comparison) -> int:
        """The expression where a parameter's gradient takes a factor that the others' has not."""
        own, shared = self._own_and_shared(item.name)
        usual = {
            round(float(np.log(abs(self._sizes[node]))), 5) for node in shared & set(self._sizes)
        }
        point = item.points[0]
        rate = abs(item.rates.get(point, 0.0))
        previous = None
        for node, factor in self._sizes.items():
            if node not in own:
                continue
            node_id = self.evidence.graph[node].node_id
            if round(float(np.log(abs(factor))), 5) not in usual:
                is_rate = abs(abs(factor) - rate) <= _SAME * abs(factor)
                return previous if is_rate and previous is not None else node_id
            previous = node_id
        return self._update(item.name)

    def rescaled(self, node_id: int, ratio: float) -> list[tuple[Change, ...]]:
        """Edits of an expression that is so many times too large."""
        node = self.nodes.get(node_id)
        if not isinstance(node, ast.expr):
            return []
        text = ast.unparse(node)
        found: list[tuple[Change, ...]] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
            found.append((Change(node_id, ast.unparse(node.left)),))
            found.append((Change(node_id, ast.unparse(node.right)),))
            for count in self.wording.divisors(node_id):
                found.append((Change(node_id, f"{ast.unparse(node.left)} / {count}"),))
        if isinstance(node, ast.Call) and ".mean" in text:
            found.append((Change(node_id, text.replace(".mean", ".sum", 1)),))
        if isinstance(node, ast.Call) and ".sum" in text:
            found.append((Change(node_id, text.replace(".sum", ".mean", 1)),))
        for count in self._counts(node_id, ratio):
            found.append((Change(node_id, f"({text}) / {count}"),))
        whole = round(ratio) if ratio > 1 else round(1 / ratio)
        if abs(max(ratio, 1 / ratio) - whole) <= _SAME * whole:
            found.append((Change(node_id, f"({text}) {'/' if ratio > 1 else '*'} {whole}"),))
        return found

    def _counts(self, node_id: int, ratio: float) -> Iterator[str]:
        """Expressions of the program for the number of examples, where that is the ratio."""
        if not any(abs(ratio - size) <= _SAME * size for size in self.examples):
            return
        seen = set()
        for node in ast.walk(self.lines.tree):
            counts = isinstance(node, ast.Call) and ast.unparse(node.func) == "len"
            shaped = isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith(".shape")
            near = self.lines.function(node_id_of(node)) is self.lines.function(node_id)
            if (counts or shaped) and near and (text := ast.unparse(node)) not in seen:
                seen.add(text)
                yield text
        yield from self.wording.divisors(node_id)

    # Updates that are missing, and shapes.

    def _frozen(self) -> Iterator[ProgramFault]:
        for item in self._named(Status.NEVER_UPDATED):
            if item.name in self.restored:
                continue
            node_id = self._update(item.name)
            loop = self.found.watched.loop.node
            line = None if node_id >= 0 else self._first_line(item.name) or loop.lineno
            part = f"only {item.unmoved} of its {np.prod(item.shape)} entries" * bool(item.unmoved)
            yield ProgramFault("gradient-never-computed", [item.name], node_id, part, line=line)

    def _first_line(self, name: str) -> int | None:
        """Line of the first statement that gives a variable its value."""
        tail = name.rpartition(".")[2]
        lines = [
            node.lineno
            for node in ast.walk(self.lines.tree)
            if isinstance(node, (ast.Assign, ast.AnnAssign))
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if ast.unparse(target).replace("'", '"') in (name, tail)
            or ast.unparse(target).rpartition(".")[2] == tail
        ]
        return min(lines, default=None)

    def _shapes(self) -> Iterator[ProgramFault]:
        for item in self._named(Status.CHANGES_SHAPE):
            node_id = self._update(item.name)
            end = self._end(item.name)
            after = "" if end is None else "×".join(map(str, self.evidence.graph[end].shape))
            before = "×".join(map(str, item.shape))
            detail = f"the parameter is {before}, what it becomes in the update is {after}"
            source = None if end is None else self._unsummed(item.name, end)
            edits: list[tuple[Change, ...]] = []
            if source is not None:
                node = self.nodes.get(source)
                if isinstance(node, ast.expr):
                    text = ast.unparse(node)
                    edits = [(Change(source, form.format(text)),) for form in _SUMMED]
                node_id = source
            yield ProgramFault("wrong-bias-gradient", [item.name], node_id, detail, edits)

    def _end(self, name: str) -> int | None:
        """The node that a parameter holds at the end, whatever its shape."""
        reading = self.evidence.readings[0]
        parameter = next(item for item in reading.parameters if item.name == name)
        ends = (e for leaf in parameter.tensor.leaves for e in reading.iteration.ends.get(leaf, ()))
        return next(ends, None)

    def _unsummed(self, name: str, end: int) -> int | None:
        """The expression that gives a bias's gradient, where it has too many entries."""
        reading = self.evidence.readings[0]
        others = self._ways([i for i in self.comparisons if i.name != name])
        mine = [
            index
            for index in sorted(ancestors(reading.graph, end) - others)
            if reading.graph[index].node_id >= 0 and index in self.evidence.carrying
        ]
        return reading.graph[mine[0]].node_id if mine else None

    def _updates(self) -> Iterator[ProgramFault]:
        for item in update_faults(self.found, self.comparisons, self.wording):
            found = ProgramFault(item.bug, [item.parameter], item.node_id, item.says)
            found.edits, found.severity = list(item.edits), item.severity
            yield found


def _bracketed(node: ast.expr) -> str:
    text = ast.unparse(node)
    return f"({text})" if isinstance(node, ast.BinOp) else text

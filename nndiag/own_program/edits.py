"""Changes of a setting in a program's own text: where the rate, the steps, the start stand there.

Each change leaves everything else as it was typed. What is not found is not changed.
"""

import ast
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.own_program.mirror import Told
from nndiag.program.text.source import Source

_BOUNDED = frozenset({"sigmoid", "tanh", "softmax"})
_ROOM = 3.0  # times what suits a layer: beyond, its starting weights are changed


@dataclass(frozen=True)
class Splice:
    """One place of the text that is replaced.

    Attributes:
        start: Offset of its first character.
        end: Offset behind its last one.
        text: What stands there instead.
    """

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class SettingEdit:
    """A change of one setting.

    Attributes:
        name: What is changed: "learning rate", "inputs", "steps".
        says: What it does, a short phrase.
        line: The first line that is changed.
        splices: The places.
    """

    name: str
    says: str
    line: int
    splices: tuple[Splice, ...]


def edited(text: str, edits: Sequence[SettingEdit]) -> str | None:
    """The text with some changes; None where two of them touch the same place."""
    splices = sorted((x for edit in edits for x in edit.splices), key=lambda x: (x.start, x.end))
    for one, other in itertools.pairwise(splices):
        if other.start < one.end or (one.start == other.start and one.end > one.start):
            return None
    for splice in reversed(splices):
        text = text[: splice.start] + splice.text + text[splice.end :]
    return text


class Editor:
    """Finds the places of settings in a program.

    Args:
        source: The program.
        told: What was watched of it.
    """

    def __init__(self, source: Source, told: Told) -> None:
        self._source, self._told = source, told
        self._tree = source.tree
        self._starts = [0, *np.cumsum([len(line) + 1 for line in source.lines]).tolist()]

    def rate(self, value: float) -> SettingEdit | None:
        """The learning rate set to a value."""
        if self._told["rate"] is None:
            return None
        text, known = self._told["rate"]
        places = self._numbers(text, known)
        return self._set(places, typed(value), name="learning rate", before=known)

    def steps(self, factor: int) -> SettingEdit | None:
        """The outermost loop of the training run through more often."""
        loop = self._outer_loop()
        if not isinstance(loop, ast.For) or not _is_range(loop.iter):
            return None
        call = loop.iter
        assert isinstance(call, ast.Call)
        bound = call.args[0] if len(call.args) == 1 else call.args[1]
        known = _value(bound)
        if known is None:
            found = self._constants_of({_last(bound)})
            known = next((value for _, value in found), None)
        if known is None:
            return None
        places = [bound] if _value(bound) is not None else self._numbers(ast.unparse(bound), known)
        return self._set(places, f"{int(known * factor)}", name="steps", before=known)

    def standardized(self, *, targets: bool = False) -> SettingEdit | None:
        """Inputs, or targets, with mean 0 and size 1, from the line before the training on."""
        names = self._told["named"][1 if targets else 0]
        output = self._told["output"] or {}
        if targets and output.get("activation") in _BOUNDED:
            return self._before_loop(
                names,
                lambda name, _: (
                    f"{name} = 0.1 + 0.8 * ({name} - {name}.min()) / ({name}.max() - {name}.min())"
                ),
                name="targets",
                says="between 0.1 and 0.9",
            )
        return self._before_loop(
            names,
            lambda name, axis: (
                f"{name} = ({name} - {name}.mean({axis})) / ({name}.std({axis}) + 1e-12)"
            ),
            name="targets" if targets else "inputs",
            says="standardized",
        )

    def labels(self) -> SettingEdit | None:
        """Labels −1 and 1 as 0 and 1."""
        return self._before_loop(
            self._told["named"][1],
            lambda name, _: f"{name} = ({name} + 1) / 2",
            name="labels",
            says="0 and 1 instead of -1 and 1",
        )

    def start(self) -> SettingEdit | None:
        """Weights that suit the width of their layers, and biases of zero."""
        splices, line = [], 0
        copies = self._told["copies"]
        if not copies or not self._told["links"]:
            return None
        first = copies[0][1]
        for link in self._told["links"]:
            node = self._assigned(link["weights"])
            change = _weight_change(link, np.asarray(first[link["weights"]]))
            if len(self._told["links"]) == 1 and change is not None and "rng" in change:
                change = None  # a single layer may start at zero
            if node is not None and change is not None:
                splices.append(self._wrapped(node, change))
                line = line or node.lineno
            biases = link["biases"]
            node = None if biases is None else self._assigned(biases)
            if node is not None and np.any(np.asarray(first[biases]) != 0):
                splices.append(self._wrapped(node, "({}) * 0"))
                line = line or node.lineno
        if not splices:
            return None
        unique = tuple(dict.fromkeys(splices))
        return SettingEdit("starting weights", "scaled to the layers", line, unique)

    def unclipped(self) -> SettingEdit | None:
        """Gradients that are not clipped."""
        calls = [
            node
            for node in ast.walk(self._tree)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("clip")
            and len(node.args) == 3
            and (low := _value(node.args[1])) is not None
            and _value(node.args[2]) == -low
        ]
        if not calls:
            return None
        splices = tuple(Splice(self._offset(x), self._end(x), self._text(x.args[0])) for x in calls)
        return SettingEdit("clipping", "left out", calls[0].lineno, splices)

    def real_weights(self) -> SettingEdit | None:
        """Weights that are real numbers instead of integers."""
        splices, line = [], 0
        for name in self._told.get("integers", ()):
            node = self._assigned(name)
            if node is not None:
                splices.append(self._wrapped(node, "({}).astype(float)"))
                line = line or node.lineno
        if not splices:
            return None
        return SettingEdit("weights", "real numbers instead of integers", line, tuple(splices))

    def _set(
        self, places: Sequence[ast.expr], text: str, *, name: str, before: float
    ) -> SettingEdit | None:
        """Numbers replaced by another one."""
        if not places:
            return None
        splices = tuple(Splice(self._offset(x), self._end(x), text) for x in places)
        return SettingEdit(name, f"{before:g} → {text}", places[0].lineno, splices)

    def _numbers(self, text: str, value: float) -> list[ast.expr]:
        """Where the program gives a variable, or its updates, a number."""
        try:
            node = ast.parse(text, mode="eval").body
        except SyntaxError:
            return []
        if _value(node) is not None:
            lines = {line for _, _, lines in self._told["tensors"] for line in lines}
            return [
                item
                for statement in ast.walk(self._tree)
                if isinstance(statement, ast.Assign | ast.AugAssign | ast.Expr)
                and statement.lineno in lines
                for item in ast.walk(statement)
                if isinstance(item, ast.Constant) and item.value == value
            ]
        return [item for item, known in self._constants_of({_last(node)}) if known == value]

    def _constants_of(self, names: set[str | None]) -> list[tuple[ast.expr, float]]:
        """The numbers that variables of some names are given, by assignment or as arguments."""
        for _ in range(3):  # self.lr = rate; rate = config_rate
            names |= {
                _last(value)
                for target, value in _assignments(self._tree)
                if _last(target) in names and _last(value) is not None
            }
        found = [
            value
            for target, value in [*_assignments(self._tree), *_arguments(self._tree)]
            if _last(target) in names
        ]
        return [(item, known) for item in found if (known := _value(item)) is not None]

    def _outer_loop(self) -> ast.AST | None:
        """The outermost loop of the scope that the training loop stands in."""
        line = self._told["loop_line"]
        around = [
            node
            for node in ast.walk(self._tree)
            if isinstance(node, ast.For | ast.While)
            and node.lineno <= line <= (node.end_lineno or 0)
        ]
        function = self._function()
        inside = [node for node in around if function is None or node.lineno > function.lineno]
        return min(inside, key=lambda node: node.lineno, default=None)

    def _function(self) -> ast.FunctionDef | None:
        """The function that the training loop stands in."""
        line = self._told["loop_line"]
        around = [
            node
            for node in ast.walk(self._tree)
            if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or 0)
        ]
        return max(around, key=lambda node: node.lineno, default=None)

    def _before_loop(
        self, names: Sequence[Sequence[Any]], statement: Any, *, name: str, says: str
    ) -> SettingEdit | None:
        """A statement before the training for the first name that can be set there."""
        loop = self._outer_loop()
        if not isinstance(loop, ast.For | ast.While):
            return None
        inside = self._function() is not None
        usable = [item for item in names if item[1] == inside or not item[0].isidentifier()]
        if not usable:
            return None
        label, _, axis = usable[0]
        offset = self._starts[loop.lineno - 1] + loop.col_offset
        text = f"{statement(label, axis)}\n{' ' * loop.col_offset}"
        return SettingEdit(name, says, loop.lineno, (Splice(offset, offset, text),))

    def _assigned(self, name: str) -> ast.expr | None:
        """What a parameter is given at first."""
        wanted = ast.parse(name, mode="eval").body
        assigned = list(_assignments(self._tree))
        for target, value in assigned:
            if ast.unparse(target) == ast.unparse(wanted) and not _reads(value, wanted):
                return value
        if not isinstance(wanted, ast.Subscript) or not isinstance(wanted.slice, ast.Constant):
            last = _last(wanted)
            found = [x for t, x in assigned if isinstance(t, ast.Attribute) and _last(t) == last]
            return found[0] if found and isinstance(wanted, ast.Attribute) else None
        key = wanted.slice.value
        for target, value in assigned:
            if ast.unparse(target) == ast.unparse(wanted.value):
                return _member(value, key)
        return None

    def _wrapped(self, node: ast.expr, template: str) -> Splice:
        return Splice(self._offset(node), self._end(node), template.format(self._text(node)))

    def _text(self, node: ast.expr) -> str:
        return self._source.text[self._offset(node) : self._end(node)]

    def _offset(self, node: ast.expr) -> int:
        return self._place(node.lineno, node.col_offset)

    def _end(self, node: ast.expr) -> int:
        return self._place(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def _place(self, line: int, column: int) -> int:
        """Offset of a place whose column is counted in bytes, as `ast` does."""
        before = self._source.line(line).encode()[:column].decode(errors="ignore")
        return int(self._starts[line - 1]) + len(before)


def typed(value: float) -> str:
    """A number of two digits as a person types it."""
    text = repr(float(f"{value:.2g}"))
    return text.replace("e-0", "e-").replace("e+0", "e")


def _weight_change(link: Any, weights: Any) -> str | None:
    """What makes a layer's starting weights suit it; None where they do."""
    fan_in, units = link["columns"], link["units"]
    wanted = np.sqrt((2 if link["activation"] in {"relu", "leaky_relu"} else 1) / fan_in)
    mean, size = float(np.mean(weights)), float(np.sqrt(np.mean(weights**2)))
    if not np.isfinite(size):
        return None
    if np.ptp(weights) == 0:
        shape = "np.shape({0})"
        return f"np.random.default_rng({fan_in}).normal(0, {typed(wanted)}, {shape})"
    offset = abs(mean) > 2 * float(np.std(weights)) / np.sqrt(weights.size) and weights.size > 4
    shift = f" - {typed(mean)}" if offset and abs(mean) > 0.5 * size else ""
    spread = float(np.std(weights)) if shift else size
    factor = wanted / spread
    if 1 / _ROOM < factor < _ROOM and not shift:
        return None
    if units == 1 and factor > 1 and not shift:
        return None  # a small last layer costs little
    return f"({{}}{shift}) * {typed(factor)}"


def _is_range(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    return node.func.id in {"range", "xrange"} and len(node.args) in {1, 2}


def _value(node: ast.expr) -> float | None:
    """The number that an expression of constants is; None where it is none."""
    allowed = ast.Constant | ast.UnaryOp | ast.BinOp | ast.operator | ast.unaryop
    if not all(isinstance(item, allowed) for item in ast.walk(node)):
        return None
    try:
        value = eval(compile(ast.Expression(node), "", "eval"), {"__builtins__": {}})
    except (ArithmeticError, TypeError, ValueError):
        return None
    return float(value) if isinstance(value, int | float) and value is not True else None


def _last(node: ast.expr) -> str | None:
    """The last name of a variable or an attribute."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None


def _assignments(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Targets with what they are given, also side by side."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            yield node.target, node.value
        for target in node.targets if isinstance(node, ast.Assign) else ():
            value = node.value  # type: ignore[attr-defined]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                yield from zip(target.elts, value.elts, strict=False)
            else:
                yield target, value


def _arguments(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Parameters of functions with their defaults, and with what calls hand over."""
    functions: dict[str, list[str]] = {}
    for scope in ast.walk(tree):
        body = scope.body if isinstance(scope, ast.ClassDef | ast.Module) else []
        for node in [x for x in body if isinstance(x, ast.FunctionDef)]:
            names = [item.arg for item in (*node.args.posonlyargs, *node.args.args)]
            owner = scope.name if isinstance(scope, ast.ClassDef) else None
            called = owner if node.name == "__init__" and owner is not None else node.name
            functions[called] = names[1:] if owner is not None else names
            defaults = zip(reversed(names), reversed(node.args.defaults), strict=False)
            yield from ((ast.Name(name), value) for name, value in defaults)
            for item, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                if value is not None:
                    yield ast.Name(item.arg), value
    for call in (x for x in ast.walk(tree) if isinstance(x, ast.Call)):
        yield from ((ast.Name(x.arg), x.value) for x in call.keywords if x.arg is not None)
        names = functions.get(_last(call.func) or "", [])
        yield from ((ast.Name(n), value) for n, value in zip(names, call.args, strict=False))


def _member(value: ast.expr, key: Any) -> ast.expr | None:
    """One item of a list or a dictionary that is written out."""
    if isinstance(value, ast.List | ast.Tuple) and isinstance(key, int):
        return value.elts[key] if key < len(value.elts) else None
    if isinstance(value, ast.Dict):
        for name, item in zip(value.keys, value.values, strict=True):
            if isinstance(name, ast.Constant) and name.value == key:
                return item
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return next((item.value for item in value.keywords if item.arg == key), None)
    return None


def _reads(value: ast.expr, name: ast.expr) -> bool:
    text = ast.unparse(name)
    return any(isinstance(x, ast.expr) and ast.unparse(x) == text for x in ast.walk(value))

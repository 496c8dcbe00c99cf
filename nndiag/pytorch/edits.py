"""Changes of a script's own text: where its rate, its data, its start and its faults stand."""

import ast
from collections.abc import Callable, Iterator

import numpy as np

from nndiag.own_program.edits import Editor
from nndiag.own_program.mirror import Told
from nndiag.own_program.places import Splice, assignments
from nndiag.own_program.setting_edit import SettingEdit
from nndiag.own_program.starting import typed
from nndiag.program.text.source import Source
from nndiag.pytorch.dealing import before_use, is_bound_before

_OPTIMIZERS = frozenset(
    [
        "SGD",
        "Adam",
        "AdamW",
        "RMSprop",
        "Adagrad",
        "Adadelta",
        "Adamax",
        "NAdam",
        "RAdam",
        "ASGD",
        "Rprop",
        "LBFGS",
    ]
)
_INITIALIZERS = frozenset(
    [
        "zeros_",
        "ones_",
        "constant_",
        "normal_",
        "uniform_",
        "fill_",
        "zero_",
        "xavier_normal_",
        "kaiming_normal_",
    ]
)
_EQUAL = frozenset({"torch.zeros", "torch.ones"})
_SAME = 1e-4  # relative: a number in the text and one of single precision


_LIBRARIES = frozenset({"F", "torch", "nn.functional", "torch.nn.functional", "self"})
_OFF = frozenset({"no_grad", "inference_mode"})


class ScriptEditor(Editor):
    """Finds the places of settings in a script.

    Args:
        source: The script.
        told: What was watched of it.
    """

    def __init__(self, source: Source, told: Told) -> None:
        super().__init__(source, told)
        self.source, self.told, self.tree = source, told, source.tree

    # --- settings --------------------------------------------------------------------------------

    def rate(self, value: float) -> SettingEdit | None:
        """The learning rate set to a value."""
        if self.told["rate"] is None:
            return None
        known = self.told["rate"][1]
        call = self.constructor()
        if call is None:
            return self._set(
                self._equal_to(known), typed(value), name="learning rate", before=known
            )
        given = [x.value for x in call.keywords if x.arg == "lr"] or call.args[1:2]
        if not given:
            end = self._places.end(call) - 1
            splice = Splice(end, end, f", lr={typed(value)}")
            return SettingEdit(
                "learning rate", f"{known:g} → {typed(value)}", call.lineno, (splice,)
            )
        places: list[ast.expr] = [given[0]] if isinstance(given[0], ast.Constant) else []
        places = places or self._places.numbers(ast.unparse(given[0]), known)
        return self._set(places, typed(value), name="learning rate", before=known)

    def standardized(self, *, targets: bool = False, undone: bool = False) -> SettingEdit | None:
        """Inputs, or targets, with mean 0 and size 1 before they are dealt out, and others too."""
        loop, output = self.loop(), self.told["output"] or {}
        bounded = targets and output.get("activation") in {"sigmoid", "tanh"}
        for name, is_array, flat in self.told["named"][1 if targets else 0]:
            place = loop and before_use(self.tree, loop, name, is_array=is_array)
            if place is None:
                continue
            axis = "" if flat else "0"
            text = f"{{}} = ({{}} - {name}.mean({axis})) / ({name}.std({axis}) + 1e-8)"
            if bounded:
                text = f"{{}} = 0.1 + 0.8 * ({{}} - {name}.min()) / ({name}.max() - {name}.min())"
            beside = self.told["beside"][1 if targets else 0]
            others = [x for x in beside if is_bound_before(self.tree, place, x)]
            lines = [text.format(x, x) for x in (*others, name)]  # by the numbers of the first
            what = "targets" if targets else "inputs"
            says = "between 0.1 and 0.9" if bounded else "standardized"
            return SettingEdit(what, says, place.lineno, (self.inserted(place, *lines),))
        return None

    def start(self) -> SettingEdit | None:
        """Weights as torch draws them: what sets them otherwise is left out."""
        found = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Attribute)
            and node.value.func.attr in _INITIALIZERS
            and "grad" not in ast.unparse(node)
        ]
        if not found:
            return self._drawn()
        splices = tuple(
            Splice(self._places.offset(x.value), self._places.end(x.value), "pass") for x in found
        )
        return SettingEdit("starting weights", "torch's own", found[0].lineno, splices)

    def _drawn(self) -> SettingEdit | None:
        """Matrices that start with equal numbers drawn at random instead."""
        start = self.told["copies"][0][1] if self.told["copies"] else {}
        equal = {
            name.rpartition(".")[2]
            for name, shape, _ in self.told["tensors"]
            if len(shape) > 1 and name in start and np.ptp(start[name]) == 0
        }
        places = [
            call.func
            for target, value in assignments(self.tree)
            if self.last(target) in equal
            and isinstance(value, ast.Call)
            and self.last(value.func) == "Parameter"
            for call in value.args[:1]
            if isinstance(call, ast.Call) and self.text(call.func) in _EQUAL
        ]
        if not places:
            return None
        splices = tuple(self.replaced(x, "0.1 * torch.randn") for x in places)
        return SettingEdit("starting weights", "drawn at random", places[0].lineno, splices)

    def units(self, factor: int) -> SettingEdit | None:
        """None: widths stand in the layers' own calls, and in what is built upon them."""
        return None

    def biases(self) -> Iterator[SettingEdit]:
        """Biases, where layers are made without."""
        without = [
            x.value
            for call in self.calls()
            for x in call.keywords
            if x.arg == "bias" and isinstance(x.value, ast.Constant) and x.value.value is False
        ]
        if without:
            splices = tuple(self.replaced(x, "True") for x in without)
            yield SettingEdit("biases", "used", without[0].lineno, splices)

    def clip(self) -> SettingEdit | None:
        """Gradients that are not clipped."""
        for node in self.calls():
            if self.last(node.func) in {"clip_grad_norm_", "clip_grad_value_"}:
                splice = Splice(self._places.offset(node), self._places.end(node), "pass")
                return SettingEdit("clipping", "left out", node.lineno, (splice,))
        return None

    def decay(self) -> SettingEdit | None:
        """No weight decay."""
        call, known = self.constructor(), self.told["decay"]
        given = [] if call is None else [x.value for x in call.keywords if x.arg == "weight_decay"]
        if not given or not known:
            return None
        return self._set([given[0]], "0", name="weight decay", before=known)

    def optimizer(self, name: str, rate: float) -> SettingEdit | None:
        """Another optimizer, for the same parameters."""
        call = self.constructor()
        if call is None or not call.args or self.last(call.func) == name:
            return None
        prefix = ast.unparse(call.func).rpartition(".")[0]
        if not prefix:
            return None
        text = f"{prefix}.{name}({self.text(call.args[0])}, lr={typed(rate)})"
        splice = Splice(self._places.offset(call), self._places.end(call), text)
        return SettingEdit("optimizer", f"{name}, lr = {typed(rate)}", call.lineno, (splice,))

    def with_gradient(self, line: int) -> SettingEdit | None:
        """The innermost `no_grad` around a line, as a context or a decorator, turned round."""
        for node in sorted(self._around(line), key=lambda x: -x.lineno):
            for part in _governing(node):
                func = part.func if isinstance(part, ast.Call) else part
                name, splice = self.last(func), None
                if name in _OFF and isinstance(func, ast.Attribute):
                    splice = self.replaced(func, f"{self.text(func.value)}.enable_grad")
                elif name == "set_grad_enabled" and isinstance(part, ast.Call) and part.args:
                    splice = self.replaced(part.args[0], "True")
                if splice is not None:
                    return SettingEdit("gradient", "not switched off", part.lineno, (splice,))
        return None

    def linear_outputs(self, old: str) -> Iterator[SettingEdit]:
        """The output without its activation."""
        edit = self.without(old, self.told["output"]["made"])
        yield from () if edit is None else (edit,)

    def without(self, name: str, line: int) -> SettingEdit | None:
        """The output without the activation that is applied in a line."""
        found = self.applied(name, line)
        if found is None:
            return None
        node, argument = found
        prefix = self.text(node.func).rpartition(".")[0] or "torch.nn"
        new = f"{prefix}.Identity()" if argument is None else self.text(argument)
        splice = self.replaced(node, new)
        return SettingEdit("output", f"without the {name}", node.lineno, (splice,))

    # --- what faults look for --------------------------------------------------------------------

    def calls(self, *, line: int | None = None) -> Iterator[ast.Call]:
        """The calls of the script, or of the statement that a line lies in."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and (
                line is None or node.lineno <= line <= (node.end_lineno or node.lineno)
            ):
                yield node

    def statement(self, line: int) -> ast.stmt | None:
        """The innermost statement that a line lies in."""
        around = self._around(line)
        return max(around, key=lambda node: (node.lineno, -(node.end_lineno or 0)), default=None)

    def _around(self, line: int) -> list[ast.stmt]:
        """The statements that a line lies in."""
        return [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
        ]

    def loops(self, line: int) -> list[ast.For | ast.While]:
        """The loops around a line, the outermost first, in the function that it lies in."""
        around = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.For | ast.While | ast.FunctionDef)
            and node.lineno < line <= (node.end_lineno or 0)
        ]
        around.sort(key=lambda node: node.lineno)
        found: list[ast.For | ast.While] = []
        for node in around:
            found = [] if isinstance(node, ast.FunctionDef) else [*found, node]
        return found

    def loop(self) -> ast.For | ast.While | None:
        """The outermost loop of the training."""
        found = self._places.outer_loop()
        return found if isinstance(found, ast.For | ast.While) else None

    def inserted(self, before: ast.stmt, *lines: str) -> Splice:
        """Lines before a statement, as far to the right as that."""
        offset = self._places.starts[before.lineno - 1] + before.col_offset
        margin = " " * before.col_offset
        return Splice(offset, offset, "".join(f"{line}\n{margin}" for line in lines))

    def behind(self, after: ast.stmt, text: str) -> Splice:
        """A line behind a statement, as far to the right as that."""
        offset = self._places.starts[(after.end_lineno or after.lineno) - 1] + (
            after.end_col_offset or 0
        )
        return Splice(offset, offset, f"\n{' ' * after.col_offset}{text}")

    def removed(self, statement: ast.stmt) -> Splice:
        """A statement left out, with its line."""
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        return Splice(self._places.starts[first - 1], self._places.starts[last], "")

    def replaced(self, node: ast.expr, text: str) -> Splice:
        """An expression replaced."""
        return Splice(self._places.offset(node), self._places.end(node), text)

    def text(self, node: ast.expr) -> str:
        """An expression as it is written."""
        return self._places.text_of(node)

    def last(self, node: ast.expr) -> str:
        """The last name of a variable or an attribute; empty for others."""
        if isinstance(node, ast.Name):
            return node.id
        return node.attr if isinstance(node, ast.Attribute) else ""

    def applied(self, name: str, line: int) -> tuple[ast.Call, ast.expr | None] | None:
        """The call that applies an activation, and its argument; or that makes its module."""
        for node in self.calls(line=line):
            if self.last(node.func) != name:
                continue
            if (
                isinstance(node.func, ast.Attribute)
                and self.text(node.func.value) not in _LIBRARIES
            ):
                return node, node.func.value  # a method of the tensor
            if node.args and not self.text(node.func).startswith("self."):
                return node, node.args[0]
        made = [x for x in self.calls() if self.last(x.func).lower() == name]
        made = [x for x in made if self.last(x.func) != name]
        return (made[-1], None) if made else None

    def found(self, kind: Callable[[ast.AST], bool], *, line: int) -> list[ast.AST]:
        """The nodes of a kind in the statement that a line lies in."""
        statement = self.statement(line)
        return [] if statement is None else [x for x in ast.walk(statement) if kind(x)]

    def constructor(self) -> ast.Call | None:
        """The call that makes the optimizer of the training."""
        wanted = self.told["optimizer"].rpartition(".")[2]
        made = [node for node in self.calls() if self.last(node.func) in _OPTIMIZERS]
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
                continue
            if node.value in made and any(self.last(x) == wanted for x in node.targets):
                return node.value
        return made[0] if made else None

    def _equal_to(self, value: float) -> list[ast.expr]:
        """The numbers of the text that are a value."""
        return [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, float)
            and abs(node.value - value) <= _SAME * abs(value)
        ]


def _governing(node: ast.stmt) -> list[ast.expr]:
    """What says how the statements inside of a statement are made; of a call, the call."""
    if isinstance(node, ast.With):
        return [item.context_expr for item in node.items]
    if isinstance(node, ast.FunctionDef):
        return node.decorator_list
    return [node.value] if isinstance(node, ast.Expr) else []

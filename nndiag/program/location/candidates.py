"""The expressions that may be due in the place of another: one small change each.

No bug is known here. The program's expression is varied: an operand is another variable, a product
turns or loses a factor, a sum goes along another axis, a factor joins that is a derivative of what
the program holds. Which of them is due is told by what it comes to.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nndiag.program.location.rewriting import SUMS, argument_orders, axes, orders, slices, swapped
from nndiag.program.location.scene import Scene, neighbours
from nndiag.program.roles.multiples import factor_between

_FORMS = (
    "(1 - {0} ** 2)",
    "({0} * (1 - {0}))",
    "({0} > 0)",
    "(1 - np.tanh({0}) ** 2)",
    "np.cos({0})",
    "(1 / (1 + np.exp(-{0})))",
    "(1 - np.exp(-{0}))",
    "np.exp({0})",
    "(2 * {0})",
    "np.sign({0})",
)
"""The usual derivatives, by a unit's output or by its input."""
_OPPOSITE = {ast.Gt: ast.LtE, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.LtE: ast.Gt}
_SAME = 1e-6


class Variations:
    """The variations of one expression in one scene."""

    def __init__(self, place: ast.expr, scene: Scene, due: np.ndarray) -> None:
        self.scene, self.due = scene, due
        self.tree = ast.Expression(ast.parse(ast.unparse(place), mode="eval").body)
        self.text = ast.unparse(self.tree)
        self.parts = list(_parts(self.tree))
        self.values = {id(part): scene.value(ast.unparse(part)) for _, _, part in self.parts}
        self.numpy = next(
            (n for n, v in {**scene.names, **scene.variables}.items() if v is np), "np"
        )

    def __iter__(self) -> Iterator[str]:
        seen = {self.text}
        for maker in (
            self._operators,
            self._operands,
            self._sums,
            self._derivatives,
            self._functions,
            self._products,
            self._jacobians,
            self._scalars,
        ):
            for text in maker():
                if text not in seen:
                    seen.add(text)
                    yield text.replace("np.", f"{self.numpy}.") if self.numpy != "np" else text

    def _with(self, where: tuple[Any, Any], text: str) -> str:
        """The expression with one part replaced."""
        owner, key = where
        old = owner[key] if isinstance(owner, list) else getattr(owner, key)
        try:
            new = ast.parse(text, mode="eval").body
        except SyntaxError:
            return self.text
        _put(owner, key, new)
        try:
            return ast.unparse(self.tree)
        finally:
            _put(owner, key, old)

    def _each(self) -> Iterator[tuple[Callable[[str], str], ast.expr, str, Any]]:
        for owner, key, part in self.parts:
            where = (owner, key)
            yield (
                lambda text, where=where: self._with(where, text),  # type: ignore[misc]
                part,
                ast.unparse(part),
                self.values[id(part)],
            )

    def _operators(self) -> Iterator[str]:
        """Other operators, other orders, transposes, axes, signs and indices."""
        for put, part, text, value in self._each():
            if isinstance(part, ast.BinOp):
                yield from map(put, orders(part))
            if isinstance(part, ast.Compare) and type(part.ops[0]) in _OPPOSITE:
                other = _OPPOSITE[type(part.ops[0])]()
                yield put(ast.unparse(ast.Compare(part.left, [other], part.comparators)))
            if isinstance(part, ast.Call):
                yield from map(put, axes(part))
                yield from map(put, argument_orders(part))
            if isinstance(part, (ast.List, ast.Tuple)):
                yield from map(put, swapped(part))
            if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub):
                yield put(ast.unparse(part.operand))
            if isinstance(part, ast.Attribute) and part.attr == "T":
                yield put(ast.unparse(part.value))
            elif isinstance(value, np.ndarray) and value.ndim == 2:
                yield put(f"({text}).T")
            if isinstance(part, ast.Subscript):
                yield from map(put, neighbours(part))
                yield from map(put, slices(part))
                yield from map(put, self._indices(part))
        yield f"-({self.text})"
        yield from (ast.unparse(part) for _, _, part in self.parts)

    def _indices(self, part: ast.Subscript) -> Iterator[str]:
        """A counter of the program in the place of an index."""
        counters = [
            name
            for name, held in self.scene.values.items()
            if isinstance(held, (int, np.integer)) and name.isidentifier()
        ]
        holder, index = ast.unparse(part.value), part.slice
        items = index.elts if isinstance(index, ast.Tuple) else [index]
        for place, item in enumerate(items):
            if isinstance(item, ast.Slice):
                continue
            rest = [ast.unparse(other) for other in items]
            for name in counters:
                for text in (name, f"{name} - 1", f"{name} + 1"):
                    yield f"{holder}[{', '.join([*rest[:place], text, *rest[place + 1 :]])}]"

    def _operands(self) -> Iterator[str]:
        """Another variable in the place of a part."""
        for put, _, text, value in self._each():
            if value is None:
                continue
            for other, held in self.scene.values.items():
                if other == text:
                    continue
                if np.shape(held) == np.shape(value):
                    yield put(other)
                if np.ndim(held) == 2 and np.shape(held)[::-1] == np.shape(value):
                    yield put(f"{other}.T")
        for put, _, text, value in self._each():
            if np.ndim(value) > 0 and not isinstance(value, (int, float)):
                for other, held in self.scene.values.items():
                    if other != text and np.ndim(held) > 0 and np.shape(held) != np.shape(value):
                        yield put(other)

    def _sums(self) -> Iterator[str]:
        for put, part, text, value in self._each():
            if np.ndim(value) >= 1:
                yield from (put(form.format(text)) for form in SUMS)
            if isinstance(part, ast.Subscript):  # one of many in the place of their sum
                yield from (put(form.format(ast.unparse(part.value))) for form in SUMS)

    def _alike(self) -> Iterator[tuple[str, np.ndarray]]:
        """Variables of the shape that is due, as they are and transposed."""
        for text, held in self.scene.values.items():
            array = np.asarray(held, float)
            if array.shape == self.due.shape:
                yield text, array
            elif array.ndim == 2 and array.shape[::-1] == self.due.shape:
                yield f"{text}.T", array.T

    def _derivatives(self) -> Iterator[str]:
        """A derivative as a factor of a part, or in the place of one."""
        parts = ((ast.unparse(part), self.values[id(part)]) for _, _, part in self.parts)
        own = {t: np.asarray(v, float) for t, v in parts if np.shape(v) == self.due.shape}
        known = [*self._alike(), *((t, v) for t, v in own.items() if t != self.text)]
        for put, _, text, value in self._each():
            if np.shape(value) != self.due.shape:
                continue
            part = np.asarray(value, float)
            for name, array in known:
                for form in _FORMS:
                    yield put(f"({text}) * {form.format(name)}")
                    yield put(form.format(name))
                    yield f"({text}) * {form.format(name)}"
                slope = _slope(array, self.due, part)
                if slope is not None:
                    leaky = f"np.where({name} > 0, 1, {slope!r})"
                    yield put(f"({text}) * {leaky}")
                yield from (put(t) for t in self._leaky(name))

    def _leaky(self, name: str) -> Iterator[str]:
        literals = {
            node.value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, float)
        }
        for slope in sorted(literals | {0.01, 0.1, 0.2}):
            yield f"np.where({name} > 0, 1, {slope!r})"

    def _functions(self) -> Iterator[str]:
        """Another function of the program, or another argument of it."""
        arguments = [name for name, _ in self._alike()]
        for put, part, text, value in self._each():
            if isinstance(part, ast.Call) and ast.unparse(part.func) in self.scene.functions:
                inner = ast.unparse(part.args[0]) if part.args else ""
                for function in self.scene.functions:
                    yield put(f"{function}({inner})")
                    yield from (put(f"{function}({name})") for name in arguments)
            if np.shape(value) == self.due.shape:
                for function in self.scene.functions:
                    yield from (put(f"({text}) * {function}({name})") for name in arguments)

    def _products(self) -> Iterator[str]:
        """One more factor, one more summand, a product in the place of something else."""
        for put, part, text, value in self._each():
            if np.ndim(value) == 0:
                continue
            shapes = {np.shape(value), self.due.shape}
            inside = [item for _, _, item in self.parts if item in set(ast.walk(part)) - {part}]
            for name, held in self.scene.values.items():
                if np.ndim(held) == 0:
                    continue
                if np.shape(held) == np.shape(value):
                    yield from (put(f"({text}) {sign} {name}") for sign in "+*-")
                yield from map(put, _matrix_products(text, name, (value, held), None))
                for inner in inside:
                    own: Any = self.values.get(id(inner))
                    if np.ndim(own) > 0:
                        products = _matrix_products(ast.unparse(inner), name, (own, held), shapes)
                        yield from map(put, products)

    def _jacobians(self) -> Iterator[str]:
        """The Jacobian of a softmax, times a part; a part without its mean."""
        mean = "np.mean({0}, axis={1}, keepdims=True)"
        for put, _, text, value in self._each():
            if np.shape(value) != self.due.shape or not self.due.ndim:
                continue
            yield from (
                put(f"({text}) - {mean.format(text, axis)}") for axis in range(self.due.ndim)
            )
            for name, _ in self._alike():
                for axis in range(self.due.ndim):
                    inner = f"np.sum(({text}) * {name}, axis={axis}, keepdims=True)"
                    yield put(f"{name} * (({text}) - {inner})")
                    yield f"{name} * (({text}) - {inner})"
                    centred = f"({text}) - {mean.format(text, axis)}"
                    product = mean.format(f"({text}) * {name}", axis)
                    yield put(f"({centred} - {name} * {product})")

    def _scalars(self) -> Iterator[str]:
        """One more single number: one of the program's, else the number that is due itself."""
        for name, held in self.scene.values.items():
            if np.ndim(held) == 0 and held and not (isinstance(held, int) and abs(held) == 1):
                yield f"({self.text}) * {name}"
                yield f"({self.text}) / {name}"
        factor = factor_between(self.values[id(self.tree.body)], self.due)
        for size in self._sizes():
            yield f"({self.text}) / {size}"
            yield f"({self.text}) * {size}"
        for times, sign in ((factor or 0, "/"), (1 / (factor or np.inf), "*")):
            if round(times) > 1 and abs(times - round(times)) <= _SAME * times:
                yield f"({self.text}) {sign} {round(times)}"

    def _sizes(self) -> Iterator[str]:
        """The lengths of the program's arrays, those of the expression first."""
        parts = {ast.unparse(part) for _, _, part in self.parts}
        names = [n for n, held in self.scene.values.items() if np.ndim(held) and n.isidentifier()]
        for name in sorted(names, key=lambda name: name not in parts):
            yield f"len({name})"
            if np.ndim(self.scene.values[name]) == 2:
                yield f"{name}.shape[1]"


def _matrix_products(
    text: str, name: str, values: tuple[Any, Any], shapes: set[tuple[int, ...]] | None
) -> Iterator[str]:
    """The products of two arrays, those of some shapes only or all."""
    value, held = values
    if np.ndim(value) > 2 or np.ndim(held) > 2:
        return
    for form, one, other in (
        ("(({0}) @ {1}.T)", np.shape(value), np.shape(held)[::-1]),
        ("(({0}) @ {1})", np.shape(value), np.shape(held)),
        ("({1}.T @ ({0}))", np.shape(held)[::-1], np.shape(value)),
        ("({1} @ ({0}))", np.shape(held), np.shape(value)),
    ):
        if one[-1] == other[0] and (shapes is None or (*one[:-1], *other[1:]) in shapes):
            yield form.format(text, name)


def _put(owner: Any, key: Any, new: ast.expr) -> None:
    if isinstance(owner, list):
        owner[key] = new
    else:
        setattr(owner, key, new)


def _parts(tree: ast.AST) -> Iterator[tuple[Any, Any, ast.expr]]:
    """The parts of an expression with their places; no functions, indices or literals."""
    for name, value in ast.iter_fields(tree):
        if (isinstance(tree, ast.Call) and name in ("func", "keywords")) or name in (
            "slice",
            "generators",
            "ctx",
        ):
            if isinstance(tree, ast.Call) and isinstance(value, ast.Attribute):
                yield from _parts(value)
            continue
        many = len(value) if isinstance(value, list) else 0
        items: list[tuple[Any, Any]] = [(value, index) for index in range(many)]
        for owner, key in items or [(tree, name)]:
            part = owner[key] if isinstance(owner, list) else getattr(owner, key)
            if isinstance(part, ast.expr):
                if not isinstance(part, ast.Constant):
                    yield owner, key, part
                yield from _parts(part)


def _slope(array: np.ndarray, due: np.ndarray, part: np.ndarray) -> float | None:
    """The slope below zero of a rectifier that makes a part what is due."""
    with np.errstate(all="ignore"):
        below = (due / part)[(array < 0) & (part != 0)]
        above = (due / part)[(array > 0) & (part != 0)]
    if not below.size or not np.allclose(above, 1.0) or not np.allclose(below, below[0]):
        return None
    return float(f"{below[0]:.10g}")

"""Derivatives of activations as programs write them: calls of their functions, and formulas."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nndiag.program.repair.atoms import Atom
from nndiag.program.repair.rectifiers import rectifier_formulas
from nndiag.program.repair.sites import Site, factors
from nndiag.program.repair.workshop import Shape
from nndiag.program.text.instrument import serial_of

_DERIVATIVE = re.compile(
    r"deriv|prime|grad|delta|backward|dsig|drelu|dtanh|^d_|_d$|^d[A-Z]|(^|_)der|der$", re.IGNORECASE
)
_FLAG = re.compile(r"deriv|prime|grad|back", re.IGNORECASE)
FORMULAS = ("{0} * (1 - {0})", "(1 - {0} ** 2)", "({0} > 0)")
"""Derivatives in terms of the activated value: sigmoid, tanh, ReLU."""

_BY_WORD = {
    "tanh": "(1 - np.tanh({0}) ** 2)",
    "sin": "np.cos({0})",
    "cos": "(-np.sin({0}))",
    "logaddexp": "1 / (1 + np.exp(-{0}))",
    "log1p": "1 / (1 + np.exp(-{0}))",
    "arctan": "1 / (1 + {0} ** 2)",
}
"""Derivatives in terms of the pre-activation, for programs that use the function."""


def formulas(site: Site) -> tuple[str, ...]:
    """The formulas of derivatives that a program may need."""
    shop = site.shop
    own = [form for word, form in _BY_WORD.items() if word in shop.applied and "np" in shop.words]
    for name, function in shop.functions.items():
        if re.search("sigm|logistic|expit", name, re.IGNORECASE) and len(function.args.args) == 1:
            own.append(f"{name}({{0}}) * (1 - {name}({{0}}))")
    own += rectifier_formulas(shop)
    return (*FORMULAS, *dict.fromkeys(own))


@dataclass(frozen=True)
class Template:
    """A way to write a derivative, with `{0}` where its argument stands."""

    text: str
    function: str


def templates(site: Site) -> tuple[Template, ...]:
    """The calls of derivative functions that the program has or could make at a statement."""
    found: dict[str, Template] = {}
    for call in site.shop.calls:
        text = _call_template(call, site)
        if text is not None:
            found.setdefault(text.text, text)
    for name in sorted(_kept_derivatives(site)):
        found.setdefault(f"{name}({{0}})", Template(f"{name}({{0}})", name))
    for name, function in site.shop.functions.items():
        for text in _definition_templates(name, function):
            found.setdefault(text.text, text)
    return tuple(found.values())


def _kept_derivatives(site: Site) -> set[str]:
    """Attributes that are named like an activation's derivative: `self.df`, `self.act_prime`."""
    return {
        ast.unparse(node)
        for node in site.shop.nodes.values()
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and re.fullmatch(
            r"d_?(f|a|act\w*|phi|g|sigma)|(f|act\w*|phi)_?(d|p|prime|deriv\w*|grad)", node.attr
        )
        and not site.shop.shapes(node)
    }


def named_like_derivative(name: str) -> bool:
    """Whether a function is named like the derivative of an activation."""
    return bool(_DERIVATIVE.search(name))


def is_derivative_call(call: ast.Call) -> bool:
    """Whether a call looks like that of an activation's derivative."""
    name = ast.unparse(call.func).rpartition(".")[2]
    if name in {"dot", "sum", "mean", "multiply", "matmul", "outer", "gradient"}:
        return False
    flagged = any(
        isinstance(item.value, ast.Constant)
        and item.value.value is True
        and _FLAG.search(item.arg or "")
        for item in call.keywords
    )
    positional = any(isinstance(item, ast.Constant) and item.value is True for item in call.args)
    return bool(call.args) and (flagged or positional or bool(_DERIVATIVE.search(name)))


def _call_template(call: ast.Call, site: Site) -> Template | None:
    if not is_derivative_call(call) or len(call.args) + len(call.keywords) > 2:
        return None
    name = ast.unparse(call.func)
    root = name.partition(".")[0]
    known = root in {"self", "np"} or name in site.shop.functions
    if not known and site.shop.scope(call) is not site.scope:
        return None
    rest = [ast.unparse(item) for item in call.args[1:]]
    rest += [f"{item.arg}={ast.unparse(item.value)}" for item in call.keywords]
    return Template(f"{name}({', '.join(['{0}', *rest])})", name)


def _definition_templates(name: str, function: ast.FunctionDef | ast.Lambda) -> Iterator[Template]:
    arguments = [item.arg for item in function.args.args]
    prefix = ""
    if arguments[:1] == ["self"]:
        arguments, prefix = arguments[1:], "self."
    if len(arguments) == 1 and _DERIVATIVE.search(name):
        yield Template(f"{prefix}{name}({{0}})", f"{prefix}{name}")
    if len(arguments) == 2 and _FLAG.search(arguments[1]):
        yield Template(f"{prefix}{name}({{0}}, {arguments[1]}=True)", f"{prefix}{name}")


def derivative_texts(site: Site, shapes: frozenset[Shape]) -> Iterator[tuple[str, float]]:
    """Derivatives that a value of some shape could be multiplied by, with their costs."""
    acted = [atom for atom in site.atoms if atom.activation and atom.acted]
    atoms = [atom for atom in acted if atom.shapes & shapes]
    if not atoms:  # a row against a matrix, a number against a vector
        atoms = [
            atom for atom in acted if any(_broadcasts(a, b) for a in atom.shapes for b in shapes)
        ]
    yield from ((atom.text, 0.95) for atom in atoms if atom.text in _unused(site))
    for template in templates(site):
        for atom in atoms:
            yield template.text.format(atom.text), 1.0
    for formula in formulas(site):
        for atom in atoms:
            yield formula.format(atom.text), 1.3


def _unused(site: Site) -> frozenset[str]:
    """The variables that a function computes and forgets: its derivative may be one of them."""
    if not isinstance(site.scope, ast.FunctionDef):
        return frozenset()
    names = [node for node in ast.walk(site.scope) if isinstance(node, ast.Name)]
    read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    return frozenset(node.id for node in names) - read


def _broadcasts(first: Shape, second: Shape) -> bool:
    """Whether arrays of two shapes can be multiplied without a table of all pairs."""
    pairs = zip(reversed(first), reversed(second))
    return all(a == b or 1 in (a, b) for a, b in pairs)


@dataclass(frozen=True)
class Derivative:
    """A derivative inside a statement.

    Attributes:
        node: The expression, or the whole product that it is a part of.
        argument: The variable or expression that it is taken of.
        template: How it is written, with `{0}` for the argument.
        rest: The other factors of the product, where it is spread over several.
    """

    node: ast.expr
    argument: str
    template: str
    rest: str = ""

    def written(self, form: str) -> str:
        """The expression with another derivative in its place."""
        return f"{self.rest} * {form}" if self.rest else form


def derivatives_in(site: Site) -> Iterator[Derivative]:
    """The derivatives of activations that stand in a statement."""
    seen: set[int] = set()
    told: set[int] = set()
    for found in _written_derivatives(site, seen):
        told |= {id(item) for item in ast.walk(found.node)}
        yield found
    for node in site.expressions:
        for _, factor, _ in factors(node):
            if id(factor) not in told and is_elementwise_factor(site, factor):
                told |= {id(item) for item in ast.walk(factor)}
                argument = next(
                    ast.unparse(item) for item in ast.walk(factor) if _is_acted_variable(site, item)
                )
                yield Derivative(factor, argument, _holed(ast.unparse(factor), argument))
    value = site.value
    if isinstance(value, ast.Call) and id(value) not in told and _is_elementwise_call(site, value):
        argument = ast.unparse(value.args[0])
        yield Derivative(value, argument, _holed(ast.unparse(value), argument))


def _is_elementwise_call(site: Site, call: ast.Call) -> bool:
    """Whether a function of the program's own makes one activation into as many numbers."""
    own = ast.unparse(call.func).rpartition(".")[2] in site.shop.functions
    if not own or len(call.args) != 1 or not is_elementwise_factor(site, call):
        return False
    return site.shop.shapes(call) == site.shop.shapes(call.args[0])


def _written_derivatives(site: Site, seen: set[int]) -> Iterator[Derivative]:
    """The derivatives that are written as such."""
    for node in site.expressions:
        if isinstance(node, ast.Call) and is_derivative_call(node):
            yield Derivative(node, ast.unparse(node.args[0]), _with_hole(node))
            continue
        if id(node) not in seen and _is_product(node):
            chain = list(_product(node, seen))
            yield from _spread(node, chain)
        if not _is_product(node) or (isinstance(node, ast.BinOp) and not _is_product(node.left)):
            yield from _formula_in(node)


def is_elementwise_factor(site: Site, node: ast.expr) -> bool:
    """Whether a factor is made of activations alone: a derivative, whatever it looks like."""
    shop = site.shop
    if not shop.is_acted(node) or shop.is_driven(node) or isinstance(node, ast.Name):
        return False
    if shop.is_parameter(node) or (isinstance(node, ast.Attribute) and node.attr == "T"):
        return False
    if not any(
        _is_acted_variable(site, item) and not shop.is_parameter(item) for item in ast.walk(node)
    ) and not any(
        isinstance(item, ast.BinOp) and isinstance(item.op, ast.MatMult) for item in ast.walk(node)
    ):
        return False
    return isinstance(node, (ast.BinOp, ast.Call, ast.UnaryOp, ast.Compare)) and any(
        _is_acted_variable(site, item) for item in ast.walk(node)
    )


def _is_acted_variable(site: Site, node: ast.AST) -> bool:
    variable = isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))
    return variable and serial_of(node) in site.shop.computed.acted


def _holed(text: str, argument: str) -> str:
    """A text with a hole where an argument stands; its own braces would be taken for holes."""
    if "{" in text or "}" in text:
        return "{0}"
    return re.sub(rf"(?<![\w.]){re.escape(argument)}(?![\w.\[(])", "{0}", text)


def _is_product(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)


def _product(node: ast.expr, seen: set[int]) -> Iterator[ast.expr]:
    """The factors of a product, from left to right."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        seen.add(id(node))
        yield from _product(node.left, seen)
        yield from _product(node.right, seen)
    else:
        yield node


def _spread(node: ast.expr, chain: list[ast.expr]) -> Iterator[Derivative]:
    """`e * a * (1 - a)`: the derivative's two factors among others."""
    texts = [ast.unparse(item) for item in chain]
    for first, text in enumerate(texts):
        for second, other in enumerate(texts):
            plain = other.replace("1.0", "1").replace("1.", "1")
            if first != second and plain == f"1 - {text}" and len(chain) > 2:
                rest = [
                    f"({item})" if isinstance(chain[i], ast.BinOp) else item
                    for i, item in enumerate(texts)
                    if i not in (first, second)
                ]
                yield Derivative(node, text, "{0} * (1 - {0})", " * ".join(rest))


def _with_hole(call: ast.Call) -> str:
    rest = [ast.unparse(item) for item in call.args[1:]]
    rest += [f"{item.arg}={ast.unparse(item.value)}" for item in call.keywords]
    return f"{ast.unparse(call.func)}({', '.join(['{0}', *rest])})"


_KNOWN = re.compile(
    r"^(([\w.]*)\{0\}\*1-\2\{0\}|1-[\w.]*\{0\}\*\*2|1-\{0\}\*\{0\}|1-np\.(square|power)\{0\}(,2)?"
    r"|\{0\}>=?0|np\.where\{0\}>=?0,[\w.]+,[\w.]+|np\.multiply\{0\},1-\{0\})$"
)


def _formula_in(node: ast.expr) -> Iterator[Derivative]:
    """`a * (1 - a)`, `1 - a ** 2`, `1 - np.tanh(z) ** 2`, `a > 0` and the like."""
    text = ast.unparse(node)
    for item in ast.walk(node):
        if not isinstance(item, (ast.Name, ast.Attribute, ast.Subscript)) or item is node:
            continue
        argument = ast.unparse(item)
        if argument in {"np", "math"} or argument.startswith("np."):
            continue
        hole = _holed(text, argument)
        flat = re.sub(r"[() ]", "", hole).replace("1.0", "1").replace("1.", "1")
        if _KNOWN.match(flat):
            yield Derivative(node, argument, hole)
            return


def replaced_arguments(site: Site, derivative: Derivative) -> Iterator[Atom]:
    """Variables of the same shape that a derivative could be taken of instead."""
    shapes = site.shop.shapes(derivative.node)
    for atom in site.atoms:
        if atom.activation and atom.text != derivative.argument and atom.shapes & shapes:
            yield atom


__all__ = [
    "FORMULAS",
    "Derivative",
    "Template",
    "derivative_texts",
    "derivatives_in",
    "formulas",
    "is_derivative_call",
    "replaced_arguments",
    "templates",
]

"""A delta is multiplied by the derivative of another activation than the layer has.

What it is: the layer was changed from sigmoid to tanh or ReLU and its derivative was not, or the
output's derivative is used in the hidden layer.

Why it matters: the gradient is wrong in direction from that layer down; it often still trains,
because all these derivatives are positive.

How it is told: the tensor and those below it are wrong; exchanging the function mends them.

Repair: write the derivative of the activation that the forward pass applies.

Source: ours.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nndiag.program.repair.bug import BUGS, Bug
from nndiag.program.repair.derivatives import (
    FORMULAS,
    derivatives_in,
    formulas,
    is_derivative_call,
    named_like_derivative,
    templates,
)
from nndiag.program.repair.sites import Site, factors
from nndiag.program.text.edits import Edit

NAME = "wrong-activation-derivative"
_ARGUMENT = "activation-derivative-of-wrong-argument"


@BUGS.register(NAME)
def wrong_activation_derivative() -> Bug:
    """A delta is multiplied by the derivative of another activation than the layer has."""
    return Bug(
        sentence="the derivative is that of another activation than the layer has", edits=edits
    )


def edits(site: Site) -> Iterator[Edit]:
    """Exchanges the function of a derivative, also with its argument."""
    own = _written_for_sums(site)
    for derivative in derivatives_in(site):
        arguments = [derivative.argument]
        shapes = site.shop.shapes(derivative.node)
        arguments += [
            atom.text
            for atom in site.atoms
            if atom.activation and atom.acted and atom.shapes & shapes
        ]
        forms = [template.text for template in templates(site)] + list(formulas(site))
        called = isinstance(derivative.node, ast.Call) and is_derivative_call(derivative.node)
        for form in forms:
            if form == derivative.template:
                continue
            for number, argument in enumerate(dict.fromkeys(arguments)):
                text = derivative.written(form.format(argument))
                cost = (
                    1.15
                    + 0.1 * (number > 0)
                    + 0.05 * (form in formulas(site))
                    + 0.5 * ("> 0" in form)
                )
                name = _ARGUMENT if called and form in own else NAME
                yield site.edit(name, derivative.node, text, cost=cost, says=f"write {text}")
        yield from _dropped(site, derivative.node)
    yield from _not_taken(site)
    yield from _in_function(site)


def _written_for_sums(site: Site) -> frozenset[str]:
    """The formulas in the activated value of which the program has a function of the sum.

    To write one of them for that function is to say that it got the activated value for the sum.
    """
    texts = [
        re.sub(r"[\s()]|self\.|np\.", "", ast.unparse(function))
        for name, function in site.shop.functions.items()
        if named_like_derivative(name)
    ]
    families = {
        "{0} * (1 - {0})": re.compile(r"(sigm\w*|logistic|expit|s)(\w*)\*1(\.0)?-\1\2"),
        "(1 - {0} ** 2)": re.compile(r"1(\.0)?-tanh\w+\*\*2|1(\.0)?-tanh\w+\*tanh"),
    }
    return frozenset(form for form, written in families.items() if any(map(written.search, texts)))


def _not_taken(site: Site) -> Iterator[Edit]:
    """The derivative of a value, where the delta is multiplied by the value itself."""
    forms = [template.text for template in templates(site)] + list(formulas(site))
    for node in site.expressions:
        for whole, factor, _ in factors(node):
            atom = site.atom(factor) if isinstance(factor, (ast.Name, ast.Attribute)) else None
            if atom is None or not (atom.activation and atom.acted) or _divided(whole):
                continue
            if atom.shapes & site.shop.shapes(whole) and site.shop.is_driven(whole):
                for form in forms:
                    text = form.format(atom.text)
                    cost = 1.4 + 0.5 * ("> 0" in form)
                    yield site.edit(NAME, factor, text, cost=cost, says=f"write {text}")


def _dropped(site: Site, node: ast.expr) -> Iterator[Edit]:
    """A linear unit has no such factor."""
    for item in site.expressions:
        for whole, factor, rest in factors(item):
            if factor is node and not _divided(whole):
                says = f"drop the factor {ast.unparse(node)}"
                yield site.edit(NAME, whole, rest, cost=1.35, says=says)


def _divided(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)


def _in_function(site: Site) -> Iterator[Edit]:
    """Mends the body of the derivative function itself."""
    scope = site.scope
    whole = isinstance(site.statement, (ast.Return, ast.Lambda))
    if not isinstance(scope, (ast.FunctionDef, ast.Lambda)) or not whole or site.value is None:
        return
    arguments = [item.arg for item in scope.args.args if item.arg != "self"]
    name = scope.name if isinstance(scope, ast.FunctionDef) else "lambda"
    if not arguments or (isinstance(scope, ast.FunctionDef) and len(scope.body) > 4):
        return
    cost = 1.12 if named_like_derivative(name) else 1.5
    for form in dict.fromkeys(_bodies(site, name, arguments[0])):
        yield site.edit(NAME, site.value, form, cost=cost, says=f"return {form}")
    yield from _constants(site, cost)


def _bodies(site: Site, own: str, argument: str) -> Iterator[str]:
    """What a derivative function may return."""
    local = [atom.text for atom in site.atoms if atom.text.isidentifier() and not atom.parameter]
    for name in dict.fromkeys([argument, *local]):
        yield from (form.format(name) for form in FORMULAS)
    for name, function in site.shop.functions.items():
        if name != own and len(function.args.args) == 1:
            call = f"{name}({argument})"
            yield from (f"{call} * (1 - {call})", f"1 - {call} ** 2")
    yield from (f"1 - np.tanh({argument}) ** 2", f"1.0 * ({argument} > 0)")
    yield from (form.format(argument) for form in formulas(site))


def _constants(site: Site, cost: float) -> Iterator[Edit]:
    """Exchanges a number for another one that the program has: the slope of a leaky ReLU."""
    others = {
        ast.unparse(node)
        for node in site.shop.nodes.values()
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and 0 < node.value < 1
    }
    others |= {atom.text for atom in site.atoms if atom.shapes == {()} and not atom.acted}
    for node in site.expressions:
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            for other in sorted(others - {ast.unparse(node)})[:8]:
                yield site.edit(NAME, node, other, cost=cost + 0.1, says=f"write {other}")

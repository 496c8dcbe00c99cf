"""The derivative of an activation is taken of the wrong variable, or applied twice.

What it is: a derivative that is written in terms of the activated value a gets the pre-activation z
(`z * (1 - z)`), or one written for z gets a, that is f'(f(z)); or the delta is multiplied by the
derivative twice.

Why it matters: the gradient is wrong in direction from that layer down. Often it still trains,
slowly, because the wrong factor is positive; that makes it hard to see.

How it is told: the tensor and those below it are wrong; exchanging the argument mends them.

Repair: give the derivative the variable that it is written for. With ReLU both are the same.

Source: ours; found in the wild (a sigmoid' of an already activated value).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.program.repair.bug import BUGS, Bug
from nndiag.program.repair.derivatives import derivatives_in, replaced_arguments
from nndiag.program.repair.sites import Site, factors
from nndiag.program.text.edits import Edit

NAME = "activation-derivative-of-wrong-argument"


@BUGS.register(NAME)
def activation_derivative_of_wrong_argument() -> Bug:
    """The derivative of an activation is taken of the wrong variable, or applied twice."""
    return Bug(
        sentence="the derivative of the activation is taken of the wrong value, or applied twice",
        edits=edits,
    )


def edits(site: Site) -> Iterator[Edit]:
    """Exchanges, unnests or nests the argument of a derivative; drops a doubled one."""
    for derivative in derivatives_in(site):
        for atom in replaced_arguments(site, derivative):
            text = derivative.written(derivative.template.format(atom.text))
            yield site.edit(NAME, derivative.node, text, cost=1.05, says=f"write {text}")
        yield from _unnested(site, derivative.node)
        yield from _inner(site, derivative.node)
        for name in _activations(site):
            text = derivative.written(derivative.template.format(f"{name}({derivative.argument})"))
            yield site.edit(NAME, derivative.node, text, cost=1.2, says=f"write {text}")
        if derivative.rest:
            says = "drop the derivative"
            yield site.edit(NAME, derivative.node, derivative.rest, cost=1.3, says=says)
        for node in site.expressions:
            for whole, factor, rest in factors(node):
                if factor is derivative.node and _multiplied(whole):
                    says = f"drop the factor {ast.unparse(factor)}"
                    yield site.edit(NAME, whole, rest, cost=1.3, says=says)
    yield from _masks(site)


def _masks(site: Site) -> Iterator[Edit]:
    """Compares a value of the forward pass: `z > 0` for `d_z > 0`, in a masked assignment too."""
    for node in ast.walk(site.statement):
        if not isinstance(node, ast.Compare) or not site.shop.is_driven(node.left):
            continue
        shapes = site.shop.shapes(node.left)
        for atom in site.atoms:
            if atom.activation and atom.acted and atom.shapes & shapes:
                says = f"compare {atom.text}"
                yield site.edit(NAME, node.left, atom.text, cost=1.05, says=says)


def _unnested(site: Site, node: ast.expr) -> Iterator[Edit]:
    """f'(f(z)) becomes f'(z)."""
    for item in ast.walk(node):
        if isinstance(item, ast.Call) and item is not node and len(item.args) == 1:
            text = ast.unparse(item.args[0])
            yield site.edit(NAME, item, text, cost=1.0, says=f"take it of {text}")


def _inner(site: Site, node: ast.expr) -> Iterator[Edit]:
    """Takes a variable for an expression inside a derivative: a for `x @ W + b`."""
    shapes = site.shop.shapes(node)
    for item in ast.walk(node):
        if not isinstance(item, ast.BinOp) or item is node or not site.shop.is_acted(item):
            continue
        if isinstance(item.op, ast.Pow) or not site.shop.shapes(item) & shapes:
            continue
        for atom in site.atoms:
            if atom.activation and atom.acted and atom.shapes & shapes:
                yield site.edit(NAME, item, atom.text, cost=1.1, says=f"take it of {atom.text}")


def _activations(site: Site) -> list[str]:
    """The activation functions that the program calls."""
    names: dict[str, None] = {}
    for call in site.shop.calls:
        name = ast.unparse(call.func)
        own = name.rpartition(".")[2] in site.shop.functions or name in {"np.tanh", "math.tanh"}
        if own and len(call.args) == 1 and not call.keywords:
            argument = site.shop.shapes(call.args[0])
            if argument and argument == site.shop.shapes(call):
                names[name] = None
    return list(names)[:4]


def _multiplied(node: ast.expr) -> bool:
    return not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))

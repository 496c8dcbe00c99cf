"""The gradient of a bias is not the sum of its unit's deltas over the examples.

What it is: the deltas are summed over the units instead of the examples, averaged where the
weights' gradient is summed, not summed at all, or collapsed to one number.

Why it matters: all biases of a layer move alike, or at another rate than the weights. It often
still trains, since the weights can make up for a part of it.

How it is told: the biases are wrong and the weights of the same layers are right.

Repair: sum the deltas over the axis of the examples, with the same factor as in the weights.

Source: Bishop, Pattern Recognition and Machine Learning (2006), section 5.3.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.program.gradients.judgement import Verdict
from nndiag.program.repair.bug import BUGS, Bug, Symptoms
from nndiag.program.repair.sites import Site, bracketed, factors
from nndiag.program.text.edits import Edit

NAME = "wrong-bias-gradient"


@BUGS.register(NAME)
def wrong_bias_gradient() -> Bug:
    """The gradient of a bias is not the sum of its unit's deltas over the examples."""
    return Bug(
        sentence="the bias's gradient is not the sum of the deltas over the examples",
        edits=edits,
        suspects=suspects,
    )


def _biases(site: Site) -> set[tuple[int, ...]]:
    """Shapes of the parameters that may be biases: one axis is 1 or missing."""
    return {shape for shape in site.shop.parameters.values() if len(shape) < 2 or min(shape) == 1}


def edits(site: Site) -> Iterator[Edit]:
    """Changes the axis of a sum, puts a sum in, exchanges sum and mean."""
    for node in site.expressions:
        if isinstance(node, ast.Call) and site.shop.is_driven(node):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in {"sum", "mean", "average"}:
                yield from _sums(site, node)
    for node in _unsummed(site):
        text = bracketed(node)
        for axis in (0, 1):
            for keep in ("", ", keepdims=True"):
                new = f"np.sum({ast.unparse(node)}, axis={axis}{keep})"
                yield site.edit(NAME, node, new, cost=1.35, says=f"sum over axis {axis}")
        yield site.edit(NAME, node, f"{text}[0]", cost=1.8, says="take the row")
    for node in site.expressions:
        for whole, factor, rest in factors(node):
            plain = site.shop.is_acted(factor) and not site.shop.is_driven(factor)
            if plain and site.shop.is_driven(whole) and not site.shop.is_parameter(factor):
                says = f"drop the factor {ast.unparse(factor)}"
                yield site.edit(NAME, whole, rest, cost=1.4, says=says)


def _sums(site: Site, node: ast.Call) -> Iterator[Edit]:
    function = ast.unparse(node.func)
    method = isinstance(node.func, ast.Attribute) and not function.startswith(("np.", "numpy."))
    arguments = node.args if method else node.args[1:]
    inner = (
        ast.unparse(node.func.value)
        if method and isinstance(node.func, ast.Attribute)
        else (ast.unparse(node.args[0]) if node.args else "")
    )
    if not inner or len(arguments) > 1:
        return
    head, _, last = function.rpartition(".")
    names = {"sum": "mean", "mean": "sum", "average": "sum"}
    before = "" if method else f"{inner}, "
    for axis in ("axis=0", "axis=1"):
        for keep in ("", ", keepdims=True"):
            for name in (last, names[last]):
                new = (
                    f"{head}.{name}({before}{axis}{keep})"
                    if head
                    else f"np.{name}({inner}, {axis}{keep})"
                )
                cost = 0.95 if name == last else 1.1
                yield site.edit(NAME, node, new, cost=cost, says=f"write {new}")
    rest = ", ".join(
        [ast.unparse(item) for item in arguments]
        + [f"{item.arg}={ast.unparse(item.value)}" for item in node.keywords]
    )
    new = f"{head}.{names[last]}({before}{rest})" if head else f"np.{names[last]}({inner}, {rest})"
    if _is_bias(site, node):
        yield site.edit(NAME, node, new.replace(", )", ")"), cost=0.98, says=f"write {new}")


def _is_bias(site: Site, node: ast.expr) -> bool:
    return bool(site.shop.shapes(node) & (_biases(site) | {()}))


def _unsummed(site: Site) -> Iterator[ast.expr]:
    """Deltas that reach a bias's update or gradient without being summed."""
    for node in site.expressions:
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.BinOp)):
            continue
        above = site.parent(node)
        whole = isinstance(above, (ast.BinOp, ast.stmt, ast.Dict, ast.Tuple, ast.Call))
        if whole and site.shop.shapes(node) and site.shop.is_driven(node):
            yield node


def suspects(symptoms: Symptoms) -> tuple[str, ...]:
    """The biases, where they are wrong and all weights are right."""
    bad = {Verdict.WRONG, Verdict.WRONG_SCALE, Verdict.WRONG_SIGN}
    biases = {name for name, shape in symptoms.shapes.items() if len(shape) < 2 or min(shape) == 1}
    wrong = [name for name, verdict in symptoms.verdicts.items() if verdict in bad]
    named = [name for name in wrong if name in biases and "b" in name.lower()]
    return tuple(named) if named and len(named) == len(wrong) else ()

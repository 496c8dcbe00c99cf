"""A weight gradient is made with the wrong layer's activation.

What it is: dW is the product of the activation that enters the layer and the delta that leaves it.
The program takes the layer's own output, the pre-activation, or another layer's; or a product of
two vectors collapses to one number.

Why it matters: the direction of that tensor's step is wrong. Where two layers have the same size no
shape error gives it away.

How it is told: that one tensor is wrong and those below it are right; exchanging the activation
mends it.

Repair: use the activation that was multiplied by the weights in the forward pass.

Source: Rumelhart, Hinton and Williams, Learning representations by back-propagating errors (1986),
equation 6.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from nndiag.program.gradients.judgement import Verdict
from nndiag.program.repair.bug import BUGS, Bug, Symptoms, biases_of
from nndiag.program.repair.derivatives import derivatives_in
from nndiag.program.repair.sites import Site, bracketed, matmul_operands
from nndiag.program.text.edits import Edit

NAME = "wrong-layer-activation"


@BUGS.register(NAME)
def wrong_layer_activation() -> Bug:
    """A weight gradient is made with the wrong layer's activation."""
    return Bug(
        sentence="the gradient is made with the wrong layer's activation",
        edits=edits,
        suspects=suspects,
    )


def edits(site: Site) -> Iterator[Edit]:
    """Exchanges an activation for another one; makes an outer product of a collapsed one."""
    if site.value is None or not site.shop.is_driven(site.value):
        return
    inside = {id(item) for found in derivatives_in(site) for item in ast.walk(found.node)}
    for node in site.variables:
        atom = site.atom(node)
        if atom is None or atom.driven or id(node) in inside:
            continue
        if atom.parameter and not _is_factor(site, node):
            continue
        for other in site.atoms:
            if other.activation and other.text != atom.text and len(other.text) < 40:
                same = bool(other.shapes & atom.shapes)
                yield site.edit(
                    NAME, node, other.text, cost=1.1 if same else 1.3, says=f"use {other.text}"
                )
    for node in site.expressions:
        if isinstance(node, ast.Call) and len(node.args) == 1 and id(node) not in inside:
            atom = site.atom(node.args[0])
            if atom is not None and atom.activation:
                yield site.edit(NAME, node, atom.text, cost=1.1, says=f"use {atom.text}")
    yield from _operands(site)
    yield from _indices(site)
    yield from _lists(site)
    yield from _outer(site)


def _is_factor(site: Site, node: ast.expr) -> bool:
    """Whether a variable is a factor of a product entry by entry: a weight for an input."""
    above = site.parent(node)
    if not isinstance(above, ast.BinOp) or not isinstance(above.op, ast.Mult):
        return False
    return bool(site.shop.shapes(node) & site.shop.shapes(above)) and site.shop.is_driven(above)


def _operands(site: Site) -> Iterator[Edit]:
    """Writes a variable for an expression that is one side of a product."""
    for node in site.expressions:
        for operand in matmul_operands(node) or ():
            inner = operand
            if isinstance(inner, ast.Attribute) and inner.attr == "T":
                inner = inner.value
            if not isinstance(inner, (ast.BinOp, ast.Call, ast.IfExp)) or site.shop.is_driven(
                inner
            ):
                continue
            for other in site.atoms:
                if other.activation and len(other.text) < 40:
                    yield site.edit(NAME, inner, other.text, cost=1.25, says=f"use {other.text}")


def _lists(site: Site) -> Iterator[Edit]:
    """The same item of another list: `activations[-2]` for `zs[-2]`."""
    bases = {
        atom.text.partition("[")[0] for atom in site.atoms if "[" in atom.text and atom.activation
    }
    for node in site.expressions:
        if isinstance(node, ast.Subscript) and site.shop.is_acted(node):
            if isinstance(node.slice, (ast.Slice, ast.Tuple)):
                continue
            own = ast.unparse(node.value)
            for base in sorted(bases - {own}):
                text = f"{base}[{ast.unparse(node.slice)}]"
                yield site.edit(NAME, node, text, cost=1.15, says=f"use {text}")


def _indices(site: Site) -> Iterator[Edit]:
    for node in site.expressions:
        if not isinstance(node, ast.Subscript) or isinstance(node.slice, (ast.Slice, ast.Tuple)):
            continue
        atom = site.atom(node)
        if atom is None or not atom.activation:
            continue
        for shift in ("- 1", "+ 1"):
            text = f"{ast.unparse(node.value)}[{ast.unparse(node.slice)} {shift}]"
            yield site.edit(NAME, node, text, cost=1.2, says=f"use {text}")


def _outer(site: Site) -> Iterator[Edit]:
    for node in site.expressions:
        operands = matmul_operands(node)
        if operands is None or site.shop.shapes(node) - {(), (1,), (1, 1)}:
            continue
        first, second = (_plain(item) for item in operands)
        for left, right in ((first, second), (second, first)):
            says = "write the outer product"
            yield site.edit(NAME, node, f"np.outer({left}, {right})", cost=1.2, says=says)
        text = f"{bracketed(operands[0])} * {bracketed(operands[1])}"
        yield site.edit(NAME, node, text, cost=1.25, says="write the product entry by entry")


def _plain(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return ast.unparse(node.value)
    return ast.unparse(node)


def suspects(symptoms: Symptoms) -> tuple[str, ...]:
    """Weights that are wrong where the biases of their layers are right: the deltas are right then.

    A bias is of a layer where its size is that of an axis of the weights, or divides their list.
    """
    biases = biases_of(symptoms.shapes)
    wrong = [name for name, verdict in symptoms.verdicts.items() if verdict is Verdict.WRONG]
    right = [name for name in biases if symptoms.verdicts[name] is Verdict.RIGHT]
    sizes = [int(np.prod(symptoms.shapes[name])) for name in right]

    def has_bias(shape: tuple[int, ...]) -> bool:
        return any(size in shape or (len(shape) == 1 and shape[0] % size == 0) for size in sizes)

    if biases & set(wrong) or len(right) < len(wrong):
        return ()
    return tuple(wrong) if all(has_bias(symptoms.shapes[name]) for name in wrong) else ()

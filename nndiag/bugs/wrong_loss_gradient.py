"""The backward pass starts from something that is not the loss's gradient.

What it is: the derivative of the loss with respect to the output is wrong in a way that no other
page names: squared, an absolute value, a logarithm, the loss itself instead of its derivative.

Why it matters: all layers are wrong together, since all deltas are made from it.

How it is told: no tensor is right, not even the output layer's; mending the start mends them all.

Repair: start from the derivative of the loss: `output - target` for squares and for cross-entropy
behind a sigmoid or softmax.

Source: Bishop, Pattern Recognition and Machine Learning (2006), section 5.3.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.program.repair.bug import BUGS, Bug
from nndiag.program.repair.sites import Site
from nndiag.program.text.edits import Edit

NAME = "wrong-loss-gradient"
_SHAPED = {"square", "abs", "absolute", "sign", "sqrt", "log", "exp", "power", "tanh", "fabs"}


@BUGS.register(NAME)
def wrong_loss_gradient() -> Bug:
    """The backward pass starts from something that is not the loss's gradient."""
    return Bug(
        sentence="the backward pass does not start from the gradient of the loss", edits=edits
    )


def edits(site: Site) -> Iterator[Edit]:
    """Undoes a square, an absolute value and the like; starts from the difference itself."""
    for node in site.expressions:
        if not site.shop.is_driven(node):
            continue
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            yield site.edit(NAME, node, ast.unparse(node.left), cost=1.2, says="drop the power")
        if not isinstance(node, ast.Call) or not node.args:
            continue
        if ast.unparse(node.func).rpartition(".")[2] in _SHAPED:
            text = ast.unparse(node.args[0])
            yield site.edit(NAME, node, text, cost=0.96, says="drop the call")
    yield from _from_difference(site)
    yield from _from_labels(site)
    yield from _from_error(site)


def _from_error(site: Site) -> Iterator[Edit]:
    """Writes an error where a gradient is made of values of the forward pass alone."""
    if site.value is None or site.shop.is_driven(site.value):
        return
    passed = any(site.shop.is_parameter(node) for node in site.variables)
    name = "broken-chain-rule" if passed else NAME
    for node in site.variables:
        atom = site.atom(node)
        if atom is None or not atom.activation:
            continue
        for other in site.atoms:
            if other.gradient and other.shapes & atom.shapes:
                yield site.edit(name, node, other.text, cost=1.15, says=f"use {other.text}")


def _from_labels(site: Site) -> Iterator[Edit]:
    """Output minus labels, where no difference stands yet: `-y / p` behind a softmax."""
    for node in site.expressions:
        shapes = site.shop.shapes(node)
        if not isinstance(node, ast.BinOp) or not shapes or not site.shop.is_acted(node):
            continue
        outputs = [atom for atom in site.atoms if atom.acted and atom.activation]
        for output in outputs:
            for target in site.atoms:
                fits = shapes & output.shapes & target.shapes and not target.acted
                if fits and (output.shapes - {()}):
                    text = f"{output.text} - {target.text}"
                    yield site.edit(NAME, node, f"({text})", cost=2.2, says=f"start from {text}")


def _from_difference(site: Site) -> Iterator[Edit]:
    """Starts from output minus target, where both are known."""
    value = site.value
    if value is None or not isinstance(site.statement, (ast.Assign, ast.Return)):
        return
    known = {atom.text for atom in site.atoms}
    for residual in site.shop.residuals:
        output = ast.unparse(site.shop.nodes[residual.output])
        target = ast.unparse(site.shop.nodes[residual.target])
        shapes = site.shop.shapes(value) & site.shop.shapes(site.shop.nodes[residual.serial])
        if shapes and {output, target} <= known:
            says = f"start from {output} - {target}"
            yield site.edit(NAME, value, f"{output} - {target}", cost=2.0, says=says)
            yield site.edit(NAME, value, f"{target} - {output}", cost=2.1, says=says)
    for node in site.expressions:
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Div):
            continue
        if site.shop.is_driven(node) and site.shop.is_acted(node.right):
            text = ast.unparse(node.left)
            yield site.edit(NAME, node, text, cost=1.3, says="drop the division")

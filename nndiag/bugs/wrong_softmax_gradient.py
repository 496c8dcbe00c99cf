"""The delta at a softmax output is not probabilities minus labels.

What it is: with cross-entropy the derivative of the softmax cancels, and `p - y` is the whole
delta. The program multiplies it by p (1 - p) as well, or leaves the labels out.

Why it matters: all tensors are wrong. Where the probabilities are near 0 or 1 the extra factor
stops the training just where the error is largest.

How it is told: all tensors are wrong, and dropping the factor mends them all.

Repair: use `p - y`.

Source: Bishop, Pattern Recognition and Machine Learning (2006), equation 4.109.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from nndiag.program.repair.bug import BUGS, Bug
from nndiag.program.repair.derivatives import derivatives_in
from nndiag.program.repair.sites import Site, factors
from nndiag.program.text.edits import Edit

NAME = "wrong-softmax-gradient"


@BUGS.register(NAME)
def wrong_softmax_gradient() -> Bug:
    """The delta at a softmax output is not probabilities minus labels."""
    return Bug(
        sentence="with softmax and cross-entropy the delta is probabilities minus labels, "
        "without a further factor",
        edits=edits,
    )


def edits(site: Site) -> Iterator[Edit]:
    """Drops a factor from the delta of probabilities."""
    if not _softmax_output(site):
        return
    for node in site.expressions:
        for whole, factor, rest in factors(node):
            driven = site.shop.is_driven(whole) and site.shop.is_acted(factor)
            if driven and not site.shop.is_driven(factor):
                says = f"drop the factor {ast.unparse(factor)}"
                yield site.edit(NAME, whole, rest, cost=0.9, says=says)
    for derivative in derivatives_in(site):
        if derivative.rest and site.shop.is_driven(derivative.node):
            says = "drop the derivative"
            yield site.edit(NAME, derivative.node, derivative.rest, cost=0.85, says=says)
    yield from _labels(site)
    yield from _marked(site)


def _marked(site: Site) -> Iterator[Edit]:
    """`d[range(n), y] -= 1` behind the statement that takes the probabilities over."""
    statement = site.statement
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        return
    shapes = site.shop.shapes(statement.value)
    for node in site.shop.inside(site.scope):
        if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple):
            continue
        if site.shop.is_acted(node) and shapes & site.shop.shapes(node.value):
            index = ast.unparse(node.slice).removeprefix("(").removesuffix(")")
            text = f"{ast.unparse(statement.targets[0])}[{index}] -= 1"
            yield site.insertion(NAME, text, says="take the labels off the probabilities")


def _labels(site: Site) -> Iterator[Edit]:
    """Takes labels off probabilities where none are taken off."""
    for node in site.variables:
        atom = site.atom(node)
        if atom is None or (atom.driven and atom.parameter):
            continue
        for other in site.atoms:
            if not other.acted and other.shapes & atom.shapes - {()} and atom.acted:
                text = f"{atom.text} - {other.text}"
                yield site.edit(NAME, node, text, cost=1.2, says=f"write {text}")


def _softmax_output(site: Site) -> bool:
    """Whether some output of the step has entries that sum to one over an axis."""
    shop = site.shop
    outputs = [residual.output for residual in shop.residuals] or shop.computed.acted
    return any("softmax" in name.lower() for name in shop.functions) or any(
        _sums_to_one(np.asarray(value))
        for serial in outputs
        for value in shop.computed.base.values.get(serial, [])[-1:]
    )


def _sums_to_one(array: np.ndarray) -> bool:
    return bool(array.ndim) and any(
        array.shape[axis] > 1 and np.allclose(array.sum(axis=axis), 1.0)
        for axis in range(array.ndim)
    )

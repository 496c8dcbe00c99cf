"""The gradient is the sum over the examples where the loss is their mean, or the reverse.

What it is: the loss divides by the number of examples N and the backward pass does not (or the
other way round), so that the step is N times too large (or too small).

Why it matters: the direction is right, but the learning rate in the program is not the one that
acts: it is N times that. A rate that is fine for ten examples explodes for a thousand. With only
some tensors summed, weights and biases learn at rates N apart.

How it is told: cosine 1, and the step over the gradient is N or 1/N times the learning rate, or
times what the other tensors have. Only judged where the program computes the loss itself and names
its learning rate: otherwise the factor cannot be known.

Repair: divide the gradient by N where the loss is a mean, or do not where it is a sum.

Source: the factor is that of the derivative of a mean.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from nndiag.finding import Severity
from nndiag.program.gradients.judgement import SAME, Verdict
from nndiag.program.repair.bug import BUGS, Bug, Symptoms
from nndiag.program.repair.sites import Site, bracketed, factors
from nndiag.program.text.edits import Edit

NAME = "summed-instead-of-averaged"
_SWAPS = {"sum": "mean", "mean": "sum", "average": "sum"}


@BUGS.register(NAME)
def summed_instead_of_averaged() -> Bug:
    """The gradient is the sum over the examples where the loss is their mean, or the reverse."""
    return Bug(
        sentence="summed over the examples where the loss is averaged, or the reverse",
        edits=edits,
        suspects=suspects,
        severity=Severity.WARNING,
    )


def counts(site: Site) -> list[str]:
    """Expressions of the program whose value is the number of examples."""
    wanted = float(site.shop.examples)
    names = {atom.text: atom for atom in site.atoms if atom.shapes == {()} and not atom.acted}
    found = [text for text, atom in names.items() if float(atom.value) == wanted]
    for residual in site.shop.residuals[:1]:
        target = ast.unparse(site.shop.nodes[residual.target])
        if any(atom.text == target for atom in site.atoms):
            found.append(f"len({target})")
    return found[:3] or [str(site.shop.examples)]


def edits(site: Site) -> Iterator[Edit]:
    """Divides by the number of examples, or stops dividing by it."""
    if site.shop.examples < 2:
        return
    yield from _statements(site)
    for node in site.expressions:
        if isinstance(node, ast.Call):
            yield from _swapped(site, node)
        for whole, factor, rest in factors(node):
            if _is_count(site, factor):
                yield site.edit(NAME, whole, rest, cost=1.2, says=f"drop {ast.unparse(factor)}")
    if any(site.serial in serials for serials in site.shop.updates.values()):
        yield from _in_update(site)
    value = site.value
    if value is None or not site.shop.is_driven(value) or isinstance(value, (ast.Tuple, ast.Dict)):
        return
    for count in counts(site):
        yield site.edit(
            NAME, value, f"{bracketed(value)} / {count}", cost=1.25, says=f"divide by {count}"
        )
    for count in counts(site):
        yield site.edit(
            NAME, value, f"{bracketed(value)} * {count}", cost=1.5, says=f"multiply by {count}"
        )


def _statements(site: Site) -> Iterator[Edit]:
    """Takes `d /= N` out, or puts it behind a statement that changes entries of d in place."""
    statement = site.statement
    if not isinstance(statement, ast.AugAssign):
        return
    scaling = isinstance(statement.op, (ast.Mult, ast.Div))
    if scaling and _is_count(site, statement.value):
        yield site.statement_edit(NAME, "", cost=1.2, says="drop the division")
    target = statement.target
    if isinstance(target, ast.Subscript) and not site.shop.is_parameter(target.value):
        whole = ast.unparse(target.value)
        for count in counts(site)[:1]:
            yield site.insertion(NAME, f"{whole} /= {count}", says=f"divide by {count}")


def _in_update(site: Site) -> Iterator[Edit]:
    """Divides the gradient where it is applied."""
    for node in site.variables:
        if site.shop.is_driven(node) and not site.shop.is_parameter(node):
            for count in counts(site)[:1]:
                text = f"{ast.unparse(node)} / {count}"
                yield site.edit(NAME, node, text, cost=1.3, says=f"divide by {count}")


def _swapped(site: Site, node: ast.Call) -> Iterator[Edit]:
    name = ast.unparse(node.func)
    head, dot, last = name.rpartition(".")
    if last in _SWAPS and site.shop.is_driven(node):
        new = f"{head}{dot}{_SWAPS[last]}"
        yield site.edit(NAME, node.func, new, cost=1.4, says=f"write {new}")


def _is_count(site: Site, node: ast.expr) -> bool:
    """Whether a factor is the number of examples or one over it."""
    examples = float(site.shop.examples)
    values = site.shop.computed.base.values.get(getattr(node, "serial", -1), [])
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        values = [float(node.value)]
    return any(
        np.size(value) == 1 and float(np.ravel(value)[0]) in (examples, 1 / examples)
        for value in values
    )


def suspects(symptoms: Symptoms) -> tuple[str, ...]:
    """The tensors whose factor is N or 1/N times that of the right ones."""
    found = []
    for name, verdict in symptoms.verdicts.items():
        ratios = [
            scale / reference
            for scale, reference in zip(symptoms.scales[name], symptoms.reference)
            if reference
        ]
        wanted = (float(symptoms.examples), 1 / symptoms.examples)
        near = all(any(abs(r - w) <= SAME * w for w in wanted) for r in ratios)
        if verdict is Verdict.WRONG_SCALE and ratios and near and symptoms.examples > 1:
            found.append(name)
    return tuple(found)

"""The error is not passed back through the weights of the layer above.

What it is: between two layers the factor Wᵀ is missing, is not transposed, is that of another
layer, or the layer above's delta is not used at all.

Why it matters: the output layer learns, every earlier layer moves in a direction that has little to
do with the loss. With a small network the last layer alone often fits the data half, so it looks
like slow training.

How it is told: the tensors from one layer up are right and all tensors below are wrong; passing the
delta through that layer's weights mends them.

Repair: multiply the delta of the layer above by its weights, transposed.

Source: Rumelhart, Hinton and Williams, Learning representations by back-propagating errors (1986),
equations 6 and 7.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nndiag.program.repair.atoms import Atom
from nndiag.program.repair.bug import BUGS, Bug
from nndiag.program.repair.sites import Site, bracketed, matmul_operands
from nndiag.program.repair.workshop import Shape
from nndiag.program.text.edits import Change, Edit
from nndiag.program.text.instrument import serial_of

NAME = "broken-chain-rule"
_ABOVE = "weights_above"


@BUGS.register(NAME)
def broken_chain_rule() -> Bug:
    """The error is not passed back through the weights of the layer above."""
    return Bug(
        sentence="the error is not passed back through the weights of the layer above",
        edits=edits,
    )


def edits(site: Site) -> Iterator[Edit]:
    """Puts weights into the way back, transposes or exchanges them, swaps a product's sides."""
    weights = [atom for atom in site.atoms if atom.parameter and _is_matrix(atom)]
    for node in site.variables:
        atom = site.atom(node)
        if atom is None:
            continue
        if atom.parameter:
            yield from _exchanged(site, node, atom)
            yield from _slices(site, node)
    for node in site.expressions:
        if isinstance(node, ast.Attribute) and node.attr == "T":
            yield site.edit(NAME, node, ast.unparse(node.value), cost=1.2, says="drop .T")
        yield from _swapped(site, node)
        inner = node.args[0] if isinstance(node, ast.Call) and len(node.args) == 1 else None
        if inner is not None and (site.shop.is_parameter(inner) or _is_weights(site, inner)):
            text = ast.unparse(inner)
            yield site.edit(NAME, node, text, cost=1.05, says=f"pass it through {text}")
    for node in _deltas(site):
        for passed, shapes in _passed(site, node):
            for atom in weights or _sibling_weights(site):
                for form in _products(passed, shapes, atom):
                    cost = 1.3 if passed == bracketed(node) else 1.45
                    yield site.edit(
                        NAME, node, form, cost=cost, says=f"pass it through {atom.text}"
                    )
    yield from _kept_result(site)
    yield from _next_layer(site)
    yield from _indices(site)


def _passed(site: Site, node: ast.expr) -> Iterator[tuple[str, frozenset[Shape]]]:
    """What may be passed through weights in the place of an expression: it, or another delta."""
    yield bracketed(node), site.shop.shapes(node)
    if isinstance(node, ast.Call) and len(node.args) == 1:
        yield bracketed(node.args[0]), site.shop.shapes(node.args[0])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        yield bracketed(node.func.value), site.shop.shapes(node.func.value)
    if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
        for atom in site.atoms:
            if atom.gradient and atom.text != ast.unparse(node) and len(atom.text) < 40:
                yield atom.text, atom.shapes


def _products(text: str, shapes: frozenset[Shape], weights: Atom) -> Iterator[str]:
    """The products of a delta and weights that their shapes allow."""
    pairs = [(delta, own) for delta in shapes for own in weights.shapes]
    if any(delta and own and delta[-1] == own[-1] for delta, own in pairs):
        yield f"{text}.dot({weights.text}.T)"
    if any(delta and own and delta[0] == own[0] for delta, own in pairs):
        yield f"{weights.text}.T.dot({text})"
    if any(delta and own and delta[-1] == own[0] for delta, own in pairs):
        yield f"{text}.dot({weights.text})"
    if any(not delta or not own or own == (1,) for delta, own in pairs) or any(
        delta[-1] in (1, own[-1]) for delta, own in pairs
    ):
        yield f"{text} * {weights.text}"


def _kept_result(site: Site) -> Iterator[Edit]:
    """`layer.backward(error)` gives the error of the layer below: it is to be kept."""
    statement = site.statement
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return
    for item in statement.value.args:
        if isinstance(item, (ast.Name, ast.Attribute)) and site.shop.is_driven(item):
            text = f"{ast.unparse(item)} = {ast.unparse(statement.value)}"
            yield site.statement_edit(NAME, text, cost=1.1, says="keep what is passed back")


def _next_layer(site: Site) -> Iterator[Edit]:
    """In a loop over layer objects: remembers the weights of the layer above, and uses them."""
    statement, shop = site.statement, site.shop
    loop = site.parent(statement)
    if not isinstance(statement, ast.Assign) or not isinstance(loop, ast.For):
        return
    if loop is shop.loop or not isinstance(loop.target, ast.Name):
        return
    layers = _layers(loop.iter)
    start = _first_update(site, loop)
    if layers is None or start is None:
        return
    for base, rest in _weights_of_layers(site):
        if base.rpartition(".")[2] != layers.rpartition(".")[2]:
            continue
        changes = (
            Change(serial_of(start), f"{_ABOVE} = {layers}[-1]{rest}.copy()", where="before"),
            Change(site.serial, f"{_ABOVE} = {loop.target.id}{rest}.copy()", where="after"),
        )
        says = "pass it through the weights of the layer above"
        for node in _deltas(site):
            inner = node
            while isinstance(inner, ast.Call) and inner.args:
                inner = next((i for i in inner.args if shop.is_driven(i)), inner.args[0])
            for text in dict.fromkeys((ast.unparse(inner), ast.unparse(node))):
                for form in (f"({text} @ {_ABOVE}.T)", f"({_ABOVE}.T @ {text})"):
                    edit = Change(serial_of(node), form)
                    yield Edit(NAME, (changes[0], edit, changes[1]), 1.6, says)


def _layers(iterated: ast.expr) -> str | None:
    """The list of layers that a loop goes through backwards but for the last one."""
    text = ast.unparse(iterated).replace(" ", "")
    for form in (r"reversed\((.+)\[:-1\]\)", r"(.+)\[:-1\]\[::-1\]", r"(.+)\[-2::-1\]"):
        found = re.fullmatch(form, text)
        if found:
            return found.group(1)
    return None


def _first_update(site: Site, loop: ast.For) -> ast.stmt | None:
    """The first statement beside a loop that may change the last layer's weights; or the loop."""
    above = site.parent(loop)
    for item in getattr(above, "body", []):
        calls = isinstance(item, ast.Expr) and isinstance(item.value, ast.Call)
        if item is loop or (calls and site.shop.is_driven(item)):
            return item if isinstance(item, ast.stmt) else None
    return None


def _weights_of_layers(site: Site) -> list[tuple[str, str]]:
    """The matrices that layer objects in a list have: the list, and what follows its index."""
    found = {
        (match.group(1), match.group(2))
        for name, shape in site.shop.parameters.items()
        if len(shape) == 2 and (match := re.fullmatch(r"(.*?)\[\d+\](.+)", name))
    }
    return sorted(found)


def _is_weights(site: Site, node: ast.expr) -> bool:
    """Whether an expression is a parameter, transposed."""
    return (
        isinstance(node, ast.Attribute) and node.attr == "T" and site.shop.is_parameter(node.value)
    )


def _is_matrix(atom: Atom) -> bool:
    return any(len(shape) != 1 or shape[0] > 1 for shape in atom.shapes)


def _sibling_weights(site: Site) -> list[Atom]:
    """Weights that the module knows by name."""
    found = []
    for atom in site.module_atoms:
        if atom.parameter and _is_matrix(atom):
            found.append(atom)
    return found


def _exchanged(site: Site, node: ast.expr, atom: Atom) -> Iterator[Edit]:
    for other in site.atoms:
        if other.parameter and other.text != atom.text:
            yield site.edit(NAME, node, other.text, cost=1.25, says=f"use {other.text}")
    above = site.parent(node)
    if not (isinstance(above, ast.Attribute) and above.attr == "T"):
        text = ast.unparse(node)
        yield site.edit(NAME, node, f"{text}.T", cost=1.15, says=f"transpose {text}")


def _slices(site: Site, node: ast.expr) -> Iterator[Edit]:
    """Leaves another end of the weights out: the row of the bias, first or last."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        for part in ("[:-1]", "[1:]"):
            text = f"{ast.unparse(node.value)}{part}"
            if text != ast.unparse(node):
                yield site.edit(NAME, node, text, cost=1.1, says=f"use {text}")


def _swapped(site: Site, node: ast.expr) -> Iterator[Edit]:
    operands = matmul_operands(node)
    if operands is None:
        return
    left, right = (bracketed(item) for item in operands)
    if isinstance(node, ast.BinOp):
        yield site.edit(NAME, node, f"{right} @ {left}", cost=1.4, says="swap the product")
    else:
        yield site.edit(NAME, node, f"{right}.dot({left})", cost=1.4, says="swap the product")


def _deltas(site: Site) -> Iterator[ast.expr]:
    """The expressions that may be the error of the layer above."""
    for node in site.expressions:
        if (
            site.shop.is_driven(node)
            and isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.BinOp, ast.Call))
            and serial_shapes(site, node)
        ):
            yield node


def serial_shapes(site: Site, node: ast.expr) -> bool:
    """Whether an expression has a numeric value of its own."""
    return bool(site.shop.shapes(node))


def _indices(site: Site) -> Iterator[Edit]:
    """The same list, one layer up or down."""
    for node in site.expressions:
        if not isinstance(node, ast.Subscript) or isinstance(node.slice, (ast.Slice, ast.Tuple)):
            continue
        if not site.shop.is_acted(node):
            continue
        index = ast.unparse(node.slice)
        atom = site.atom(node)
        if atom is not None and not atom.parameter and not atom.gradient:
            continue
        for shift in ("+ 1", "- 1"):
            text = f"{ast.unparse(node.value)}[{index} {shift}]"
            yield site.edit(NAME, node, text, cost=1.3, says=f"use {text}")

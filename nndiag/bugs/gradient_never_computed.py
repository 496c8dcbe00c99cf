"""A parameter is never changed: its gradient is not computed, or never applied.

What it is: the update of a parameter is missing, its gradient is left at zero, or an `if` keeps
both from being reached.

Why it matters: the parameter stays at its start. A network with a frozen first layer still lowers
its loss, on random features; with a frozen bias it often cannot centre its units at all.

How it is told: one iteration leaves the parameter as it was, at every point, and the loss does
change with it.

Repair: write the missing update after the others'. A layer that is frozen on purpose is no bug:
name the parameters to check under `code.parameters`.

Source: ours; the step of gradient descent is zero only where the gradient is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import numpy as np

from nndiag.program.gradients.judgement import Verdict
from nndiag.program.repair.atoms import bound_names
from nndiag.program.repair.bug import BUGS, Bug, Symptoms
from nndiag.program.repair.gradient_forms import gradient_forms
from nndiag.program.repair.sites import Site, factors, matmul_operands
from nndiag.program.text.edits import Change, Edit
from nndiag.program.text.instrument import serial_of

NAME = "gradient-never-computed"
_SIGNS: dict[type, str] = {ast.Add: "+=", ast.Sub: "-="}


@BUGS.register(NAME)
def gradient_never_computed() -> Bug:
    """A parameter is never changed: its gradient is not computed, or never applied."""
    return Bug(
        sentence="the parameter is never changed: its gradient is not computed or not applied",
        edits=edits,
        suspects=suspects,
    )


def edits(site: Site) -> Iterator[Edit]:
    """Writes a missing update after the model of another parameter's."""
    yield from _other_entries(site)
    yield from _whole_ranges(site)
    yield from _lost_result(site)
    for still in site.shop.still:
        yield from _gradient_instead_of_zeros(site, still)
        for name, serials in site.shop.updates.items():
            if name not in site.shop.still and (
                site.serial in serials or _updates_copy(site, name)
            ):
                for text, cost in _updates(site, name, still):
                    yield from _placed(site, text, cost, f"update {still} too")


def _lost_result(site: Site) -> Iterator[Edit]:
    """Gives the parameter its new value, where another variable gets it: `db = b - rate * db`."""
    statement, value = site.statement, site.value
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        return
    if not isinstance(value, ast.BinOp) or not isinstance(value.op, (ast.Add, ast.Sub)):
        return
    own = ast.unparse(value.left)
    lost = site.shop.is_parameter(value.left) and own != statement.targets[0].id
    if site.shop.still and lost and site.shop.is_driven(value.right):
        text = f"{own} = {ast.unparse(value)}"
        yield site.statement_edit(NAME, text, cost=1.05, says=f"give it to {own}")


def _other_entries(site: Site) -> Iterator[Edit]:
    """Updates the entries that a loop or a slice leaves out: `w[-1]` beside `w[j]` or `w[:-1]`."""
    statement = site.statement
    if not any(site.serial in site.shop.updates.get(name, ()) for name in site.shop.partly):
        return
    if not isinstance(statement, ast.AugAssign) or not isinstance(statement.target, ast.Subscript):
        return
    sign = _SIGNS.get(type(statement.op))
    base = ast.unparse(statement.target.value)
    for index in ("-1", "0") if sign else ():
        for value in dict.fromkeys(_without_inputs(site, statement.value)):
            text = f"{base}[{index}] {sign} {value}"
            yield from _placed(site, text, 1.2, f"update {base}[{index}] too")


def _without_inputs(site: Site, value: ast.expr) -> Iterator[str]:
    """A weight's gradient without the input that a bias has not."""
    shop = site.shop
    for node in ast.walk(value):
        for whole, factor, rest in factors(node):
            if not shop.is_driven(factor) and isinstance(factor, (ast.Subscript, ast.Name)):
                yield _replaced(value, whole, rest)
        operands = matmul_operands(node)
        for operand in operands or ():
            if shop.is_driven(operand):
                for axis in (0, 1):
                    summed = f"np.sum({ast.unparse(operand)}, axis={axis})"
                    for new in _with_rate(site, node, summed):
                        yield _replaced(value, node, new)


def _whole_ranges(site: Site) -> Iterator[Edit]:
    """Lets a loop of updates run over all layers: `range(1, n)` becomes `range(n)`."""
    shop = site.shop
    above = site.parent(site.statement)
    updates = any(site.serial in serials for serials in shop.updates.values())
    if not (shop.still or shop.partly) or not updates:
        return
    while isinstance(above, ast.For) and above is not shop.loop:
        for text in _wider(above.iter):
            change = Change(serial_of(above.iter), text)
            yield Edit(NAME, (change,), 1.15, f"go through {text}")
        above = site.parent(above)


def _wider(iterated: ast.expr) -> Iterator[str]:
    """A range or a slice without what it leaves out at its ends."""
    if isinstance(iterated, ast.Call) and ast.unparse(iterated.func) == "range":
        *start, stop = iterated.args[:2]
        if start and ast.unparse(start[0]) != "0" and len(iterated.args) == 2:
            yield f"range({ast.unparse(stop)})"
        if isinstance(stop, ast.BinOp) and isinstance(stop.op, ast.Sub) and not start:
            yield f"range({ast.unparse(stop.left)})"
    if isinstance(iterated, ast.Subscript) and isinstance(iterated.slice, ast.Slice):
        yield ast.unparse(iterated.value)


def _with_rate(site: Site, node: ast.AST, new: str) -> Iterator[str]:
    """What stands for a product, with the numbers that its sides carry: `rate * x.T @ delta`."""
    yield new
    for operand in matmul_operands(node) or ():
        for item in ast.walk(operand):
            for _, factor, _ in factors(item):
                if site.shop.shapes(factor) == {()} or isinstance(factor, ast.Constant):
                    yield f"{ast.unparse(factor)} * {new}"


def _updates_copy(site: Site, name: str) -> bool:
    """Whether a statement gives the new value to a variable that is put back later."""
    statement = site.statement
    if not isinstance(statement, (ast.Assign, ast.AugAssign)) or site.value is None:
        return False
    target = statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]
    same = isinstance(target, ast.Name) and target.id == _tail(name)
    return same and site.shop.is_driven(site.value)


def _placed(site: Site, text: str, cost: float, says: str) -> Iterator[Edit]:
    """A new update behind its model, or behind the loops whose variables it does not use."""
    above = site.parent(site.statement)
    words = set(re.findall(r"\w+", text))
    behind = site.statement
    while isinstance(above, ast.For) and above is not site.shop.loop:
        if words & set(re.findall(r"\w+", ast.unparse(above.target))):
            break
        behind = above
        above = site.parent(above)
    yield Edit(NAME, (Change(serial_of(behind), text, where="after"),), cost, says)


def _updates(site: Site, known: str, still: str) -> Iterator[tuple[str, float]]:
    """Updates of one parameter, written after the model of another's, with their costs."""
    text = ast.unparse(site.statement)
    for new in _rewritten(site, text, known, still):
        yield new, 1.2
    statement, value = site.statement, site.value
    if value is None or not isinstance(statement, (ast.AugAssign, ast.Assign)):
        return
    target = statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]
    for name in _names(target, still):
        for new in _values(site, value, still):
            body = _exchanged(new, ast.unparse(target), name)
            sign = _SIGNS.get(type(getattr(statement, "op", None)), "=")
            if new != ast.unparse(value):
                yield f"{name} {sign} {body}", 1.4


def _names(target: ast.expr, still: str) -> Iterator[str]:
    """How a statement like that of another parameter would write a parameter."""
    if "*" not in still:
        yield still
    while isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Constant):
        target = target.value
    tail = _tail(still)
    if isinstance(target, ast.Attribute):
        yield f"{ast.unparse(target.value)}.{tail}"
    elif isinstance(target, ast.Subscript):
        yield f"{ast.unparse(target.value)}['{tail}']"


def _values(site: Site, value: ast.expr, still: str) -> Iterator[str]:
    """The right side of an update with another gradient in it."""
    shape = site.shop.parameters[still]
    gradients = list(dict.fromkeys(gradient_forms(site, shape)))
    for node in ast.walk(value):
        if not isinstance(node, ast.expr) or not site.shop.is_driven(node):
            continue
        if site.shop.is_parameter(node) or isinstance(node, ast.UnaryOp):
            continue
        for gradient in gradients:
            for new in _with_rate(site, node, gradient):
                yield _replaced(value, node, new)
    for whole, factor, rest in (item for node in ast.walk(value) for item in factors(node)):
        acted = site.shop.is_acted(factor) or bool(site.shop.shapes(factor) - {()})
        if acted or isinstance(factor, ast.Subscript):
            yield _replaced(value, whole, rest)


def _replaced(whole: ast.expr, node: ast.AST, text: str) -> str:
    """An expression's text with another text in the place of one node."""
    if whole is node:
        return text
    before, after = ast.unparse(whole), ast.unparse(node)
    bracketed = f"({after})" if f"({after})" in before else after
    return before.replace(bracketed, text, 1)


def _exchanged(text: str, old: str, new: str) -> str:
    return re.sub(rf"(?<![\w.]){re.escape(old)}(?![\w\[])", new, text)


def _rewritten(site: Site, text: str, known: str, still: str) -> Iterator[str]:
    """An update of one parameter, written for another one: digits and suffixes exchanged."""
    old, new = _tail(known), _tail(still)
    numbers = re.findall(r"\[(\d+)\]", known), re.findall(r"\[(\d+)\]", still)
    for first, second in zip(*numbers):
        if first != second:
            yield text.replace(f"[{first}]", f"[{second}]")
    if old == new:
        return
    renamed = text.replace(old, new)
    yield renamed
    digits = re.findall(r"\d+", old), re.findall(r"\d+", new)
    if digits[0] and digits[1]:
        yield re.sub(rf"(?<=[A-Za-z_]){digits[0][-1]}\b", digits[1][-1], text)
    letters = [re.sub(r"\d+$", "", tail) for tail in (old, new)]
    quoted = re.sub(rf"(?<=['\"])(d?){letters[0]}(?=\d*['\"])", rf"\g<1>{letters[1]}", text)
    if quoted not in (text, renamed):
        yield quoted
    bound = bound_names(site.shop, site.scope) | site.shop.words
    for word in dict.fromkeys(re.findall(r"[A-Za-z_]\w*", renamed)):
        for other in sorted(bound - {word}) if word in bound and word != "self" else ():
            if _alike(word, other):
                yield re.sub(rf"\b{word}\b", other, renamed)


def _alike(first: str, second: str) -> bool:
    """Whether two names are those of gradients of two parameters: `nabla_w` and `nabla_b`."""
    shared = 0
    while shared < min(len(first), len(second)) and first[shared] == second[shared]:
        shared += 1
    return shared > 0 and max(len(first), len(second)) - shared <= 7


def _tail(name: str) -> str:
    """The part of a parameter's name that its gradient's name repeats: `W1` of `params["W1"]`."""
    found = re.findall(r"[A-Za-z_]\w*", name)
    return found[-1] if found else name


def _gradient_instead_of_zeros(site: Site, still: str) -> Iterator[Edit]:
    """Computes a gradient where zeros stand for it."""
    value = site.value
    shape = site.shop.parameters[still]
    if value is None or shape not in site.shop.shapes(value):
        return
    values = site.shop.computed.base.values.get(serial_of(value), [])
    if any(np.any(item) for item in values):
        return
    for form in gradient_forms(site, shape):
        yield site.edit(NAME, value, form, cost=1.45, says=f"compute {form}")


def suspects(symptoms: Symptoms) -> tuple[str, ...]:
    """The tensors that no iteration changes."""
    return tuple(
        name for name, verdict in symptoms.verdicts.items() if verdict is Verdict.NEVER_UPDATED
    )

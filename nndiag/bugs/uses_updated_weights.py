"""A layer's weights are updated before the error is passed back through them.

What it is: the update of the output weights stands before the line that computes the hidden layer's
delta from those weights.

Why it matters: the hidden gradient belongs to a network that was never evaluated. The error is of
the order of the learning rate, so that it hides at small rates and destabilises large ones.

How it is told: the hidden tensors are slightly wrong, by an amount that grows with the learning
rate; moving the update behind the use mends them.

Repair: compute all deltas first, then update.

Source: ours.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.program.repair.bug import BUGS, Bug
from nndiag.program.repair.sites import Site
from nndiag.program.text.edits import Change, Edit
from nndiag.program.text.instrument import serial_of

NAME = "uses-updated-weights"


@BUGS.register(NAME)
def uses_updated_weights() -> Bug:
    """A layer's weights are updated before the error is passed back through them."""
    return Bug(
        sentence="the weights are updated before the error is passed back through them",
        edits=edits,
    )


def edits(site: Site) -> Iterator[Edit]:
    """Moves an update behind a later statement of its block."""
    names = [name for name, serials in site.shop.updates.items() if site.serial in serials]
    if not names:
        return
    for statement in _unit(site):
        block = _block(site, statement)
        position = next((i for i, item in enumerate(block) if item is statement), None)
        if position is None:
            continue
        text = ast.unparse(statement)
        later = block[position + 1 :]
        for other in [*later[-1:], *later]:
            if isinstance(other, (ast.Return, ast.Break, ast.Continue)):
                continue
            if not site.shop.is_acted(other):
                continue
            move = Change(serial_of(other), text, where="after")
            says = f"move the update of {names[0]} behind its use"
            yield Edit(NAME, (Change(serial_of(statement), ""), move), 1.05, says)
        yield from _before(site, statement, later)
        yield from _returned(site, statement, later)


def _unit(site: Site) -> Iterator[ast.stmt]:
    """The update, or the loop around it that holds nothing else."""
    statement: ast.AST = site.statement
    above = site.parent(statement)
    while isinstance(above, ast.For) and above.body == [statement] and not above.orelse:
        statement, above = above, site.parent(above)
    if isinstance(statement, ast.stmt):
        yield statement


def _returned(site: Site, statement: ast.stmt, later: list[ast.stmt]) -> Iterator[Edit]:
    """Computes what is returned before the update."""
    for other in later:
        if isinstance(other, ast.Return) and isinstance(other.value, ast.expr):
            if not site.shop.is_driven(other.value) or isinstance(other.value, ast.Name):
                continue
            ahead = f"passed_back = {ast.unparse(other.value)}"
            changes = (
                Change(serial_of(statement), ahead, where="before"),
                Change(serial_of(other.value), "passed_back"),
            )
            yield Edit(NAME, changes, 1.1, "compute it before the update")


def _before(site: Site, statement: ast.stmt, later: list[ast.stmt]) -> Iterator[Edit]:
    """Moves a later statement, the use, in front of the update."""
    for other in later:
        if isinstance(other, ast.Assign) and site.shop.is_driven(other):
            moved = ast.unparse(other)
            changes = (
                Change(serial_of(other), ""),
                Change(serial_of(statement), moved, where="before"),
            )
            yield Edit(NAME, changes, 1.2, "compute it before the update")


def _block(site: Site, statement: ast.stmt) -> list[ast.stmt]:
    """The statements beside one."""
    parent = site.parent(statement)
    for name in ("body", "orelse"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and any(item is statement for item in block):
            return block
    return []

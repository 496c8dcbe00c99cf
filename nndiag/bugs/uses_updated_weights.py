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

import ast
from collections.abc import Iterator

from nndiag.user_code.bug import BUGS, Bug
from nndiag.user_code.edits import Change, Edit
from nndiag.user_code.instrument import serial_of
from nndiag.user_code.sites import Site

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
    block = _block(site)
    position = next((i for i, item in enumerate(block) if item is site.statement), None)
    if position is None:
        return
    text = ast.unparse(site.statement)
    later = block[position + 1 :]
    for other in [*later[-1:], *later]:
        if isinstance(other, ast.Return | ast.Break | ast.Continue) or not site.shop.is_acted(
            other
        ):
            continue
        changes = (Change(site.serial, ""), Change(serial_of(other), text, where="after"))
        yield Edit(NAME, changes, 1.05, f"move the update of {names[0]} behind its use")
    yield from _before(site, block, position, text)


def _before(site: Site, block: list[ast.stmt], position: int, text: str) -> Iterator[Edit]:
    """Moves a later statement, the use, in front of the update."""
    del text
    for other in block[position + 1 :]:
        if isinstance(other, ast.Assign) and site.shop.is_driven(other):
            moved = ast.unparse(other)
            changes = (Change(serial_of(other), ""), Change(site.serial, moved, where="before"))
            yield Edit(NAME, changes, 1.2, "compute it before the update")


def _block(site: Site) -> list[ast.stmt]:
    """The statements beside this one."""
    parent = site.parent(site.statement)
    for name in ("body", "orelse"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and any(item is site.statement for item in block):
            return block
    return []

"""A gradient that should add up over examples or layers is overwritten, or the reverse.

What it is: `=` stands where `+=` is meant, so that only the last example of a loop counts; or `+=`
where `=` is meant, so that old gradients are never forgotten.

Why it matters: the step follows one example and the loss is over all of them, or the step repeats
what it did before.

How it is told: the tensors whose gradients are collected so are wrong; exchanging the sign mends
them.

Repair: write `+=` inside the loop over the examples and reset the gradient before it.

Source: ours.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nndiag.program.repair.bug import BUGS, Bug
from nndiag.program.repair.sites import Site
from nndiag.program.text.edits import Edit

NAME = "assignment-instead-of-increment"


@BUGS.register(NAME)
def assignment_instead_of_increment() -> Bug:
    """A gradient that should add up over examples or layers is overwritten, or the reverse."""
    return Bug(
        sentence="the gradient is overwritten where it should add up, or the reverse", edits=edits
    )


def edits(site: Site) -> Iterator[Edit]:
    """Exchanges `=` and `+=`."""
    statement = site.statement
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, (ast.Name, ast.Subscript, ast.Attribute)) and site.shop.is_driven(
            statement
        ):
            for sign, cost in (("+=", 1.0), ("-=", 1.3)):
                text = f"{ast.unparse(target)} {sign} {ast.unparse(statement.value)}"
                yield site.statement_edit(NAME, text, cost=cost, says=f"write {sign}")
            target_text, value_text = ast.unparse(target), ast.unparse(statement.value)
            text = f"{target_text} = [a + b for a, b in zip({target_text}, {value_text})]"
            if isinstance(target, ast.Name) and isinstance(statement.value, ast.Name):
                yield site.statement_edit(NAME, text, cost=1.4, says="add them up")
    yield from _comprehensions(site)
    if isinstance(statement, ast.AugAssign) and site.shop.is_driven(statement):
        text = f"{ast.unparse(statement.target)} = {ast.unparse(statement.value)}"
        yield site.statement_edit(NAME, text, cost=1.2, says="write =")


def _comprehensions(site: Site) -> Iterator[Edit]:
    """`[new for old, new in zip(sums, gradients)]` becomes a list of sums."""
    for node in site.expressions:
        if not isinstance(node, ast.ListComp) or not isinstance(
            node.generators[0].target, ast.Tuple
        ):
            continue
        names = [ast.unparse(item) for item in node.generators[0].target.elts]
        if len(names) == 2 and ast.unparse(node.elt) in names:
            text = f"{names[0]} + {names[1]}"
            yield site.edit(NAME, node.elt, text, cost=1.0, says=f"write {text}")

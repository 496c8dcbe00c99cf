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

import ast
import re
from collections.abc import Iterator

from nndiag.user_code.bug import BUGS, Bug, Symptoms
from nndiag.user_code.edits import Change, Edit
from nndiag.user_code.judgement import Verdict
from nndiag.user_code.sites import Site

NAME = "gradient-never-computed"


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
    text = ast.unparse(site.statement)
    for still in site.shop.still:
        yield from _gradient_instead_of_zeros(site, still)
        for name, serials in site.shop.updates.items():
            if name not in site.shop.still and site.serial in serials:
                for new in _rewritten(text, name, still):
                    change = Change(site.serial, new, where="after")
                    yield Edit(NAME, (change,), 1.2, f"update {still} too")
                yield from _bias_update(site, text, name, still)


def _rewritten(text: str, known: str, still: str) -> Iterator[str]:
    """An update of one parameter, written for another one: digits and suffixes exchanged."""
    old, new = _tail(known), _tail(still)
    if old == new:
        return
    yield text.replace(old, new)
    digits = re.findall(r"\d+", old), re.findall(r"\d+", new)
    if digits[0] and digits[1]:
        yield re.sub(rf"(?<=[A-Za-z_]){digits[0][-1]}\b", digits[1][-1], text)


def _tail(name: str) -> str:
    """The part of a parameter's name that its gradient's name repeats: `W1` of `params["W1"]`."""
    found = re.findall(r"[A-Za-z_]\w*", name)
    return found[-1] if found else name


def _bias_update(site: Site, text: str, known: str, still: str) -> Iterator[Edit]:
    """An update with the gradient of the parameter's shape that stands ready."""
    shape = site.shop.parameters[still]
    if not isinstance(site.statement, ast.AugAssign):
        return
    for atom in site.atoms:
        if atom.gradient and shape in atom.shapes:
            for old in site.atoms:
                if old.gradient and old.text in text and old.text != atom.text:
                    new = text.replace(old.text, atom.text).replace(known, still, 1)
                    yield Edit(
                        NAME,
                        (Change(site.serial, new, where="after"),),
                        1.4,
                        f"update {still} with {atom.text}",
                    )


def _gradient_instead_of_zeros(site: Site, still: str) -> Iterator[Edit]:
    """Computes a gradient where zeros stand for it."""
    value = site.value
    shape = site.shop.parameters[still]
    if not isinstance(value, ast.Call) or "zeros" not in ast.unparse(value.func):
        return
    if shape not in site.shop.shapes(value):
        return
    for left in site.atoms:
        for right in site.atoms:
            if left.activation and right.gradient:
                for form in _products(left.text, right.text, shape):
                    yield site.edit(NAME, value, form, cost=1.5, says=f"compute {form}")
    for atom in site.atoms:
        if atom.gradient:
            for form in (
                f"{atom.text}.sum(axis=0)",
                f"{atom.text}.sum(axis=0, keepdims=True)",
                f"{atom.text}.sum(axis=1, keepdims=True)",
            ):
                yield site.edit(NAME, value, form, cost=1.6, says=f"compute {form}")


def _products(left: str, right: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    if len(shape) == 2:
        return (f"{left}.T @ {right}", f"{right} @ {left}.T", f"{left}.T.dot({right})")
    return (f"{left} * {right}",)


def suspects(symptoms: Symptoms) -> tuple[str, ...]:
    """The tensors that no iteration changes."""
    return tuple(
        name for name, verdict in symptoms.verdicts.items() if verdict is Verdict.NEVER_UPDATED
    )

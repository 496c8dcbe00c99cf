"""Gradients that functions return, found by the names of the parameters they belong to.

Course exercises stop before the update: `grads, cost = propagate(w, b, X, Y)`. What goes by the
name of a variable's gradient and has its shape is taken for it: `dw` or `grads["dw"]` for `w`,
`grads["dW1"]` or `grads["W1"]` for `parameters["W1"]`, a lone `grad` for the one variable of its
shape; first for what the call itself mentions. Other names have to be said.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nndiag.errors import Problem, UserCodeError
from nndiag.program.execution.numbers import vector
from nndiag.program.execution.snapshot import Snapshot
from nndiag.program.loop.discovery import Watched
from nndiag.program.loop.tensors import GRADIENT_NAMES, Tensor, tensors_of
from nndiag.program.text.settings import CodeSettings

_LONE = re.compile(r"grads?|gradients?")
_CONTAINER = re.compile(r"grad|^d_?|^g$", re.IGNORECASE)


def with_gradients(settings: CodeSettings, watched: Watched) -> CodeSettings:
    """The settings, completed where functions are called and not all gradients are named.

    Raises:
        UserCodeError: The functions neither change a parameter nor give a gradient that goes by the
            name of one.
    """
    if settings.functions is None or (settings.gradients and not settings.parameters):
        return settings
    first, last = watched.snapshots[0], watched.snapshots[-1]
    before = _tensors(first)
    made = [tensor for tensor in _tensors(last) if tensor.name not in {one.name for one in before}]
    mentioned = {
        node.id for node in ast.walk(ast.parse(settings.functions)) if isinstance(node, ast.Name)
    }
    nearest = [tensor for tensor in before if tensor.leaves[0].root in mentioned]
    found = _named(nearest, made, said=settings.parameters)
    found = found or _named(before, made, said=settings.parameters)
    found = {name: found[name] for name in found if name not in settings.gradients}
    moved = [tensor.name for tensor in before if _moves(tensor, first, last)]
    if found and not set(found) & set(moved):
        return replace(settings, gradients={**found, **settings.gradients})
    if found:
        return replace(settings, parameters=settings.parameters or tuple(found))
    stepped = settings.parameters and any(_is_said(name, settings.parameters) for name in moved)
    if stepped or not made or settings.gradients:
        return settings  # steps to compare, or statements that fail: that is told later
    raise UserCodeError(
        Problem(
            "code.functions: no gradient goes by the name of a parameter",
            got=f"they make {', '.join(tensor.name for tensor in made[:12])}",
            hint="name the gradients, such as gradients.w=grads['dw'], or `code.gradients` in a "
            "config" + ("; or parameters=…, what the functions update" if moved else ""),
        )
    )


def _named(
    before: Sequence[Tensor], made: Sequence[Tensor], *, said: tuple[str, ...]
) -> dict[str, str]:
    """The gradient of each variable that has one and shares it with no other."""
    found = {}
    for tensor in before:
        own = [other.name for other in made if _is_gradient(other, tensor)]
        if len(own) == 1 and _is_said(tensor.name, said):
            found[tensor.name] = own[0]
    shared = Counter(found.values())
    return {name: gradient for name, gradient in found.items() if shared[gradient] == 1}


def _tensors(snapshot: Snapshot) -> tuple[Tensor, ...]:
    """All numbers of the program."""
    numeric = [leaf for leaf, value in snapshot.leaves() if vector(value) is not None]
    return tensors_of(snapshot, numeric)


def _is_said(name: str, parameters: tuple[str, ...]) -> bool:
    """Whether a tensor is one of the parameters that the user names, or in one; any if none is."""
    said = [parameter.replace("'", '"') for parameter in parameters]
    return not said or any(re.match(re.escape(one) + r"($|[\[.])", name) for one in said)


def _is_gradient(gradient: Tensor, tensor: Tensor) -> bool:
    """Whether a tensor has the shape and the name of another one's gradient."""
    if gradient.shape != tensor.shape:
        return False
    root, place = _split(gradient.name)
    own, last = (re.findall(r"[A-Za-z_]\w*", one.name)[-1] for one in (tensor, gradient))
    if last in {form.format(own) for form in GRADIENT_NAMES} or _LONE.fullmatch(gradient.name):
        return True
    inside = place == _split(tensor.name)[1] or place in {f'["{own}"]', f".{own}"}
    return bool(place) and inside and _CONTAINER.search(root) is not None


def _split(name: str) -> tuple[str, str]:
    """A tensor's variable, and its place in there: `grads` and `["W1"]`."""
    root = re.match(r"(self\.)?\w+", name)
    end = 0 if root is None else root.end()
    return name[:end], name[end:]


def _moves(tensor: Tensor, first: Snapshot, last: Snapshot) -> bool:
    """Whether a tensor is another one after some steps."""
    pairs = [(vector(first.original(leaf)), vector(last.original(leaf))) for leaf in tensor.leaves]
    return not all(
        one is not None and other is not None and np.array_equal(one, other) for one, other in pairs
    )

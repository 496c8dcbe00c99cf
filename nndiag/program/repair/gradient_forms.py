"""Expressions that may be the gradient of a parameter, by their shape."""

from __future__ import annotations

from collections.abc import Iterator

from nndiag.program.repair.atoms import Atom
from nndiag.program.repair.sites import Site


def gradient_forms(site: Site, shape: tuple[int, ...]) -> Iterator[str]:
    """Expressions of a parameter's shape that may be its gradient."""
    for atom in site.atoms:
        if not atom.gradient or len(atom.text) > 40:
            continue
        if shape in atom.shapes or (shape == (1,) and () in atom.shapes):
            yield atom.text
        for own in atom.shapes:
            if len(own) == 2 and shape == own[1:]:
                yield f"{atom.text}.sum(axis=0)"
            elif len(own) == 2 and shape == (1, own[1]):
                yield f"{atom.text}.sum(axis=0, keepdims=True)"
            elif len(own) == 2 and shape == (own[0], 1):
                yield f"{atom.text}.sum(axis=1, keepdims=True)"
            elif own and shape in ((1,), (1, 1)):
                yield f"np.sum({atom.text})"
    if len(shape) == 2:
        for left in site.atoms:
            for right in site.atoms:
                if left.gradient and right.activation and len(left.text + right.text) < 50:
                    yield from _product_of_shape(left, right, shape)


def _product_of_shape(delta: Atom, entering: Atom, shape: tuple[int, ...]) -> Iterator[str]:
    """The products of a delta and the activation that enters the layer with some shape."""
    for first in delta.shapes:
        for second in entering.shapes:
            if len(first) == len(second) == 2:
                if (first[0], second[0]) == shape and first[1] == second[1]:
                    yield f"{delta.text}.dot({entering.text}.T)"
                if (second[1], first[1]) == shape and first[0] == second[0]:
                    yield f"{entering.text}.T.dot({delta.text})"
            elif len(first) == len(second) == 1:
                if first + second == shape:
                    yield f"np.outer({delta.text}, {entering.text})"
                if second + first == shape:
                    yield f"np.outer({entering.text}, {delta.text})"

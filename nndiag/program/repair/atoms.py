"""The variables that a statement may use: those of its function, and what can be made of them.

Beside the names, attributes and items that a function has, these are items that other functions
write with names that it has too (`neuron["weights"][j]`), items of its lists by its loops'
variables (`inputs[j]`), and items of lists of parameters by the indices that it uses.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nndiag.program.repair.workshop import Shape, Workshop
from nndiag.program.text.instrument import serial_of

_VARIABLE = (ast.Name, ast.Attribute, ast.Subscript)
_MOST_MADE = 24


@dataclass(frozen=True)
class Atom:
    """A variable that an expression may use: a name, an attribute or an item.

    Attributes:
        text: As the program writes it.
        shapes: The shapes of its values.
        acted: Whether the parameters act on it.
        driven: Whether the residual acts on it.
        parameter: Whether it is a parameter.
        value: Its last value.
        passing: Whether it is an item of a list or what a loop goes through: a part of an example.
    """

    text: str
    shapes: frozenset[Shape]
    acted: bool
    driven: bool
    parameter: bool
    value: Any
    passing: bool = False

    @property
    def activation(self) -> bool:
        """Whether it is a value of the forward pass, or an input."""
        if self.driven or self.parameter:
            return False
        return self.acted or self.passing or bool(self.shapes - {()})

    @property
    def gradient(self) -> bool:
        """Whether it is a value of the backward pass."""
        return self.driven and not self.parameter


class AtomIndex:
    """The variables of each function of a program, found when they are first asked for."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._found: dict[ast.AST | None, tuple[Atom, ...]] = {}

    def of(self, scope: ast.AST | None) -> tuple[Atom, ...]:
        """The variables that statements of one function may use; None for the module."""
        if scope not in self._found:
            self._found[scope] = tuple(_found_atoms(self._shop, scope))
        return self._found[scope]


def _found_atoms(shop: Workshop, scope: ast.AST | None) -> Iterator[Atom]:
    groups: dict[str, list[ast.AST]] = {}
    foreign: dict[str, list[ast.AST]] = {}
    names = bound_names(shop, scope)
    for serial in shop.computed.base.values:
        node = shop.nodes.get(serial)
        if not isinstance(node, _VARIABLE):
            continue
        if isinstance(node, ast.Attribute) and node.attr in {"T", "shape", "size"}:
            continue
        own = shop.scope(node)
        text = ast.unparse(node)
        if own is scope or (own is None and text.isidentifier()) or text.startswith("self."):
            groups.setdefault(text, []).append(node)
        elif _roots(node) <= names:  # also an argument that the function does not use
            foreign.setdefault(text, []).append(node)
    for text, node in _only_assigned(shop, scope):
        groups.setdefault(text, [node])
    atoms = {text: _atom(shop, text, members) for text, members in groups.items()}
    for text, members in foreign.items():
        atoms.setdefault(text, _atom(shop, text, members))
    for atom in _items(shop, scope, dict(atoms)):
        atoms.setdefault(atom.text, atom)
    yield from atoms.values()


def bound_names(shop: Workshop, scope: ast.AST | None) -> frozenset[str]:
    """The names that are set in a function: arguments, assigned names, loop variables."""
    names = set()
    for node in shop.inside(scope):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
    return frozenset(names)


def _roots(node: ast.AST) -> frozenset[str]:
    return frozenset(item.id for item in ast.walk(node) if isinstance(item, ast.Name))


def _only_assigned(shop: Workshop, scope: ast.AST | None) -> Iterator[tuple[str, ast.AST]]:
    """The variables that are set and never used, with what they are set to."""
    for node in shop.inside(scope):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target = node.targets[0]
        if isinstance(target, (ast.Name, ast.Attribute)) and shop.shapes(node.value):
            yield ast.unparse(target), node.value


def _atom(shop: Workshop, text: str, members: list[ast.AST]) -> Atom:
    values = shop.computed.base.values
    return Atom(
        text=text,
        shapes=frozenset(shape for node in members for shape in shop.shapes(node)),
        acted=any(serial_of(node) in shop.computed.acted for node in members),
        driven=any(serial_of(node) in shop.driven for node in members),
        parameter=any(shop.is_parameter(node) for node in members),
        value=values[serial_of(members[-1])][-1],
        passing=text.endswith("]") or text in shop.passing,
    )


def _items(shop: Workshop, scope: ast.AST | None, known: dict[str, Atom]) -> Iterator[Atom]:
    """Items of lists by loop variables, and of lists of parameters by the indices in use."""
    loops = _loop_variables(shop, scope)
    made = 0
    for atom in list(known.values()):
        lists = [shape for shape in atom.shapes if len(shape) == 1]
        if not lists or (atom.text.endswith("]") and "[" not in atom.text):
            continue
        for name in loops:
            if made < _MOST_MADE and f"{atom.text}[{name}]" not in known:
                made += 1
                yield Atom(
                    f"{atom.text}[{name}]", frozenset({()}), atom.acted, atom.driven,
                    atom.parameter, float(np.ravel(atom.value)[0]), passing=True,
                )  # fmt: skip
    indices = _indices(shop, scope)
    yield from _layers(shop, scope, known, indices)
    yield from _activations(shop, scope, known, indices)


def _loop_variables(shop: Workshop, scope: ast.AST | None) -> list[str]:
    """The variables of loops over numbers in a function."""
    found: dict[str, None] = {}
    for node in shop.inside(scope):
        if isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.target, ast.Name):
            iterated = ast.unparse(node.iter)
            if iterated.startswith(("range(", "reversed(range(")):
                found[node.target.id] = None
    return list(found)[:4]


def _indices(shop: Workshop, scope: ast.AST | None) -> list[str]:
    """The indices with variables that a function uses, and those beside them."""
    indices: dict[str, None] = {}
    for node in shop.inside(scope):
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, (ast.Slice, ast.Tuple)):
            text = ast.unparse(node.slice)
            if any(isinstance(item, ast.Name) for item in ast.walk(node.slice)):
                indices |= {text: None, f"{text} + 1": None, f"{text} - 1": None}
    return list(indices)[:9]


def _activations(
    shop: Workshop, scope: ast.AST | None, known: dict[str, Atom], indices: list[str]
) -> Iterator[Atom]:
    """`self.zs[i]`: lists that the forward pass fills, by the indices that a function uses."""
    filled: dict[str, list[ast.AST]] = {}
    for call in shop.calls if indices else ():
        if isinstance(call.func, ast.Attribute) and call.func.attr == "append" and call.args:
            base = ast.unparse(call.func.value)
            here = shop.scope(call) is scope or base.startswith("self.")
            if here and shop.is_acted(call.args[0]) and shop.shapes(call.args[0]) - {()}:
                filled.setdefault(base, []).append(call.args[0])
    for base, members in filled.items():
        shapes = frozenset(shape for node in members for shape in shop.shapes(node))
        if any(serial_of(node) in shop.driven for node in members):
            continue
        value = shop.computed.base.values[serial_of(members[0])][-1]
        for index in indices:
            text = f"{base}[{index}]"
            if text not in known:
                yield Atom(text, shapes, acted=True, driven=False, parameter=False, value=value)


def _layers(
    shop: Workshop, scope: ast.AST | None, known: dict[str, Atom], indices: list[str]
) -> Iterator[Atom]:
    """`weights[-l + 1]`: a list of arrays by the indices that the function uses."""
    bases: dict[tuple[str, str], list[str]] = {}
    for name in shop.parameters:
        match = re.fullmatch(r"(.*?)\[\d+\](.*)", name)
        if match:
            bases.setdefault((match.group(1), match.group(2)), []).append(name)
    for (base, rest), members in sorted(bases.items()):
        root = base if scope is None or "." not in base else f"self.{base.partition('.')[2]}"
        shapes = frozenset(shop.parameters[name] for name in members)
        for index in indices:
            text = f"{root}[{index}]{rest}"
            if text not in known:
                value = shop.values[members[0]]
                yield Atom(text, shapes, acted=True, driven=False, parameter=True, value=value)

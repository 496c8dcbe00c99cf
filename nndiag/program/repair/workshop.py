"""What is known of all statements of a step, with what their expressions came to.

A value is *acted* when the parameters act on it, and *driven* when the residual does: gradients are
driven, activations are acted but not driven, inputs are neither.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from nndiag.program.gradients.candidates import Candidate
from nndiag.program.gradients.computed import Computed, Residual
from nndiag.program.text.instrument import serial_of

Shape = tuple[int, ...]


@dataclass(eq=False)
class Workshop:
    """What is known of all statements of the step.

    Attributes:
        nodes: The program's syntax tree by serial.
        parents: The parent of each node.
        computed: The values of one iteration.
        driven: Serials of the values that the residual acts on.
        residuals: The differences between outputs and targets.
        loss: The loss.
        parameters: Tensor name → shape.
        values: Tensor name → value.
        pieces: The lists and numbers that tensors are made of, where they are not arrays.
        updates: Tensor name → serials of the statements that update it.
        examples: How many examples one step sees.
        loop: The training loop.
        still: Tensors that the step does not change.
        partly: Tensors of which the step does not change some entries.
    """

    nodes: Mapping[int, ast.AST]
    parents: Mapping[int, ast.AST]
    computed: Computed
    driven: frozenset[int]
    residuals: list[Residual]
    loss: Candidate
    parameters: dict[str, Shape]
    values: dict[str, Any]
    pieces: list[Any]
    updates: dict[str, tuple[int, ...]]
    examples: int
    loop: ast.AST
    still: frozenset[str] = frozenset()
    partly: frozenset[str] = frozenset()

    def shapes(self, node: ast.AST) -> frozenset[Shape]:
        """The shapes that an expression's values had."""
        values = self.computed.base.values.get(serial_of(node), [])
        return frozenset(np.shape(value) for value in values)

    def is_driven(self, node: ast.AST) -> bool:
        """Whether the residual acts on an expression, or on a part of it."""
        return any(serial_of(item) in self.driven for item in ast.walk(node))

    def is_acted(self, node: ast.AST) -> bool:
        """Whether the parameters act on an expression, or on a part of it."""
        return any(serial_of(item) in self.computed.acted for item in ast.walk(node))

    def is_parameter(self, node: ast.AST) -> bool:
        """Whether an expression's value is that of a parameter."""
        if isinstance(node, ast.Subscript) and self.is_parameter(node.value):
            return True  # one weight of a list
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            return False
        values = self.computed.base.values.get(serial_of(node), [])
        return any(self._is_parameter_value(value) for value in values)

    def _is_parameter_value(self, value: Any) -> bool:
        """Whether a value is that of a parameter, or of one of the lists that make it up."""
        shape, flat = np.shape(value), np.ravel(value)
        whole = any(
            (shape == own or (shape == () and own == (1,)))
            and np.array_equal(flat, np.ravel(self.values[name]))
            for name, own in self.parameters.items()
        )
        return whole or any(np.array_equal(flat, piece) for piece in self.pieces)

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef | ast.Lambda]:
        """The functions and methods of the program, and lambdas that have a name, by name."""
        found: dict[str, ast.FunctionDef | ast.Lambda] = {}
        for node in self.nodes.values():
            if isinstance(node, ast.FunctionDef):
                found[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
                found |= {ast.unparse(target): node.value for target in node.targets}
        return found

    @cached_property
    def passing(self) -> frozenset[str]:
        """The names that the loops of the program go through."""
        return frozenset(
            item.id
            for node in self.nodes.values()
            if isinstance(node, ast.For)
            for item in ast.walk(node.target)
            if isinstance(item, ast.Name)
        )

    @cached_property
    def words(self) -> frozenset[str]:
        """All names that the program writes, of variables, functions and attributes."""
        names = {node.id for node in self.nodes.values() if isinstance(node, ast.Name)}
        return frozenset(
            names | {node.attr for node in self.nodes.values() if isinstance(node, ast.Attribute)}
        )

    @cached_property
    def applied(self) -> frozenset[str]:
        """The last names of the functions that are applied to what the parameters act on."""
        return frozenset(
            ast.unparse(call.func).rpartition(".")[2]
            for call in self.calls
            if serial_of(call) in self.computed.acted
        )

    @cached_property
    def calls(self) -> tuple[ast.Call, ...]:
        """All calls in the program."""
        return tuple(node for node in self.nodes.values() if isinstance(node, ast.Call))

    def scope(self, node: ast.AST) -> ast.AST | None:
        """The function or lambda that a node stands in, None at module level."""
        above = self.parents.get(serial_of(node))
        while above is not None and not isinstance(above, (ast.FunctionDef, ast.Lambda)):
            above = self.parents.get(serial_of(above))
        return above

    def inside(self, scope: ast.AST | None) -> tuple[ast.AST, ...]:
        """The nodes of one function, without those of functions inside it; None for the module."""
        if scope not in self._inside:
            self._inside.setdefault(scope, ())
            groups: dict[ast.AST | None, list[ast.AST]] = {}
            for node in self.nodes.values():
                groups.setdefault(self.scope(node), []).append(node)
            self._inside |= {key: tuple(nodes) for key, nodes in groups.items()}
        return self._inside[scope]

    _inside: dict[ast.AST | None, tuple[ast.AST, ...]] = field(default_factory=dict)

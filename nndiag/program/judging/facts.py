"""What the rules for faults are given: a program, its parameters compared, and what follows."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from nndiag.program.location.evidence import Evidence
from nndiag.program.location.lines import Lines
from nndiag.program.location.located import tapes_of
from nndiag.program.location.synthesis import Workbench
from nndiag.program.location.tape import Tape
from nndiag.program.location.wording import Wording
from nndiag.program.roles.comparison import Comparison
from nndiag.program.roles.losses import Loss
from nndiag.program.roles.reading import Reading
from nndiag.program.roles.status import Status
from nndiag.program.roles.understanding import Understanding
from nndiag.program.roles.ways import update_node_id


@dataclass(eq=False)
class Facts:
    """A program whose loss is known.

    Attributes:
        found: The program.
        comparisons: Its parameters, compared with the derivative of the loss.
    """

    found: Understanding
    comparisons: list[Comparison]

    @property
    def loss(self) -> Loss:
        """Its loss."""
        assert self.found.loss is not None
        return self.found.loss

    @property
    def readings(self) -> list[Reading]:
        """Its iteration at several points."""
        return self.found.readings

    @cached_property
    def nodes(self) -> Mapping[int, ast.AST]:
        """Its syntax tree by node_id."""
        return self.found.nodes

    @cached_property
    def lines(self) -> Lines:
        """Its statements."""
        return Lines(self.found.host.tree, self.nodes)

    @cached_property
    def evidence(self) -> Evidence:
        """The values at several points side by side."""
        return Evidence(self.readings, self.loss)

    @cached_property
    def wording(self) -> Wording:
        """Its expressions for values."""
        return Wording(self.evidence, self.lines, self.nodes)

    @cached_property
    def tapes(self) -> list[Tape]:
        """Its iterations, to be computed again."""
        return tapes_of(self.evidence, self.nodes)

    @cached_property
    def bench(self) -> Workbench:
        """Runs its iteration with edits."""
        return Workbench(self.found)

    def named(self, *statuses: Status) -> list[str]:
        """The parameters of some statuses."""
        return [item.name for item in self.comparisons if item.status in statuses]

    @property
    def single(self) -> set[str]:
        """The parameters of one number, of which only the sign of a factor shows."""
        return {item.name for item in self.comparisons if item.is_single}

    def update(self, name: str) -> int:
        """The expression or statement that gives a parameter its next value."""
        return update_node_id(self.readings[0], name)

    @property
    def examples(self) -> list[int]:
        """The sizes of the axes of residuals: one of them counts the examples."""
        reading = self.readings[0]
        shapes = [reading.forward[item.node].shape for item in reading.residuals]
        sizes = {size for shape in shapes for size in shape}
        return sorted(sizes | {len(reading.residuals)})

"""One iteration of a script as it was seen: its tape, its losses, its gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from nndiag.pytorch.watching.replay import Replay
from nndiag.pytorch.watching.tape import Op, Tape


@dataclass(eq=False)
class Tracked:
    """A parameter of the script.

    Attributes:
        name: What the script calls it.
        tensor: The parameter.
        optimizer: The optimizer that has it; None for none.
    """

    name: str
    tensor: Any
    optimizer: Any | None


@dataclass(eq=False)
class Iteration:
    """What was seen of one iteration, up to its step.

    Attributes:
        step: Its number.
        tape: Its operations.
        handed: What went backward: the value, what it is, and the optimizers whose parameters a
            gradient flows to from it.
        fresh: Parameter → the gradient that this iteration's backward passes added.
        carried: Parameter → the gradient of earlier steps that was still there.
        taken: Parameter → the gradient that the step takes; None for none.
        backward_line: Line of the (last) backward pass.
        step_line: Line of the step.
        batch: The last batch that a loader gave, with the loader's identity.
        names: What the script calls tensors, by identity.
        unconnected: Whether `backward` was called on a loss that no gradient flows into.
    """

    step: int
    tape: Tape
    tracked: Sequence[Tracked]
    handed: list[tuple[int, float, frozenset[int]]] = field(default_factory=list)
    fresh: dict[str, Any] = field(default_factory=dict)
    carried: dict[str, Any] = field(default_factory=dict)
    taken: dict[str, Any] = field(default_factory=dict)
    backward_line: int = 0
    step_line: int = 0
    unconnected: bool = False
    batch: Any = None
    names: Mapping[int, str] = field(default_factory=dict)
    _known: tuple[Any, list[Op]] = (None, [])

    @property
    def losses(self) -> list[int]:
        """The values that went backward."""
        return [value for value, _, _ in self.handed]

    @property
    def amounts(self) -> list[float]:
        """What they are."""
        return [amount for _, amount, _ in self.handed]

    def only(self, mover: int) -> None:
        """Leave out the losses that move nothing of an optimizer, where any does."""
        own = [x for x in self.handed if mover in x[2]]
        self.handed = own or self.handed

    def without(self, mover: int) -> None:
        """Leave out the losses that an optimizer has made its step for."""
        self.handed = [x for x in self.handed if mover not in x[2]]

    @property
    def trained(self) -> dict[str, Any]:
        """The parameters that gradients are tracked for, name → tensor."""
        return {x.name: x.tensor for x in self.tracked if x.tensor.requires_grad}

    @property
    def replay(self) -> Replay:
        """The loss of this iteration, to be computed again."""
        return Replay(self.tape, self.losses, self.trained)

    def replay_without(self, op: Op) -> Replay:
        """The same, where one operation passes its argument on."""
        number = self.tape.ops.index(op)
        return Replay(self.tape, self.losses, self.trained, skipped=frozenset({number}))

    @property
    def ops(self) -> list[Op]:
        """The operations that the losses come from, in order."""
        state = (len(self.tape.ops), self.losses)
        if self._known[0] != state:
            numbers = {x for loss in self.losses for x in self.tape.ancestors(loss)}
            self._known = (state, [self.tape.ops[x] for x in sorted(numbers)])
        return self._known[1]

    @property
    def used(self) -> set[str]:
        """The parameters that any operation of the iteration takes."""
        held = {id(self.tape.values[value].tensor) for op in self.tape.ops for value in op.inputs}
        return {x.name for x in self.tracked if id(x.tensor) in held}

    def tensor(self, value: int) -> Any:
        """The tensor of a value."""
        return self.tape.values[value].tensor

    def is_tracked(self, value: int) -> bool:
        """Whether gradients flow into a value."""
        return self.tape.values[value].tracked


def norm_of(gradient: Mapping[str, Any]) -> float:
    """The norm of a gradient over all tensors."""
    norms = [torch.linalg.vector_norm(x.cpu(), dtype=torch.float64) for x in gradient.values()]
    return float(torch.stack(norms).norm()) if norms else 0.0


def cosine_of(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """The cosine between two gradients, over the tensors that both have; 0 where one is 0."""
    names = [name for name in one if name in other]
    product = sum(float((one[x].cpu().double() * other[x].cpu().double()).sum()) for x in names)
    size = norm_of({x: one[x] for x in names}) * norm_of({x: other[x] for x in names})
    return product / size if size > 0 else 0.0

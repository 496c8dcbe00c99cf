"""The loss of a tape computed again, in double precision: at other parameters, for other examples.

Only what depends on the parameters or on what is replaced is computed again; everything else,
random numbers included, stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from nndiag.pytorch.watching.tape import Op, Ref, Tape, mapped, tensors_in

_DROPOUTS = frozenset(
    [
        "dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "alpha_dropout",
        "feature_dropout",
        "native_dropout",
    ]
)
_CASTS = frozenset(["float", "half", "bfloat16", "type_as", "double"])
_MOVES = frozenset(["cuda", "cpu", "xpu"])
_CPU = torch.device("cpu")
_AGREES = 1e-3  # relative: single precision against double


class CannotReplayError(Exception):
    """An operation of the tape cannot be made again."""


class Replay:
    """The loss of one tape as a function of its parameters.

    Args:
        tape: The operations.
        losses: The values whose sum is the loss.
        parameters: Name → tensor.
        skipped: Operations that pass their first argument on instead.
        single: Whether it is computed as the script did, in its own precision.
    """

    def __init__(
        self,
        tape: Tape,
        losses: list[int],
        parameters: Mapping[str, Any],
        *,
        skipped: frozenset[int] = frozenset(),
        single: bool = False,
    ) -> None:
        self._tape, self._losses, self._skipped, self._single = tape, losses, skipped, single
        self._ops = sorted({op for loss in losses for op in tape.ancestors(loss)})
        self.parameters = dict(parameters)
        self._names = {id(tensor): name for name, tensor in parameters.items()}
        self._constants: dict[int, Any] = {}
        self._asked = tape.differentiated_by

    def start(self) -> dict[str, Any]:
        """The parameters as they are, in double precision."""
        return {name: doubled(tensor) for name, tensor in self.parameters.items()}

    def agrees(self, recorded: float, theta: Mapping[str, Any]) -> bool:
        """Whether the tape gives the loss that the script had, in this or in its own precision.

        The two differ where numbers are rounded to 0 or 1, as those of a saturated sigmoid are.
        """
        theta = {
            name: x.to(self.parameters[name].dtype) if self._single else x
            for name, x in theta.items()
        }
        try:
            with torch.no_grad():
                again = float(self.loss(theta))
        except CannotReplayError:
            return False
        if not np.isfinite(recorded):
            return not np.isfinite(again)
        if abs(again - recorded) <= _AGREES * max(abs(recorded), 1e-8):
            return True
        return not self._single and self._as_written().agrees(recorded, theta)

    def _as_written(self) -> Replay:
        return Replay(self._tape, self._losses, self.parameters, skipped=self._skipped, single=True)

    def loss(self, theta: Mapping[str, Any], replaced: Mapping[int, Any] | None = None) -> Any:
        """The loss as a tensor.

        Args:
            theta: Name → tensor.
            replaced: Value → what stands in its place.

        Raises:
            CannotReplayError: An operation cannot be made again.
        """
        return torch.stack([x.sum() for x in self.values(theta, self._losses, replaced)]).sum()

    def values(
        self, theta: Mapping[str, Any], wanted: list[int], replaced: Mapping[int, Any] | None = None
    ) -> list[Any]:
        """Some values of the tape; arguments as for `loss`."""
        known: dict[int, Any] = dict(replaced or {})
        with torch.set_grad_enabled(torch.is_grad_enabled() or bool(self._asked)):
            for number in self._ops:
                op = self._tape.ops[number]
                if all(output in known for output in op.outputs) and op.outputs:
                    continue
                moving = any(self._moves(value, known) for value in op.inputs)
                if moving and not self._is_constant(op):
                    self._again(number, op, theta, known)
            return [self._resolved(value, theta, known) for value in wanted]

    def gradient(
        self, theta: Mapping[str, Any], replaced: Mapping[int, Any] | None = None
    ) -> dict[str, Any]:
        """The gradient of the loss, name → tensor."""
        moved = {name: tensor.detach().requires_grad_() for name, tensor in theta.items()}
        loss = self.loss(moved, replaced)
        found = torch.autograd.grad(loss, list(moved.values()), allow_unused=True)
        return {
            name: torch.zeros_like(moved[name]) if part is None else part
            for name, part in zip(moved, found)
        }

    def flows(self) -> Iterator[tuple[int, int, Any]]:
        """What each operation, the last one first, makes of the gradient behind it.

        Number of the operation, the value that it takes, and the gradient of that value by this
        operation alone; only where the gradient behind it is finite. At the parameters as they
        are.

        Raises:
            CannotReplayError: An operation cannot be made again.
        """
        theta = {name: x.requires_grad_() for name, x in self.start().items()}
        wanted = {x: None for op in self._ops for x in (*self._inputs(op), *self._outputs(op))}
        found = dict(zip(wanted, self.values(theta, list(wanted))))
        loss = torch.stack([found[x].sum() for x in self._losses]).sum()
        for number in reversed(self._ops):
            behind = [found[x] for x in self._outputs(number) if found[x].requires_grad]
            before = [x for x in self._inputs(number) if found[x].requires_grad]
            if not behind or not before:
                continue
            gradients = torch.autograd.grad(loss, behind, retain_graph=True, allow_unused=True)
            if any(x is None or not bool(x.isfinite().all()) for x in gradients):
                continue
            try:
                own = torch.autograd.grad(
                    behind,
                    [found[x] for x in before],
                    gradients,
                    retain_graph=True,
                    allow_unused=True,
                )
            except RuntimeError as error:
                raise CannotReplayError(str(error)) from error
            yield from ((number, x, part) for x, part in zip(before, own) if part is not None)

    def _inputs(self, number: int) -> tuple[int, ...]:
        return self._tape.ops[number].inputs

    def _outputs(self, number: int) -> tuple[int, ...]:
        return self._tape.ops[number].outputs

    def _moves(self, value: int, known: Mapping[int, Any]) -> bool:
        held = id(self._tape.values[value].tensor)
        return value in known or held in self._names or held in self._asked

    def _is_constant(self, op: Op) -> bool:
        """Whether an operation's result is taken as it was: no gradient flows through it."""
        if op.name.endswith("_like") or op.name.startswith("new_"):
            return True
        results = [self._tape.values[x].tensor for x in op.outputs]
        if any(id(x) in self._names for x in results):  # how a parameter came to its start
            return True
        floating = any(x.is_floating_point() for x in results)
        return not floating or not op.with_grad

    def _again(self, number: int, op: Op, theta: Mapping[str, Any], known: dict[int, Any]) -> None:
        def resolve(ref: Ref) -> Any:
            return self._resolved(ref.value, theta, known)

        args, kwargs = mapped(op.args, Ref, resolve), mapped(op.kwargs, Ref, resolve)
        try:
            if number in self._skipped:
                result = args[0]
            elif op.name in _DROPOUTS:
                result = self._dropped(op, args[0])
            else:
                result = _called(op, args, kwargs, double=not self._single)
        except Exception as error:
            raise CannotReplayError(f"{op.name}: {error}") from error
        found = list(tensors_in(result))
        if op.name == "__setitem__":
            found = [args[0]]
        if len(found) != len(op.outputs):
            raise CannotReplayError(op.name)
        known.update(zip(op.outputs, found))

    def _dropped(self, op: Op, value: Any) -> Any:
        """Dropout with the mask that the script drew."""
        before = doubled(self._tape.values[op.inputs[0]].tensor)
        after = doubled(self._tape.values[op.outputs[0]].tensor)
        mask = torch.where(before != 0, after / torch.where(before != 0, before, 1.0), 1.0)
        if mask.shape != value.shape:
            raise CannotReplayError("dropout of other examples")
        return value * mask

    def _resolved(self, value: int, theta: Mapping[str, Any], known: Mapping[int, Any]) -> Any:
        if value in known:
            return known[value]
        tensor = self._tape.values[value].tensor
        name = self._names.get(id(tensor))
        if name is not None:
            return theta[name]
        if value not in self._constants:
            asked = id(tensor) in self._asked and tensor.is_leaf
            copy = tensor.detach().clone().cpu() if self._single else doubled(tensor)
            self._constants[value] = copy.requires_grad_(asked)
        return self._constants[value]


def _called(op: Op, args: Any, kwargs: dict[str, Any], *, double: bool) -> Any:
    """An operation, which stays on the processor and, as a rule, in double precision."""
    chosen = [x for x in (*args[1:], *kwargs.values()) if isinstance(x, torch.dtype)]
    if op.name in _MOVES or (op.name == "to" and not chosen):  # also by a number, or as another is
        return args[0]
    args = tuple(_CPU if _is_device(x) else x for x in args)
    kwargs = {name: _CPU if _is_device(x) else x for name, x in kwargs.items()}
    if double and (op.name in _CASTS or (op.name in {"to", "type"} and chosen)):
        whole = chosen and not chosen[0].is_floating_point
        return op.function(*args, **kwargs) if whole else args[0].double()
    if double and kwargs.get("dtype") is not None and kwargs["dtype"].is_floating_point:
        kwargs = {**kwargs, "dtype": torch.float64}
    if op.name == "batch_norm":  # it changes its running means
        args = tuple(
            x.clone() if isinstance(x, torch.Tensor) and i > 0 else x for i, x in enumerate(args)
        )
    return op.function(*args, **kwargs)


def _is_device(argument: Any) -> bool:
    """Whether an argument says where a tensor is to be."""
    if isinstance(argument, torch.device):
        return True
    return isinstance(argument, str) and argument.partition(":")[0] in {"cuda", "mps", "xpu", "cpu"}


def doubled(tensor: Any) -> Any:
    """A copy of a tensor as it is now, without its graph, on the processor, in double precision."""
    copy = tensor.detach().clone().cpu()
    return copy.double() if copy.is_floating_point() else copy

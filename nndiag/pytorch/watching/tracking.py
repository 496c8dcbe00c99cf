"""Which tensors of a script are its parameters, what each is called, and which optimizer has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from nndiag.pytorch.watching.iteration import Tracked
from nndiag.pytorch.watching.tape import Tape

_SEVERAL = 2  # optimizers


def tracked_in(
    tape: Tape | None, optimizers: Iterable[Any], names: Mapping[int, str], *, loss: Any
) -> list[Tracked]:
    """The parameters of the optimizers, and those that an iteration takes.

    Args:
        tape: The iteration; None where it was not recorded.
        optimizers: All optimizers of the script.
        names: What the script calls tensors, by identity.
        loss: What is no parameter, whatever it looks like.

    What is only given its start, or copied, is the parameter of a module that is not used. A tensor
    that is no `Parameter` is one only where an optimizer has such tensors, or where there
    are no others: else it is an input whose derivative is wanted.
    """
    owners = {
        id(tensor): (tensor, optimizer)
        for optimizer in optimizers
        for group in optimizer.param_groups
        for tensor in group["params"]
    }
    found: dict[int, Any] = {}
    for value in () if tape is None else tape.values:
        tensor = value.tensor
        if id(tensor) in owners or (
            (value.op is None or id(tensor) in names)
            and (isinstance(tensor, torch.nn.Parameter) or (value.tracked and tensor.is_leaf))
        ):
            found.setdefault(id(tensor), tensor)
    found.pop(id(loss), None)
    taken = set() if tape is None else tape.taken
    found = {key: x for key, x in found.items() if key in owners or key in taken} or found
    for key, (tensor, _) in owners.items():
        found.setdefault(key, tensor)
    plain = {key for key, x in found.items() if not isinstance(x, torch.nn.Parameter)}
    wanted = set() if tape is None else tape.differentiated_by
    if plain < set(found) and not plain & set(owners):
        wanted = wanted | plain
    found = {key: x for key, x in found.items() if key in owners or key not in wanted}
    return [
        Tracked(names.get(key, f"parameter {number}"), tensor, owners.get(key, (None, None))[1])
        for number, (key, tensor) in enumerate(found.items(), start=1)
    ]


def adopt(
    optimizer: Any, tracked: list[Tracked], names: Mapping[int, str], *, closed: bool
) -> None:
    """Take in the parameters of an optimizer that was made after the parameters were found.

    Args:
        optimizer: The optimizer.
        tracked: The parameters that are known; it grows.
        names: What the script calls tensors, by identity.
        closed: Whether no further parameter can be recorded.
    """
    for group in optimizer.param_groups:
        for tensor in group["params"]:
            known = next((x for x in tracked if x.tensor is tensor), None)
            if known is not None:
                known.optimizer = optimizer
            elif not closed:
                name = names.get(id(tensor), f"parameter {len(tracked) + 1}")
                tracked.append(Tracked(name, tensor, optimizer))


def parameters_of(optimizer: Any) -> set[int]:
    """The parameters of an optimizer, by identity."""
    return {id(x) for group in optimizer.param_groups for x in group["params"]}


def movers_of(loss: Any, optimizers: list[Any]) -> frozenset[int]:
    """The optimizers, by identity, to whose parameters a gradient flows from a loss."""
    if len(optimizers) < _SEVERAL:
        return frozenset(map(id, optimizers))
    wanted = {id(x): parameters_of(x) for x in optimizers}
    found: set[int] = set()
    waiting, seen = [loss.grad_fn], set[Any]()
    while waiting and len(found) < len(wanted):
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        held = id(getattr(node, "variable", None))
        found.update(key for key, own in wanted.items() if held in own)
        waiting.extend(before for before, _ in node.next_functions)
    return frozenset(found)

"""All examples of a script: what its batches are cut from, or what its loader gives in an epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from nndiag.pytorch.watching.iteration import Iteration
from nndiag.pytorch.watching.network import Network, root_of, way_of
from nndiag.pytorch.watching.replay import doubled
from nndiag.pytorch.watching.run import Run
from nndiag.pytorch.watching.seen import parts_of


@dataclass(frozen=True, eq=False)
class Data:
    """The examples, in batches of the script's size.

    Attributes:
        batches: For each batch: value → what stands for it; one without any for the whole.
        inputs: All inputs as the first layer takes them, examples first; None where those are not
            told apart.
        targets: All targets as the loss takes them.
        whole: Whether each step sees all examples.
        batch: Examples per step.
        sources: What the inputs and the targets come from: tensors of the script.
    """

    batches: list[dict[int, Any]]
    inputs: Any
    targets: Any
    whole: bool
    batch: int
    sources: tuple[Any, Any]


def data_of(iterations: list[Iteration], network: Network, run: Run) -> Data | None:
    """All examples; None where they are not known: drawn anew at each step, for example."""
    if network.inputs is None or network.target is None:
        return None
    try:
        found = _found(iterations, network, run)
    except RuntimeError:  # a shape that is no list of examples
        return None
    return found and replace(found, inputs=_by_example(found.inputs, len(found.targets)))


def _found(iterations: list[Iteration], network: Network, run: Run) -> Data | None:
    """All examples, inputs as the first layer takes them."""
    first, ends = iterations[0], (network.inputs or 0, network.target or 0)
    size = len(first.tensor(ends[1])) if first.tensor(ends[1]).dim() else 0
    loader = _loader_of(first, [way_of(first, value) for value in ends])
    if loader is not None:
        return _loaded(run, loader, first, network, size)
    roots = [root_of(first, value) for value in ends]
    if any(cut is not None for _, cut in roots):
        return _cut_out(first, network, roots, size)
    tensors = [first.tensor(value) for value, _ in roots]
    if _stays(iterations, network, tensors):
        inputs, targets = (first.tensor(value) for value in ends)
        return Data([{}], inputs, targets, True, size, (tensors[0], tensors[1]))
    return None


def _by_example(inputs: Any, count: int) -> Any:
    """Inputs with an example's in each row; None where they are numbers of words, or no rows."""
    if not inputs.is_floating_point():
        return None
    if inputs.dim() < 2 or len(inputs) == count:
        return inputs if len(inputs) == count else None
    if inputs.shape[1] == count:  # the time comes first
        return inputs.transpose(0, 1)
    return inputs.flatten(0, 1) if inputs.shape[0] * inputs.shape[1] == count else None


def _cut_out(iteration: Iteration, network: Network, roots: list[Any], size: int) -> Data | None:
    """Batches that are cut out of tensors."""
    (wide, cut), (high, other) = roots
    if cut is None or other is None:
        return None
    sources = iteration.tensor(wide), iteration.tensor(high)
    if len(sources[0]) != len(sources[1]) or len(sources[0]) < size:
        return None
    pieces = [
        {
            cut.outputs[0]: _as(x, iteration.tensor(cut.outputs[0])),
            other.outputs[0]: _as(y, iteration.tensor(other.outputs[0])),
        }
        for x, y in zip(sources[0].split(size), sources[1].split(size))
    ]
    shaped = [
        _shaped(source, iteration.tensor(value))
        for source, value in zip(sources, (network.inputs or 0, network.target or 0))
    ]
    return Data(pieces, shaped[0], shaped[1], len(sources[0]) == size, size, sources)


def _loader_of(
    iteration: Iteration, ways: list[list[int]]
) -> tuple[int, list[tuple[int, int]]] | None:
    """The loader whose last batch both come from; of each the place in it, and the value."""
    if iteration.batch is None:
        return None
    loader, batch = iteration.batch[0], parts_of(iteration.batch[1])
    found = [
        (place, value)
        for way in ways
        for place, value in [
            next(
                (
                    (place, value)
                    for value in way
                    for place, part in enumerate(batch)
                    if part is iteration.tensor(value)
                ),
                (-1, -1),
            )
        ]
    ]
    return None if any(place < 0 for place, _ in found) else (loader, found)


def _loaded(
    run: Run,
    found: tuple[int, list[tuple[int, int]]],
    iteration: Iteration,
    network: Network,
    size: int,
) -> Data:
    """The batches that a loader gave in its first epoch."""
    loader, ((one, taken), (other, wanted)) = found
    parts = map(parts_of, run.batches[loader])
    batches = [(batch[one], batch[other]) for batch in parts]
    known = [{taken: doubled(x), wanted: doubled(y)} for x, y in batches]
    inputs = _shaped(torch.cat([x for x, _ in batches]), iteration.tensor(network.inputs or 0))
    targets = _shaped(torch.cat([y for _, y in batches]), iteration.tensor(network.target or 0))
    return Data(
        known,
        inputs,
        targets,
        len(batches) == 1,
        size,
        _sources(run.loaders[loader], one, other, batches[0]),
    )


def _sources(loader: Any, one: int, other: int, batch: Any) -> tuple[Any, Any]:
    """The tensors that a loader's examples lie in, where its data set has them."""
    held = loader.dataset
    held = getattr(held, "dataset", held)  # a part of another one
    tensors = getattr(held, "tensors", ())
    return (
        (tensors[one], tensors[other]) if max(one, other) < len(tensors) else (batch[0], batch[1])
    )


def _stays(iterations: list[Iteration], network: Network, tensors: list[Any]) -> bool:
    """Whether another iteration takes the same examples."""
    if len(iterations) < 2:
        return True
    later = {id(value.tensor) for value in iterations[1].tape.values}
    if all(id(tensor) in later for tensor in tensors):
        return True
    inputs = iterations[0].tensor(network.inputs or 0)
    return any(
        value.tensor.shape == inputs.shape
        and value.tensor.device == inputs.device
        and torch.equal(value.tensor, inputs)
        for value in iterations[1].tape.values
        if value.tensor.dtype == inputs.dtype and not value.tracked
    )


def _shaped(whole: Any, part: Any) -> Any:
    """All examples in the shape that those of a batch have."""
    return whole.detach().reshape(len(whole), *part.shape[1:])


def _as(part: Any, like: Any) -> Any:
    return doubled(part.reshape(len(part), *like.shape[1:]))

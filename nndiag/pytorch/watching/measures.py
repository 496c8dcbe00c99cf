"""What is measured of a script's loss at its first and last parameters, over all examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from nndiag.analysis.lanczos import extreme_eigenvalues
from nndiag.pytorch.watching.chain import ACTIVATIONS
from nndiag.pytorch.watching.data import Data
from nndiag.pytorch.watching.iteration import Iteration
from nndiag.pytorch.watching.network import LOSSES, Network, predictions_of, targets_of
from nndiag.pytorch.watching.replay import CannotReplayError, Replay

Array = Any

_MOST_BATCHES = 8  # that curvature is taken over
_PRODUCTS = 40
_TOLERANCE = 1e-4  # residual; the eigenvalue's error is of the order of its square
_MOST_WORK = 3e8  # numbers in the values of the tape, times products, batches and passes
_FEWEST = 2  # examples whose mean is not each of them
_FLAT, _MOSTLY = 0.05, 0.9  # as for a network of nndiag's own


def theta_of(replay: Replay, copy: Mapping[str, Array]) -> dict[str, Any]:
    """Copied parameters as tensors."""
    return {
        name: torch.from_numpy(np.array(copy[name])).reshape(tensor.shape)
        for name, tensor in replay.parameters.items()
        if name in copy
    }


def sharpness(replay: Replay, theta: Mapping[str, Any], batches: list[dict[int, Any]]) -> float:
    """λ_max of the loss over some batches, by double backward.

    Raises:
        CannotReplayError: An operation cannot be made again, or has no second derivative.
    """
    chosen = batches[:_MOST_BATCHES]
    sizes = [x.numel() for x in theta.values()]
    held = {name: x.detach().requires_grad_() for name, x in theta.items()}
    graphs = []
    for batch in chosen:
        loss = replay.loss(held, batch)
        if not loss.requires_grad:
            raise CannotReplayError("no gradient flows into the loss")
        graphs.append(
            torch.autograd.grad(loss, list(held.values()), create_graph=True, allow_unused=True)
        )

    def product(vector: Array) -> Array:
        parts = torch.from_numpy(vector).split(sizes)
        total = np.zeros(len(vector))
        for gradient in graphs:
            terms = [
                (g * v.reshape(g.shape)).sum()
                for g, v in zip(gradient, parts)
                if g is not None and g.requires_grad
            ]
            if not terms:
                continue
            try:
                found = torch.autograd.grad(
                    sum(terms), list(held.values()), retain_graph=True, allow_unused=True
                )
            except RuntimeError as error:
                raise CannotReplayError(str(error)) from error
            total += np.concatenate(
                [np.zeros(n) if x is None else x.reshape(-1).numpy() for x, n in zip(found, sizes)]
            )
        return total / len(graphs)

    found = extreme_eigenvalues(
        product, sum(sizes), both=False, tolerance=_TOLERANCE, steps=_PRODUCTS
    )
    return float("nan") if found is None else found.largest


def is_affordable(iteration: Iteration, batches: int) -> bool:
    """Whether the curvature of an iteration can be had in a moment; counted, not timed."""
    numbers = sum(iteration.tensor(x).numel() for op in iteration.ops for x in op.outputs)
    return bool(numbers * min(batches, _MOST_BATCHES) * _PRODUCTS * 4 <= _MOST_WORK)


def at_end(
    iteration: Iteration, network: Network, data: Data, final: Mapping[str, Array]
) -> dict[str, Any]:
    """The loss over all examples at the last parameters, the predictions and their targets.

    `share`: how many of the examples are in a batch.
    """
    replay = iteration.replay
    theta = theta_of(replay, final)
    if _compared_again(iteration, network):
        return {}
    losses, counts, outputs, targets = [], [], [], []
    assert network.output is not None
    assert network.target is not None
    for batch in data.batches:
        try:
            with torch.no_grad():
                values = replay.values(
                    theta, [*iteration.losses, network.output, network.target], batch
                )
        except CannotReplayError:
            continue  # the last, smaller batch of a tape that knows its size
        rows = predictions_of(network, values[-2])
        wanted = targets_of(iteration, network, columns=rows.shape[1], target=values[-1])
        if wanted is None or wanted.shape != rows.shape:
            return {}
        losses.append(sum(float(x.sum()) for x in values[:-2]))
        counts.append(len(rows))
        outputs.append(rows)
        targets.append(wanted)
    if sum(counts) < _FEWEST:
        return {}
    return {
        "loss": float(np.average(losses, weights=counts)),
        "share": counts[0] / sum(counts),
        "predictions": np.concatenate(outputs),
        "targets": np.concatenate(targets),
    }


def _compared_again(iteration: Iteration, network: Network) -> bool:
    """Whether a loss of the same kind takes other outputs, so that one of them is but a part."""
    name = network.compared.name if network.compared is not None else ""
    made = [op for op in iteration.ops if op.name == name and name in LOSSES]
    return sum(iteration.is_tracked(op.inputs[0]) for op in made) > 1


def units_of(iteration: Iteration, groups: list[list[str]]) -> dict[str, Array]:
    """Of each group of parameters: dead and saturated units, and how values are spread.

    A unit is a column of what a layer gives, a channel of a convolution.
    """
    names = {id(x.tensor): x.name for x in iteration.tracked}
    shape = len(groups)
    found = {
        name: np.full(shape, np.nan)
        for name in ("dead_share", "saturated_share", "activation_mean", "activation_deviation")
    }
    for place, group in enumerate(groups):
        op = next(
            (
                o
                for o in iteration.ops
                if o.name in {"linear", "conv1d", "conv2d"}
                and any(names.get(id(iteration.tensor(x))) in group for x in o.inputs)
            ),
            None,
        )
        after = None if op is None else _activated(iteration, op.outputs[0])
        if after is None:
            continue
        kind, value = after
        rows = iteration.tensor(value).detach().cpu().double()
        if rows.dim() < 2 or len(rows) < 2:
            continue
        if op is not None and op.name.startswith("conv"):
            rows = rows.transpose(0, 1).reshape(rows.shape[1], -1).T
        rows = rows.reshape(-1, rows.shape[-1])
        found["activation_mean"][place] = float(rows.mean())
        found["activation_deviation"][place] = float(rows.std(unbiased=False))
        if kind == "relu":
            found["dead_share"][place] = float((rows == 0).all(0).double().mean())
        elif kind in {"tanh", "sigmoid"}:
            slope = 1 - rows**2 if kind == "tanh" else 4 * rows * (1 - rows)
            flat = (slope < _FLAT).double().mean(0)
            found["saturated_share"][place] = float((flat > _MOSTLY).double().mean())
    return found


def _activated(iteration: Iteration, value: int) -> tuple[str, int] | None:
    """The activation that a layer's values go through first, and the value behind it."""
    for op in iteration.ops:
        if value in op.inputs:
            kind = ACTIVATIONS.get(op.name)
            if kind is not None:
                return kind, op.outputs[0]
            if op.name in {"batch_norm", "layer_norm", "dropout", "max_pool2d", "view", "add"}:
                return _activated(iteration, op.outputs[0])
            return None
    return None

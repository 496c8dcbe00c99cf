"""Whether the network of a script, whatever its layers, can learn a handful of its examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from nndiag.program.network.losses import TOTALS
from nndiag.pytorch.watching.data import Data
from nndiag.pytorch.watching.iteration import Iteration
from nndiag.pytorch.watching.network import Network, targets_of
from nndiag.pytorch.watching.replay import CannotReplayError, doubled

_MOST = 8  # examples
_STEPS = 300
_RATES = (0.01, 0.001)  # of Adam: the first for all steps, the second for as many
_BETAS = (0.9, 0.999)
_ENOUGH = 0.01  # of the mean baseline's loss
_MOST_WORK = 2e8  # numbers in the values of the tape, times steps


def by_heart(
    iteration: Iteration, network: Network, data: Data, theta: Mapping[str, Any]
) -> dict[str, Any] | None:
    """A few examples, fitted by Adam in double precision; None where that cannot be done.

    They stand in the place of a whole batch, again and again, so that every shape stays.

    Args:
        iteration: The first iteration.
        network: What is what in it.
        data: The script's examples.
        theta: The parameters at the start.

    Returns:
        `examples`, their number, and `left`: their loss over that of the mean baseline.
    """
    numbers = sum(iteration.tensor(x).numel() for op in iteration.ops for x in op.outputs)
    if network.kind is None or network.factor is None or numbers * _STEPS * 2 > _MOST_WORK:
        return None
    whole = data.batches[0] or {x: doubled(iteration.tensor(x)) for x in _ends(network)}
    size = min(len(x) for x in whole.values())
    rows = torch.from_numpy(np.linspace(0, size - 1, min(_MOST, size)).astype(np.int64))
    batch = {value: x[rows[torch.arange(len(x)) % len(rows)]] for value, x in whole.items()}
    try:
        constant = _baseline(iteration, network, theta, batch)
        if constant is None or not constant > 0:
            return None
        left = _fitted(iteration, theta, batch, enough=_ENOUGH * constant) / constant
    except CannotReplayError:
        return None
    return {"examples": len(rows), "left": float(np.clip(left, 0.0, 1.0))}


def _ends(network: Network) -> set[int]:
    return {x for x in (network.inputs, network.target) if x is not None}


def _baseline(
    iteration: Iteration, network: Network, theta: Mapping[str, Any], batch: Mapping[int, Any]
) -> float | None:
    """The loss of the best constant on some examples, on the scale of the script's."""
    wanted = [network.output or 0, network.target or 0]
    output, target = iteration.replay.values(theta, wanted, batch)
    columns = int(output.shape[-1]) if output.dim() > 1 else 1
    targets = targets_of(iteration, network, columns=columns, target=target)
    if targets is None:
        return None
    constant = np.broadcast_to(targets.mean(axis=0), targets.shape)
    return float((network.factor or 0.0) * TOTALS[network.kind or ""](constant, targets))


def _fitted(
    iteration: Iteration, theta: Mapping[str, Any], batch: Mapping[int, Any], *, enough: float
) -> float:
    """The least loss that is reached."""
    replay, best = iteration.replay, float("inf")
    held = {name: x.detach().clone() for name, x in theta.items()}
    means = {name: torch.zeros_like(x) for name, x in held.items()}
    squares = {name: torch.zeros_like(x) for name, x in held.items()}
    for step in range(1, 2 * _STEPS + 1):
        gradient = replay.gradient(held, batch)
        for name, slope in gradient.items():
            means[name] = _BETAS[0] * means[name] + (1 - _BETAS[0]) * slope
            squares[name] = _BETAS[1] * squares[name] + (1 - _BETAS[1]) * slope**2
            size = (squares[name] / (1 - _BETAS[1] ** step)).sqrt() + 1e-8
            rate = _RATES[step > _STEPS]
            held[name] = held[name] - rate * means[name] / (1 - _BETAS[0] ** step) / size
        if step % 25 == 0:
            with torch.no_grad():
                best = min(best, float(replay.loss(held, batch)))
            if best <= enough:
                break
    return best

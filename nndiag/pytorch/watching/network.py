"""What is what in an iteration: the layers, the output, the targets, the loss, the data.

Everything is read from the operations, and the loss is computed again from output and targets at
other parameters: what does not hold is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from nndiag.program.network.losses import TOTALS
from nndiag.pytorch.watching.chain import ACTIVATIONS, PRODUCTS, SAME_ROWS, Ends, chain_of
from nndiag.pytorch.watching.iteration import Iteration
from nndiag.pytorch.watching.replay import CannotReplayError
from nndiag.pytorch.watching.tape import Op

Array = Any

LOSSES = {
    "mse_loss": "mean_squared_error",
    "l1_loss": "mean_absolute_error",
    "smooth_l1_loss": "huber",
    "huber_loss": "huber",
    "cross_entropy": "softmax_cross_entropy",
    "nll_loss": "softmax_cross_entropy",
    "binary_cross_entropy": "binary_cross_entropy",
    "binary_cross_entropy_with_logits": "binary_cross_entropy",
}
"""Torch's losses by the names of nndiag's."""
_PARAMETRIC = frozenset(
    [
        "batch_norm",
        "linear",
        "conv1d",
        "conv2d",
        "conv3d",
        "lstm",
        "gru",
        "rnn_tanh",
        "rnn_relu",
        "embedding",
    ]
)
_DIFFERENCES = frozenset(["sub", "__sub__", "rsub", "__rsub__", "subtract"])
_DRAWN = frozenset(["multinomial", "bernoulli", "normal", "poisson"])
_INDEXED = frozenset(["__getitem__", "index_select"])
_SAME = 1e-9  # relative, of a loss that is computed again
_LEAST = -100.0  # logarithm in torch's binary cross-entropy
_MOVED = (0.1, -0.07)  # of the parameters' size: other points, at which a loss is computed again


@dataclass(eq=False)
class Network:
    """What is what in one iteration.

    Attributes:
        links: The layers from the input side, as plain data; empty where they are no chain.
        inputs: The value that the first layer takes.
        output: The value that the loss is handed.
        target: The value that it is compared with.
        compared: The operation that compares them.
        activation: That of the output, a softmax or sigmoid inside of the loss included.
        made: The line that applies it; 0 where that is inside of the loss, or there is none.
        family: Which loss it looks like.
        kind: Which loss it is; None where it is none that can be computed again.
        factor: What the sum of that loss over all outputs is multiplied by.
    """

    links: list[dict[str, Any]] = field(default_factory=list)
    inputs: int | None = None
    output: int | None = None
    target: int | None = None
    compared: Op | None = None
    activation: str = "linear"
    made: int = 0
    family: str | None = None
    kind: str | None = None
    factor: float | None = None


def network_of(iteration: Iteration, theta: Mapping[str, Any]) -> Network:
    """What is what in an iteration, at the parameters that it had."""
    moving = moving_values(iteration)
    network = Network()
    _compare(iteration, network, moving)
    taken = [(op, _own_input(op, moving, iteration)) for op in iteration.ops]
    known = [(op, value) for op, value in taken if value is not None]
    varying = (pair for pair in known if _varies(iteration.tensor(pair[1])))
    first, network.inputs = next(varying, known[0] if known else (None, None))
    if first is not None and network.inputs is not None:
        ends = Ends(network.inputs, network.output, network.target, network.compared)
        network.links = chain_of(iteration, ends, first, moving)
    if network.output is not None:
        with np.errstate(all="ignore"):
            _name_loss(iteration, network, theta)
    return network


def moving_values(iteration: Iteration) -> set[int]:
    """The values that depend on the parameters that gradients are tracked for."""
    held = {id(tensor) for tensor in iteration.trained.values()}
    tape, moving = iteration.tape, set[int]()
    for op in tape.ops:
        if any(x in moving or id(tape.values[x].tensor) in held for x in op.inputs):
            tracked = [x for x in op.outputs if tape.values[x].tracked]
            moving.update(tracked)  # `y.view_as(p)` takes p and does not depend on it
    return moving


def samples(iteration: Iteration) -> bool:
    """Whether the loss takes what is drawn at random with probabilities of the network's."""
    held = {id(x.tensor) for x in iteration.tracked}
    tape, own = iteration.tape, set[int]()
    for op in iteration.ops:
        if any(x in own or id(tape.values[x].tensor) in held for x in op.inputs):
            own.update(op.outputs)
            if op.name in _DRAWN:
                return True
    return False


def root_of(iteration: Iteration, value: int) -> tuple[int, Op | None]:
    """Where a value comes from without its examples being reordered, and what cut it out."""
    tape = iteration.tape
    while True:
        op = tape.producer(value)
        if op is None or not op.inputs or id(tape.values[value].tensor) in iteration.names:
            return value, None
        if op.name in _INDEXED:
            return op.inputs[0], op
        if op.name not in SAME_ROWS and op.name != "__get__":
            return value, None
        value = op.inputs[0]


def way_of(iteration: Iteration, value: int) -> list[int]:
    """The values that a value comes from, the last one first, as long as only its shape changes."""
    found, op = [value], iteration.tape.producer(value)
    while op is not None and op.inputs and (op.name in SAME_ROWS or op.name == "__get__"):
        found.append(op.inputs[0])
        op = iteration.tape.producer(found[-1])
    return found


def _varies(tensor: Any) -> bool:
    """Whether a tensor has several values; a recurrent state begins with a single one."""
    return tensor.numel() < 2 or bool((tensor != tensor.reshape(-1)[0]).any())


def _own_input(op: Op, moving: set[int], iteration: Iteration) -> int | None:
    """The data that an operation multiplies with a parameter; None where it does not."""
    names = {id(x.tensor) for x in iteration.tracked}
    looked_up = op.name in _INDEXED and op.inputs and id(iteration.tensor(op.inputs[0])) in names
    if not (looked_up or op.name in _PARAMETRIC | PRODUCTS) or not op.inputs:
        return None
    others = [value for value in op.inputs if id(iteration.tensor(value)) not in names]
    if not others or len(others) == len(op.inputs) or others[0] in moving:
        return None
    return others[0]


def _compare(iteration: Iteration, network: Network, moving: set[int]) -> None:
    """Find the output and the targets: where what depends on the parameters meets what does not."""
    named = [op for op in iteration.ops if op.name in LOSSES]
    plain = [op for op in iteration.ops if op.name in _DIFFERENCES]
    for op in (*named, *plain):
        if len(op.inputs) < 2:
            continue
        one, other = op.inputs[:2]
        sides = [one in moving, other in moving]
        if sides == [False, True] and op not in named:
            one, other = other, one
        elif sides != [True, False]:
            continue
        if op not in named and iteration.tensor(other).numel() < iteration.tensor(one).numel() > 1:
            continue
        network.output, network.target, network.compared = one, other, op
        network.family = LOSSES.get(op.name, "mean_squared_error")
        break
    if network.compared is None:
        _compare_logarithms(iteration, network, moving)
    if network.output is None or network.compared is None:
        return
    name = network.compared.name
    inner = iteration.tape.producer(_through_shapes(iteration, network.output))
    if inner is not None and inner.name in ACTIVATIONS:
        network.activation, network.made = ACTIVATIONS[inner.name], inner.line
    if name == "nll_loss" and (inner is None or inner.name != "log_softmax"):
        network.family = None  # it is not handed logarithms
    if name == "cross_entropy":
        network.activation = "softmax"
    elif name == "binary_cross_entropy_with_logits":
        network.activation = "sigmoid"


def _compare_logarithms(iteration: Iteration, network: Network, moving: set[int]) -> None:
    """A cross-entropy that is written out: targets times a logarithm of the output."""
    tape = iteration.tape
    for op in iteration.ops:
        if op.name not in {"mul", "__mul__", "__rmul__"} or len(op.inputs) < 2:
            continue
        for one, other in (op.inputs[:2], op.inputs[1::-1]):
            maker = tape.producer(one)
            if one in moving and other not in moving and maker is not None and maker.name == "log":
                network.output, network.target, network.compared = maker.inputs[0], other, op
                columns = iteration.tensor(maker.inputs[0]).shape[-1]
                wide = iteration.tensor(maker.inputs[0]).dim() > 1 and columns > 1
                network.family = "softmax_cross_entropy" if wide else "binary_cross_entropy"
                return


def _through_shapes(iteration: Iteration, value: int) -> int:
    while True:
        op = iteration.tape.producer(value)
        if op is None or op.name not in SAME_ROWS or not op.inputs:
            return value
        value = op.inputs[0]


def _name_loss(iteration: Iteration, network: Network, start: Mapping[str, Any]) -> None:
    """The kind and the factor of the loss, where it can be computed again at three points."""
    replay = iteration.replay
    losses, totals = [], []
    kind = network.family
    if network.output is None or kind not in TOTALS:
        return
    for share in (0.0, *_MOVED):
        theta = {
            name: x
            + share * x.abs().mean() * torch.sin(torch.arange(x.numel()) + 1.0).reshape(x.shape)
            for name, x in start.items()
        }
        try:
            with torch.no_grad():
                values = replay.values(theta, [*iteration.losses, network.output])
        except CannotReplayError:
            return
        rows = predictions_of(network, values[-1])
        targets = targets_of(iteration, network, columns=rows.shape[1])
        if targets is None or targets.shape != rows.shape:
            return
        losses.append(float(sum(float(x.sum()) for x in values[:-1])))
        totals.append(_total(network, rows, targets))
    factors = np.array(losses) / np.array(totals)
    if np.isfinite(factors).all() and np.ptp(factors) <= _SAME * abs(factors[0]) and factors[0] > 0:
        network.kind, network.factor = kind, float(factors[0])


def _total(network: Network, rows: Array, targets: Array) -> float:
    """The loss over all rows, shape (B, O); torch's own keeps its logarithms above -100."""
    if network.compared is None or network.compared.name != "binary_cross_entropy":
        return TOTALS[network.family or ""](rows, targets)
    with np.errstate(divide="ignore"):
        one, other = np.log(rows), np.log1p(-rows)
    logs = targets * np.maximum(one, _LEAST) + (1 - targets) * np.maximum(other, _LEAST)
    return -float(np.sum(logs))


def predictions_of(network: Network, output: Any) -> Array:
    """What the network gives, probabilities where its loss takes logits, shape (B, O)."""
    rows = output.detach().cpu().double()
    rows = rows.reshape(len(rows), -1) if rows.dim() > 1 else rows.reshape(-1, 1)
    name = network.compared.name if network.compared is not None else ""
    if name == "cross_entropy":
        rows = torch.softmax(rows, 1)
    elif name == "nll_loss":
        rows = torch.exp(rows)
    elif name == "binary_cross_entropy_with_logits":
        rows = torch.sigmoid(rows)
    return rows.cpu().numpy()


def targets_of(
    iteration: Iteration, network: Network, *, columns: int, target: Any = None
) -> Array | None:
    """The targets, classes as one column each, shape (B, O).

    Args:
        iteration: The iteration.
        network: What is what in it.
        columns: Number of outputs, O.
        target: Other targets than those of the iteration.
    """
    found = iteration.tensor(network.target or 0) if target is None else target
    name = network.compared.name if network.compared is not None else ""
    if name in {"cross_entropy", "nll_loss"} and not found.is_floating_point():
        classes = found.reshape(-1).long()
        if not len(classes) or int(classes.max()) >= columns or int(classes.min()) < 0:
            return None
        return torch.nn.functional.one_hot(classes, columns).double().cpu().numpy()
    rows = found.detach().cpu().double()
    return (rows.reshape(len(rows), -1) if rows.dim() > 1 else rows.reshape(-1, 1)).cpu().numpy()


def settings_of(optimizer: Any) -> Mapping[str, Any]:
    """What an optimizer is set to, by nndiag's names."""
    if optimizer is None:
        return {
            "name": "gradient descent",
            "momentum": 0.0,
            "nesterov": False,
            "weight_decay": 0.0,
            "adaptive": False,
        }
    group = optimizer.param_groups[0]
    name = type(optimizer).__name__.lower()
    return {
        "name": name,
        "momentum": float(group.get("momentum", 0.0) or 0.0),
        "nesterov": bool(group.get("nesterov", False)),
        "weight_decay": float(group.get("weight_decay", 0.0) or 0.0),
        "adaptive": name != "sgd",
    }

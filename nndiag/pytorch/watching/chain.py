"""The layers of a script's network, where they are a chain: products, biases, activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nndiag.pytorch.watching.iteration import Iteration
from nndiag.pytorch.watching.tape import Op

ACTIVATIONS = {
    **{name: name for name in ("relu", "tanh", "sigmoid", "leaky_relu", "elu", "gelu", "softplus")},
    "relu_": "relu",
    "tanh_": "tanh",
    "sigmoid_": "sigmoid",
    "leaky_relu_": "leaky_relu",
    "softmax": "softmax",
    "log_softmax": "softmax",
    "log_sigmoid": "sigmoid",
    "logsigmoid": "sigmoid",
}
"""Torch's activations by the names of nndiag's."""
SAME_ROWS = frozenset(
    [
        "view",
        "reshape",
        "flatten",
        "squeeze",
        "unsqueeze",
        "float",
        "double",
        "to",
        "contiguous",
        "requires_grad_",
        "view_as",
        "reshape_as",
        "detach",
        "clone",
        "cpu",
        "cuda",
        "xpu",
        "type",
        "squeeze_",
        "unsqueeze_",
    ]
)
"""Operations that leave the examples in their order."""
PRODUCTS = frozenset(["matmul", "mm", "__matmul__", "addmm"])
_SUMS = frozenset(["add", "__add__", "__radd__", "add_", "__iadd__"])
_WITH_ACTIVATION = frozenset({"cross_entropy", "binary_cross_entropy_with_logits"})


@dataclass(frozen=True, eq=False)
class Ends:
    """Where a chain begins and ends.

    Attributes:
        inputs: The value that the first layer takes.
        output: The value that the loss is handed.
        target: The value that it is compared with.
        compared: The operation that compares them.
    """

    inputs: int
    output: int | None
    target: int | None
    compared: Op | None


def chain_of(iteration: Iteration, ends: Ends, first: Op, moving: set[int]) -> list[dict[str, Any]]:
    """The layers, where each operation takes the one before and nothing else that moves.

    Args:
        iteration: The iteration.
        ends: Where the chain begins and ends.
        first: The operation of the first layer.
        moving: The values that depend on parameters.
    """
    names = {id(x.tensor): x.name for x in iteration.tracked}
    links: list[dict[str, Any]] = []
    value, ops = ends.inputs, iteration.ops
    rows = iteration.tensor(value)
    if rows.dim() < 2 or ends.output is None:
        return []
    for op in ops[ops.index(first) :]:
        if value == ends.output or op is ends.compared:
            break
        if value not in op.inputs:
            if set(op.outputs) & moving and not _is_side(op, ends):
                return []
            continue
        params = [names.get(id(iteration.tensor(x))) for x in op.inputs if x != value]
        moved = _link(op, value, params, links, iteration)
        if not moved:
            return []
        value = op.outputs[0]
    twice = ends.compared is not None and ends.compared.name in _WITH_ACTIVATION
    if value != ends.output or (twice and links[-1]["activation"] != "linear"):
        return []
    return links


def _is_side(op: Op, ends: Ends) -> bool:
    """Whether an operation only has to do with the comparison."""
    return ends.target in op.outputs


def _link(
    op: Op, value: int, params: list[str | None], links: list[dict[str, Any]], iteration: Iteration
) -> bool:
    """Put an operation into the chain; whether it belongs there."""
    if op.name in SAME_ROWS and op.name != "detach":
        before, after = iteration.tensor(value).shape, iteration.tensor(op.outputs[0]).shape
        return bool(before[:1] == after[:1]) or before.numel() == before[0]
    if op.name == "linear" or op.name in PRODUCTS:
        return _product(op, value, params, links, iteration)
    if op.name in _SUMS:
        return _sum(op, value, params, links, iteration)
    name = _activation(op)
    if name is None or not links or links[-1]["activation"] != "linear" or params:
        return False
    links[-1]["activation"] = name
    if name == "leaky_relu":
        slope = op.kwargs.get("negative_slope", op.args[1] if len(op.args) > 1 else 0.01)
        links[-1]["slope"] = float(slope)
    return True


def _product(
    op: Op, value: int, params: list[str | None], links: list[dict[str, Any]], iteration: Iteration
) -> bool:
    """Weights times what comes before."""
    if not params or any(x is None for x in params) or op.inputs[0] != value:
        return False
    weight, turned = iteration.tensor(op.inputs[1]), op.name != "linear"
    if weight.dim() != 2 or iteration.tensor(value).dim() != 2 or (turned and len(params) != 1):
        return False
    units, columns = weight.shape[::-1] if turned else weight.shape
    links.append(
        {
            "weights": params[0],
            "biases": params[1] if len(params) > 1 else None,
            "units": int(units),
            "columns": int(columns),
            "turned": turned,
            "activation": "linear",
            "slope": None,
            "line": op.line,
        }
    )
    return True


def _sum(
    op: Op, value: int, params: list[str | None], links: list[dict[str, Any]], iteration: Iteration
) -> bool:
    """Biases added to weights times what comes before."""
    if not links or len(params) != 1 or params[0] is None:
        return False
    last, added = links[-1], next(x for x in op.inputs if x != value)
    fresh = last["biases"] is None and last["activation"] == "linear"
    if not fresh or iteration.tensor(added).numel() != last["units"]:
        return False
    last["biases"] = params[0]
    return True


def _activation(op: Op) -> str | None:
    name = ACTIVATIONS.get(op.name)
    if op.name in {"clamp", "clamp_min", "clip"}:
        low = op.kwargs.get("min", op.args[1] if len(op.args) > 1 else None)
        high = op.kwargs.get("max", op.args[2] if len(op.args) > 2 else None)
        return "relu" if low == 0 and high is None else None
    if op.name in {"elu", "softplus", "gelu"} and (
        len(op.args) > 1 or set(op.kwargs) - {"inplace"}
    ):
        default = op.kwargs.get("alpha", op.kwargs.get("beta", 1.0)) == 1.0
        return name if default and op.kwargs.get("approximate", "none") == "none" else None
    return name

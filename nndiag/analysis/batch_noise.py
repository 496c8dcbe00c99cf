"""The learning rate that small batches bear: beyond it their noise grows instead of fading.

A batch's gradient differs from that of all examples by a noise that grows with the distance from
the minimum. Each step takes off part of that distance and adds the noise of its batch; above a
certain rate it adds more than it takes off, although the same rate is stable on all examples.
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.nn.hessian import HessianProducts
from nndiag.nn.network import Architecture, Examples

_EXAMPLES = 256  # the trace of their mean curvature stands for that of all
_DIRECTIONS = 12  # random ones; with the largest eigenvalue taken out their error is some 20 %


def noise_limit(
    total: float, largest: float, *, batch: int, examples: int, momentum: float = 0.0
) -> float | None:
    """The learning rate at which the noise of batches of `batch` examples just fades.

    Along a direction of curvature λ the rule takes off η·λ of the distance x per step (divided by
    1 − β with momentum β) and adds noise of variance η²·λ·Σλⱼxⱼ²/b. In balance the sum over the
    directions is η·tr(H)/(2b(1 − β)), divided by what 1 − η·λ/(2(1 + β)) leaves near the stability
    limit without noise; it is stable below 1. A batch drawn without replacement from B examples has
    (B − b)/(B − 1) of that noise.

    Args:
        total: Trace of the curvature that a step sees.
        largest: Its largest eigenvalue.
        batch: Examples per step, b.
        examples: All examples, B.
        momentum: β of the heavy ball.

    Returns:
        The rate; None where nothing curves upwards.

    Source:
        Ours, in the manner of Bottou, Curtis and Nocedal 2018, section 4, for linear models with
        normal inputs; inputs with heavier tails bear less.
    """
    share = max(examples - batch, 0) / max(examples - 1, 1)
    demand = share * total / (2 * batch * (1 - momentum)) + largest / (2 * (1 + momentum))
    return 1 / demand if demand > 0 and np.isfinite(demand) else None


def curvature_trace(
    shape: Architecture,
    parameters: FloatArray,
    data: Examples,
    *,
    vector: FloatArray | None = None,
) -> float:
    """Trace of the Gauss–Newton matrix; NaN where it is not finite.

    Args:
        shape: The network.
        parameters: The point, shape (P,).
        data: The examples.
        vector: A unit eigenvector (P,) of the largest eigenvalue, which makes it more exact.

    Source: Hutchinson 1990; the largest direction taken out: Meyer et al. 2021, Hutch++.
    """
    kept = np.linspace(0, data.count - 1, min(data.count, _EXAMPLES)).astype(int)
    some = Examples(
        np.ascontiguousarray(data.inputs[:, kept]), np.ascontiguousarray(data.targets[:, kept])
    )
    scale = shape.loss.scale(shape.outputs, data.count) * data.count
    share = scale / (shape.loss.scale(shape.outputs, some.count) * some.count)
    rng = np.random.default_rng(0)
    random = rng.choice([-1.0, 1.0], (_DIRECTIONS, shape.size))  # (K, P)
    exact = np.zeros((0, shape.size)) if vector is None else vector[None]
    random -= random @ exact.T @ exact
    directions = np.concatenate([exact, random])
    with np.errstate(all="ignore"):
        products = HessianProducts(shape, parameters, some).gauss_newton(directions)
        sizes = (directions * products).sum(axis=1)  # (1 + K,)
        total = sizes[: len(exact)].sum() + sizes[len(exact) :].mean()
    return float(share * total) if np.isfinite(total) else float("nan")

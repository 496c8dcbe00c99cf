"""The loss's gradient is multiplied by the mean (or sum) of the residual.

What it is: the backward pass starts from something like `mean(y - out) * (y - out)`: the number
that was meant to be the loss has got into its own derivative.

Why it matters: the sign of every step is the sign of the mean residual and its size grows with it.
Where the outputs are too low on average the step is right; where they are too high it goes uphill,
faster and faster. No learning rate cures that.

How it is told: cosine +1 or -1 for all tensors at once, with a factor that changes in size and sign
from point to point.

Repair: drop the mean; start from `output - target` alone.

Source: ours; the derivative of a squared error is linear in the residual.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from nndiag.program.repair.bug import BUGS, Bug, Symptoms
from nndiag.program.repair.sites import Site, factors
from nndiag.program.text.edits import Edit

NAME = "loss-gradient-scaled-by-residual"


@BUGS.register(NAME)
def loss_gradient_scaled_by_residual() -> Bug:
    """The loss's gradient is multiplied by the mean (or sum) of the residual."""
    return Bug(
        sentence="the loss's gradient is multiplied by the mean of the residual, "
        "so that the size and the sign of the step change with the data",
        edits=edits,
        suspects=suspects,
    )


def edits(site: Site) -> Iterator[Edit]:
    """Drops a factor that is one number made of the residual."""
    for node in site.expressions:
        for whole, factor, rest in factors(node):
            scalar = site.shop.shapes(factor) <= {(), (1,), (1, 1)} and site.shop.shapes(factor)
            if scalar and site.shop.is_driven(factor) and site.shop.is_driven(whole):
                says = f"drop the factor {ast.unparse(factor)}"
                yield site.edit(NAME, whole, rest, cost=0.9, says=says)


def suspects(symptoms: Symptoms) -> tuple[str, ...]:
    """All tensors, where they share one factor that changes its sign or varies widely."""
    scales = np.array([symptoms.scales[name] for name in symptoms.scales])
    if scales.size == 0 or scales.shape[1] < 2:
        return ()
    alike = np.allclose(scales, scales[:1], rtol=1e-2)
    varying = np.ptp(scales[0]) > 0.5 * np.abs(scales[0]).max()
    return tuple(symptoms.scales) if alike and varying else ()

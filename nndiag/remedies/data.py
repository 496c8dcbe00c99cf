"""Remedies that change how the data reach the network."""

import numpy as np

from nndiag.remedies.contract import Case, Changes, remedy
from nndiag.remedies.target_kind import TargetKind, task_of

_CENTRED, _NARROW, _WIDE = 0.2, 0.5, 2.0  # means and deviations that need no scaling
_SQUASHING = ("sigmoid", "softmax")


@remedy(
    "standardized-inputs",
    cures=[
        "unscaled-inputs",
        "saturated-units",
        "dead-units",
        "vanishing-gradients",
        "learning-rate-too-small",
    ],
)
def standardized_inputs(case: Case) -> Changes | None:
    """Standardize the inputs.

    Source: LeCun et al. 1998, "Efficient BackProp", section 4.3.
    """
    inputs = case.built.training[0]
    means, deviations = np.abs(inputs.mean(axis=0)), inputs.std(axis=0)
    varies = deviations > 0
    fine = (means <= _CENTRED) & (deviations >= _NARROW) & (deviations <= _WIDE)
    if case.settings["dataset"]["scale_inputs"] == "standardize" or fine[varies].all():
        return None
    return {"dataset": {"scale_inputs": "standardize"}}


@remedy(
    "scaled-targets",
    cures=["unscaled-targets", "targets-outside-output-range"],
)
def scaled_targets(case: Case) -> Changes | None:
    """Scale the targets to the size that the output layer gives.

    Into [0, 1] behind a sigmoid or softmax, to mean 0 and deviation 1 behind any other output.

    Source: LeCun et al. 1998, "Efficient BackProp", sections 4.3 and 4.5.
    """
    if task_of(case) is not TargetKind.VALUES:
        return None
    targets, output = case.raw_targets, case.activations[-1]
    if output in _SQUASHING:
        wanted = "minmax"
        fine = bool(targets.min() >= 0 and targets.max() <= 1)
    else:
        wanted = "standardize"
        means, deviations = np.abs(targets.mean(axis=0)), targets.std(axis=0)
        varies = deviations > 0
        fine = bool(
            ((means <= _WIDE) & (deviations >= _NARROW) & (deviations <= _WIDE))[varies].all()
        )
        if output == "relu":
            wanted = "minmax"
    if fine or case.settings["dataset"]["scale_targets"] == wanted:
        return None
    return {"dataset": {"scale_targets": wanted}}

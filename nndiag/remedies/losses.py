"""Remedies that change the loss, and the output layer where the two belong together."""

from typing import Any

from nndiag.remedies.contract import Case, Changes, remedy
from nndiag.remedies.target_kind import TargetKind, task_of

_CROSS_ENTROPIES = ("binary_cross_entropy", "softmax_cross_entropy")
_MEAN_OF = {"sum": "mean", "half_sum": "half_mean"}


@remedy(
    "mean-loss",
    cures=["summed-loss", "learning-rate-above-stability-limit"],
)
def mean_loss(case: Case) -> Changes | None:
    """Average the loss over the examples instead of summing it, at the same rate.

    Source: the Hessian of a sum over B examples is B times that of their mean, and so its stability
    limit 2/λ_max (LeCun et al. 1998, "Efficient BackProp", section 5.1) is B times lower.
    """
    mean = _MEAN_OF.get(case.settings["loss"].get("reduction", "mean"))
    return None if mean is None else {"loss": {"reduction": mean}}


@remedy(
    "fitting-loss",
    cures=[
        "loss-does-not-fit-output",
        "targets-outside-output-range",
        "constant-predictions",
        "dead-units",
    ],
    price=2,
    group="output",
)
def fitting_loss(case: Case) -> Changes | None:
    """Take the loss and the output activation that belong to the targets.

    Cross-entropy behind a sigmoid for 0 and 1, behind a softmax for one column per class; squared
    error behind a linear output for numbers, behind a tanh for −1 and 1.

    Source: Bishop 1995, "Neural Networks for Pattern Recognition", sections 6.1, 6.7 and 6.9.
    """
    task, loss = task_of(case), case.settings["loss"]["name"]
    if task is TargetKind.CLASSES:
        return _softmax_of_classes(case)
    if task is TargetKind.ONE_HOT:
        return _pair(case, activation="softmax", loss="softmax_cross_entropy")
    if task in (TargetKind.BINARY, TargetKind.LABELS):
        return _pair(case, activation="sigmoid", loss="binary_cross_entropy")
    if task is TargetKind.SIGNED and loss in _CROSS_ENTROPIES:
        return _pair(case, activation="tanh", loss="mean_squared_error")
    if loss in _CROSS_ENTROPIES or case.activations[-1] == "softmax":
        return _pair(case, activation="linear", loss="mean_squared_error")
    return None


@remedy("squared-error", cures=["constant-predictions"], price=2)
def squared_error(case: Case) -> Changes | None:
    """Take the squared error instead of the absolute one.

    Its mean baseline is the mean rather than the median, and its gradient shrinks with the error.

    Source: Bishop 1995, "Neural Networks for Pattern Recognition", section 6.2.
    """
    if case.settings["loss"]["name"] != "mean_absolute_error":
        return None
    return {"loss": {"name": "mean_squared_error"}}


def _pair(case: Case, *, activation: str, loss: str) -> Changes | None:
    """Loss and output activation; None where the config has both."""
    layers, section = case.layers, case.settings["loss"]
    changes: dict[str, Any] = {}
    if section["name"] != loss:
        reduction = section.get("reduction", "mean")
        changes["loss"] = {"name": loss, "reduction": _without_half(reduction)}
    if layers[-1]["activation"]["name"] != activation:
        layers[-1]["activation"] = {"name": activation}
        changes["network"] = {"layers": layers}
    if case.settings["dataset"]["scale_targets"] != "none" and loss != "mean_squared_error":
        changes["dataset"] = {"scale_targets": "none"}
    return changes or None


def _softmax_of_classes(case: Case) -> Changes | None:
    """One softmax unit per class, where the data set can give one target column per class."""
    dataset = case.settings["dataset"]
    if "encoding" not in dataset:
        return None
    layers = case.layers
    layers[-1] = {"units": int(case.raw_targets.max()) + 1, "activation": {"name": "softmax"}}
    reduction = _without_half(case.settings["loss"].get("reduction", "mean"))
    return {
        "dataset": {"encoding": "one_hot", "scale_targets": "none"},
        "network": {"layers": layers},
        "loss": {"name": "softmax_cross_entropy", "reduction": reduction},
    }


def _without_half(reduction: str) -> str:
    return reduction.removeprefix("half_")

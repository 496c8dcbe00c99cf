"""What a column of another program's log holds, by its name.

The names are those of `series.SERIES`; per layer `gradient_norm[layer1]`, also written
`gradient_norm/layer1` or `gradient_norm.layer1`. Some names that are common elsewhere stand for
them. Everything else is left alone.
"""

import re
from dataclasses import dataclass

from nndiag.trace.series import SERIES

STEP, EPOCH = "step", "epoch"
CONSTANTS = ("baseline_loss", "batch_size", "total_steps")
"""Facts that do not change over a run; the first row that has one counts."""

ALIASES: dict[str, tuple[str, ...]] = {
    STEP: ("global_step", "iteration", "iterations", "iter", "update", "train_step"),
    EPOCH: ("epochs",),
    "loss": ("batch_loss", "train_batch_loss", "cost", "objective", "loss_step", "train_loss_step"),
    "training_loss": ("train_loss", "loss_train", "train_loss_epoch", "loss_epoch"),
    "validation_loss": (
        "val_loss", "valid_loss", "loss_val", "test_loss", "eval_loss", "dev_loss",
        "val_loss_epoch", "holdout_loss",
    ),
    "learning_rate": ("lr", "rate", "eta"),
    "gradient_norm": ("grad_norm", "gradnorm", "total_grad_norm", "gradient", "grad"),
    "weight_norm": ("param_norm", "parameter_norm", "weights_norm"),
    "update_ratio": ("update_to_weight_ratio", "update_to_data_ratio"),
}  # fmt: skip
"""Our name → names that mean the same."""

_OURS = {other: name for name, others in ALIASES.items() for other in others}
_KNOWN = {STEP, EPOCH, *CONSTANTS, *SERIES}
_LAYERED = re.compile(r"^(?P<name>[^\[\]/.:]+)(\[(?P<layer>.+)\]|[/.:](?P<other>.+))$")


@dataclass(frozen=True)
class Column:
    """What a column holds.

    Attributes:
        name: A series, "step", "epoch", or a constant fact.
        layer: The layer that it belongs to; None for one number per step.
    """

    name: str
    layer: str | None = None


def column_of(title: str) -> Column | None:
    """What a column with this title holds; None where that is not known."""
    title = title.strip()
    name = _canonical(title)
    if name is not None:
        return Column(name)
    match = _LAYERED.match(title)
    name = _canonical(match["name"]) if match else None
    if match is None or name not in SERIES or not SERIES[name].per_layer:
        return None
    return Column(name, (match["layer"] or match["other"]).strip())


def _canonical(title: str) -> str | None:
    plain = re.sub(r"[\s/.:-]+", "_", title.strip().lower())
    plain = _OURS.get(plain, plain)
    return plain if plain in _KNOWN else None

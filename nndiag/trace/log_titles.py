"""What a column of another program's log holds, by its title.

The names are those of `series.SERIES`; per layer `gradient_norm[layer1]`, also written
`gradient_norm/layer1` or `gradient_norm.layer1`. Some names that are common elsewhere stand for
them. A loss goes by many names (`train/box_loss`, `validation_0-logloss`, `Loss_D`): of these the
plainest is taken, and with it the validation loss of the same kind. Everything else is left alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nndiag.trace.series import SERIES

STEP, EPOCH = "step", "epoch"
CONSTANTS = ("baseline_loss", "batch_size", "total_steps")
"""Facts that do not change over a run; the first row that has one counts."""

ALIASES: dict[str, tuple[str, ...]] = {
    STEP: (
        "global_step", "iteration", "iterations", "iter", "iters", "update", "train_step",
        "trainer_global_step", "steps", "itn", "#",
    ),
    EPOCH: ("epochs", "train_epoch"),
    "loss": ("batch_loss", "train_batch_loss", "cost", "objective", "loss_step", "train_loss_step"),
    "training_loss": ("train_loss", "loss_train", "train_loss_epoch", "loss_epoch"),
    "validation_loss": (
        "val_loss", "valid_loss", "loss_val", "test_loss", "eval_loss", "dev_loss",
        "val_loss_epoch", "holdout_loss",
    ),
    "learning_rate": (
        "lr", "rate", "eta", "train_learning_rate", "train_lr", "lr_pg0", "lr_adam", "lr_adamw",
        "lr_sgd", "current_lr",
    ),
    "gradient_norm": (
        "grad_norm", "gradnorm", "total_grad_norm", "gradient", "grad", "train_grad_norm",
    ),
    "weight_norm": ("param_norm", "parameter_norm", "weights_norm"),
    "update_ratio": ("update_to_weight_ratio", "update_to_data_ratio"),
}  # fmt: skip
"""Our name → names that mean the same."""

TRAINING, VALIDATION = "training_loss", "validation_loss"
_PARTS = {
    **dict.fromkeys(("train", "training", "trn", "learn", "fit"), TRAINING),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "holdout"), VALIDATION),
    **dict.fromkeys(("eval", "evaluation", "test", "testing"), VALIDATION),
}
_LOSS = {"loss", "losses"}
_MEASURES = {
    *("logloss", "mlogloss", "nll", "crossentropy", "entropy", "ce", "bce", "mse", "rmse", "mae"),
    *("xent", "cost", "objective", "l1", "l2", "rmsle", "deviance", "error", "err", "sse"),
}
_NEUTRAL = {
    *(
        "total",
        "tot",
        "avg",
        "average",
        "mean",
        "running",
        "epoch",
        "step",
        "batch",
        "s",
        "set",
        "net",
    ),
    *("overall", "value", "of", "on", "per", "smoothed", "current", "curr", "output", "results"),
    *("binary", "multi", "cross", "the", "full", "net"),
}
_OTHER = {
    *("scale", "scaler", "std", "min", "max", "best", "weight", "weights", "accuracy", "acc"),
    *("ratio", "delta", "time", "count", "patience", "score", "samples", "seconds", "rate"),
}
_OURS = {other: name for name, others in ALIASES.items() for other in others}
_UNKNOWN = {"accuracy", "validation_accuracy"}
"""Series that no title tells: another program's accuracy may be one of a batch, or in percent."""
_KNOWN = {STEP, EPOCH, *CONSTANTS, *SERIES} - _UNKNOWN
_JOINED = re.compile(rf"\b({'|'.join(_PARTS)})(loss|losses|err|error|cost)\b")
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


@dataclass(frozen=True)
class LossTitle:
    """A title of a loss that is none of the names above.

    Attributes:
        title: As it stands.
        part: "training_loss", "validation_loss", or "loss" where it does not say.
        plain: 0 for a loss, 1 for a measure, 2 for a part of a loss, 3 where it may be one.
        kind: What tells it from other losses.
        run: The run that it belongs to, where the title names one.
    """

    title: str
    part: str
    plain: int
    kind: tuple[str, ...]
    run: str = ""


def column_of(title: str) -> Column | None:
    """What a column with this title holds by its name; None where that is not known."""
    title = title.strip()
    name = _canonical(title)
    if name is not None:
        return Column(name)
    match = _LAYERED.match(title)
    name = _canonical(match["name"]) if match else None
    if match is None or name not in SERIES or not SERIES[name].per_layer:
        return None
    return Column(name, (match["layer"] or match["other"]).strip())


def loss_title(title: str) -> LossTitle | None:
    """What a title says of a loss; None where it is no loss."""
    if re.search(r"[:=]\s*[-+.\d]", title) or len(title) > 100:
        return None
    run, _, rest = title.rpartition(" - ")
    rest = _JOINED.sub(r"\1 \2", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", rest).lower())
    words = re.findall(r"[a-z]+\d*|\d+", rest)
    if not words or _OTHER & set(words):
        return None
    parts = [_PARTS[word] for word in words if word in _PARTS]
    part = parts[0] if parts else "loss"
    loss = bool(_LOSS & set(words))
    measures = tuple(word for word in words if word in _MEASURES)
    kind = tuple(word for word in words if not {word} & (_LOSS | _NEUTRAL | _PARTS.keys()))
    own = tuple(word for word in kind if word not in _MEASURES and not word.isdigit())
    if loss or measures:
        return LossTitle(title, part, 2 if own else 0 if loss else 1, kind, run)
    if words in (
        ["value"],
        ["avg"],
        ["learn"],
        ["train"],
        ["test"],
        ["val"],
        ["valid"],
        ["validation"],
    ):
        return LossTitle(title, part, 3, (), run)
    return None


def is_title(title: str) -> bool:
    """Whether a title is that of a loss."""
    column = column_of(title)
    if column is not None:
        return column.name in ("loss", TRAINING, VALIDATION)
    return loss_title(title) is not None


@dataclass(frozen=True)
class Losses:
    """Which columns are the losses of a log.

    Attributes:
        columns: Title → "loss", "training_loss" or "validation_loss".
        others: Other titles that could have been taken for the loss.
    """

    columns: dict[str, str]
    others: tuple[str, ...] = ()


def losses_among(titles: Sequence[str], wanted: str | None = None) -> Losses:
    """The losses among the titles of a log.

    Args:
        titles: All titles.
        wanted: The one that is to be the loss; one of them.
    """
    named = {
        title: column.name
        for title in titles
        if (column := column_of(title)) and column.name in ("loss", TRAINING, VALIDATION)
    }
    found = [x for title in titles if title not in named and (x := loss_title(title)) is not None]
    if wanted is None and {"loss", TRAINING} & set(named.values()):
        return Losses(_with_validation(named, found, kind=()))
    own = [x for x in found if x.part != VALIDATION] or _numbered(found)
    if wanted is not None:
        first = loss_title(wanted) or LossTitle(wanted, "loss", 0, ())
    elif own:
        first = min(own, key=lambda x: x.plain)
    else:
        only = [*named, *(x.title for x in sorted(found, key=lambda x: x.plain))]
        return Losses({only[0]: "loss"} if only else {}, tuple(only[1:]))
    part = TRAINING if first.part == TRAINING else "loss"
    others = tuple(x.title for x in own if x.title != first.title)
    others += tuple(title for title in named if title != first.title and wanted is not None)
    kept = {title: name for title, name in named.items() if name == VALIDATION and not first.kind}
    rest = [x for x in found if x.title != first.title]
    return Losses(_with_validation({first.title: part, **kept}, rest, kind=first.kind), others)


def _with_validation(
    named: dict[str, str], found: Sequence[LossTitle], *, kind: tuple[str, ...]
) -> dict[str, str]:
    """The losses with the validation loss of their kind."""
    if VALIDATION in named.values():
        return named
    plain = tuple(word for word in kind if not word.isdigit())
    alike = [
        x
        for x in found
        if x.part == VALIDATION and tuple(word for word in x.kind if not word.isdigit()) == plain
    ]
    return {**named, alike[0].title: VALIDATION} if alike else named


def _numbered(found: Sequence[LossTitle]) -> list[LossTitle]:
    """`validation_0` where there is a `validation_1`, too: the first is the training data then."""
    numbers = {word for x in found for word in x.kind if word.isdigit()}
    return [x for x in found if "0" in x.kind] if {"0", "1"} <= numbers else []


def _canonical(title: str) -> str | None:
    plain = re.sub(r"[\s/.:-]+", "_", title.strip().lower()).rstrip("_")
    plain = _OURS.get(plain, plain)
    return plain if plain in _KNOWN else None

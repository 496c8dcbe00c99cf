"""What a program is about: network, loss, optimizer, data, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

HIDDEN = ("tanh", "sigmoid", "relu", "leaky")
OUTPUTS = {
    "linear": ("mean", "rows", "half_rows", "half_mean", "sum", "half_sum", "mae"),
    "sigmoid": ("bce", "bce", "bce_sum", "mean", "half_mean", "half_sum"),
    "tanh": ("mean", "half_mean", "half_sum"),
    "softmax": ("ce", "ce", "ce_sum", "rows"),
}
SUMS = ("sum", "half_sum", "bce_sum", "ce_sum")
OPTIMIZERS = (
    "sgd", "sgd", "sgd", "sgd", "momentum", "heavy_ball", "averaged", "nesterov",
    "adagrad", "rmsprop", "adam", "adam",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """One program's content.

    Attributes:
        sizes: Units of each layer, inputs first.
        hidden: Activation of the hidden layers.
        output: Activation of the last layer.
        loss: A key of `OUTPUTS`; what ends in sum is not divided by the examples.
        optimizer: One of `OPTIMIZERS`.
        rate: Learning rate.
        decay: Weight decay that the loss contains too; 0 for none.
        clip: Largest absolute entry of a gradient; 0 for none.
        schedule: Whether the rate falls with the epochs.
        batch: full, mini, or one example a step.
        shown: Whether the loss is computed each step, printed, recorded or never computed.
        columns: Whether the examples are columns.
        data: One of the data sets of `data`.
        examples: Their number.
        steps: Epochs.
    """

    sizes: tuple[int, ...]
    hidden: str
    output: str
    loss: str
    optimizer: str = "sgd"
    rate: float = 0.1
    decay: float = 0.0
    clip: float = 0.0
    schedule: bool = False
    batch: str = "full"
    shown: str = "each"
    columns: bool = False
    data: str = "normal"
    layout: str = "drawn"
    examples: int = 40
    batch_size: int = 10
    steps: int = 300
    scale: float = 0.5
    bias: bool = True

    @property
    def depth(self) -> int:
        """Layers with weights."""
        return len(self.sizes) - 1

    def activation(self, layer: int) -> str:
        return self.output if layer == self.depth else self.hidden


def drawn(rng: np.random.Generator, *, style_allows: dict[str, tuple[object, ...]]) -> Recipe:
    """A recipe; a style may restrict any field to some values."""

    def pick(field: str, *values: object) -> object:
        allowed = style_allows.get(field)
        kept = [value for value in values if allowed is None or value in allowed] or list(
            allowed or ()
        )
        return kept[int(rng.integers(len(kept)))]

    output = str(pick("output", "linear", "linear", "sigmoid", "sigmoid", "softmax", "tanh"))
    data = {
        "linear": ("normal", "grid", "ints"), "tanh": ("normal", "grid"),
        "sigmoid": ("xor", "classes", "normal_classes"), "softmax": ("blobs",),
    }[output]  # fmt: skip
    recipe = Recipe(
        sizes=(1, 1),
        hidden=str(pick("hidden", *HIDDEN)),
        output=output,
        loss=str(pick("loss", *OUTPUTS[output])),
        optimizer=str(pick("optimizer", *OPTIMIZERS)),
        columns=bool(pick("columns", False, False, True)),
        batch=str(pick("batch", "full", "full", "mini", "one")),
        shown=str(pick("shown", "each", "each", "printed", "recorded", "never")),
        data=str(pick("data", *data)),
        layout=str(pick("layout", "drawn", "drawn", "drawn", "csv")),
        schedule=bool(pick("schedule", False, False, False, False, True)),
        decay=float(str(pick("decay", 0.0, 0.0, 0.0, 0.0, 0.01))),
        clip=float(str(pick("clip", 0.0, 0.0, 0.0, 0.0, 0.0, 5.0))),
    )
    return _completed(recipe, rng, depths=style_allows.get("depth", (1, 2, 2, 2, 2, 3, 3, 4)))


def _completed(recipe: Recipe, rng: np.random.Generator, depths: tuple[object, ...]) -> Recipe:
    """The numbers that follow from what was drawn."""
    depth = int(str(depths[int(rng.integers(len(depths)))]))
    inputs = {"grid": 1, "xor": 2}.get(recipe.data, int(rng.integers(2, 5)))
    outputs = {"softmax": 3}.get(recipe.output, 1)
    if recipe.output == "linear" and recipe.data == "normal" and rng.random() < 0.3:
        outputs = 2
    if recipe.data == "xor":
        depth = max(depth, 2)
    width = int(rng.integers(4, 9))
    widths = [width if rng.random() < 0.6 else int(rng.integers(3, 9)) for _ in range(depth - 1)]
    examples = 4 if recipe.data == "xor" else int(rng.choice([24, 30, 40, 50, 60]))
    batch = "full" if recipe.data == "xor" and recipe.batch == "mini" else recipe.batch
    if recipe.optimizer in {"adagrad", "rmsprop", "adam"} and batch == "one":
        batch = "full"
    loss = "rows" if outputs > 1 and recipe.loss in {"mean", "half_mean"} else recipe.loss
    if recipe.loss == "mae" and batch == "one":
        loss = "mean"
    # equal steps: adaptive optimizers forget the scale of the loss
    shown_decay = 0.0 if recipe.optimizer not in {"sgd", "momentum"} else recipe.decay
    per_step = {"full": examples, "mini": recipe.batch_size, "one": 1}[batch]
    return replace(
        recipe,
        sizes=(inputs, *widths, outputs),
        examples=examples,
        batch=batch,
        loss=loss,
        decay=shown_decay,
        rate=_rate(recipe, loss, per_step),
        steps=_steps(recipe, batch, rng),
        scale=float(rng.choice([0.3, 0.5, 0.7])),
    )


def _rate(recipe: Recipe, loss: str, per_step: int) -> float:
    base = {
        "sgd": 0.2, "momentum": 0.03, "heavy_ball": 0.03, "averaged": 0.2, "nesterov": 0.03,
        "adagrad": 0.05, "rmsprop": 0.005, "adam": 0.01,
    }[recipe.optimizer]  # fmt: skip
    if recipe.optimizer in {"adagrad", "rmsprop", "adam"}:
        return base
    if loss in {"bce", "ce"} or recipe.output in {"sigmoid", "tanh"}:
        base *= 2
    if loss in {"mean", "rows", "sum", "mae"}:
        base /= 2
    if recipe.output == "linear":
        base /= 2
    if loss in SUMS:
        base /= per_step
    if recipe.batch == "one":
        base /= 4
    return float(f"{base:.1g}")


def _steps(recipe: Recipe, batch: str, rng: np.random.Generator) -> int:
    if batch == "one":
        return int(rng.choice([2000, 3000, 4000]))
    if batch == "mini":
        return int(rng.choice([100, 150, 200]))
    return int(rng.choice([500, 800, 1000, 1500, 2000]))

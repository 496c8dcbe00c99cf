"""Faults with the problems that may rightly be named for them, first of all.

A fault is a function from the settings of a network that trains to those of one that should not;
None where it does not apply. Labels name what was done: for inputs that are too large the rate is
too high as well, but it was the inputs that were changed. Where a fault that has nothing to do with
scales happens to make the loss steeper than the rate bears, so that the run diverges, and a lower
rate alone keeps it from that, the rate is as true a cause as the fault (`judging` tries it).
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nndiag.experiment import experiment_of
from nndiag.experiment.data import dataset_of
from nndiag.fixing import measured
from nndiag.remedies import Case

Settings = dict[str, Any]

RATE = "learning-rate-above-stability-limit"
STEEP = frozenset({RATE, "summed-loss", "unscaled-inputs", "unscaled-targets", "weights-too-large"})
"""Labels of faults that are themselves what makes a rate too high: no other name is right there."""

_LEARNED = 0.3  # unexplained share of the variance

SLOW = frozenset({"learning-rate-too-small", "not-enough-steps"})


@dataclass(frozen=True)
class Fault:
    """One fault at one strength.

    Attributes:
        name: Kind and strength.
        labels: Problems that name it rightly.
        parts: Of two faults at once the problems of each; none of one alone.
        members: Their names.
        apply: Settings and a folder for data files → broken settings, or None.
    """

    name: str
    labels: frozenset[str]
    apply: Callable[[Settings, Path], Settings | None]
    parts: tuple[frozenset[str], ...] = ()
    members: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The name without its strength."""
        return self.name.partition(" ")[0]


FAULTS: list[Fault] = []


def fault(
    kind: str, *labels: str, strengths: tuple[Any, ...] = (None,)
) -> Callable[[Callable[..., Settings | None]], Callable[..., Settings | None]]:
    """Decorator that adds a fault for each strength."""

    def add(function: Callable[..., Settings | None]) -> Callable[..., Settings | None]:
        for strength in strengths:
            name = kind if strength is None else f"{kind} {strength:g}"

            def apply(settings: Settings, folder: Path, strength: Any = strength) -> Any:
                copy = deepcopy(settings)
                return (
                    function(copy, folder) if strength is None else function(copy, folder, strength)
                )

            FAULTS.append(Fault(name, frozenset(labels), apply))
        return function

    return add


def numbers(settings: Settings) -> bool:
    """Whether the targets are numbers, not classes."""
    return settings["loss"]["name"] == "mean_squared_error"


def adaptive(settings: Settings) -> bool:
    return bool(settings["optimizer"]["name"] == "adam")


@fault("rate-above-stability limit", RATE, strengths=(3, 10, 100))
def rate_above_limit(settings: Settings, folder: Path, factor: float) -> Settings | None:
    stability_limit = Case(experiment_of(settings)).facts.stability_limit
    if adaptive(settings) or stability_limit is None:
        return None
    settings["optimizer"]["learning_rate"] = factor * stability_limit
    return settings


@fault("rate-too-small", *SLOW, strengths=(1e-2, 1e-3, 1e-5))
def rate_too_small(settings: Settings, folder: Path, factor: float) -> Settings | None:
    settings["optimizer"]["learning_rate"] *= factor
    return settings


@fault("steps-too-few", *SLOW, strengths=(5, 20))
def steps_too_few(settings: Settings, folder: Path, steps: int) -> Settings | None:
    settings["training"]["steps"] = steps
    return settings


@fault("decay-too-fast", *SLOW, strengths=(1, 10))
def decay_too_fast(settings: Settings, folder: Path, decay: float) -> Settings | None:
    settings["optimizer"]["decay"] = decay
    return settings


@fault("schedule-too-fast", *SLOW, strengths=(2, 20))
def schedule_too_fast(settings: Settings, folder: Path, every: int) -> Settings | None:
    settings["optimizer"]["schedule"] = {"name": "exponential", "every": every, "factor": 0.5}
    return settings


@fault("warm-up-too-long", *SLOW, strengths=(1_000_000,))
def warm_up_too_long(settings: Settings, folder: Path, steps: int) -> Settings | None:
    settings["optimizer"]["schedule"] = {"name": "constant", "warmup_steps": steps}
    return settings


@fault("clipped-too-much", "gradient-clipped-too-hard", *SLOW, strengths=(1e-3, 1e-5))
def clipped_too_much(settings: Settings, folder: Path, norm: float) -> Settings | None:
    if adaptive(settings):
        return None
    settings["optimizer"]["clip_norm"] = norm
    return settings


@fault("summed-loss", "summed-loss", RATE)
def summed_loss(settings: Settings, folder: Path) -> Settings | None:
    settings["loss"]["reduction"] = "sum"
    return None if adaptive(settings) else settings


@fault("inputs-large", "unscaled-inputs", strengths=(30, 300))
def inputs_large(settings: Settings, folder: Path, factor: float) -> Settings | None:
    return data_changed(settings, folder, f"large{factor:g}", inputs=lambda x: factor * x)


@fault("both-large", "unscaled-inputs", "unscaled-targets", strengths=(1_000,))
def both_large(settings: Settings, folder: Path, factor: float) -> Settings | None:
    if not numbers(settings):
        return None
    name = f"both{factor:g}"
    return data_changed(
        settings, folder, name, inputs=lambda x: factor * x, targets=lambda y: factor * y
    )


@fault("inputs-off-centre", "unscaled-inputs", strengths=(30, 300))
def inputs_off_centre(settings: Settings, folder: Path, shift: float) -> Settings | None:
    return data_changed(settings, folder, f"shifted{shift:g}", inputs=lambda x: x + shift)


@fault("inputs-tiny", "unscaled-inputs", strengths=(1e-3,))
def inputs_tiny(settings: Settings, folder: Path, factor: float) -> Settings | None:
    return data_changed(settings, folder, f"tiny{factor:g}", inputs=lambda x: factor * x)


@fault("targets-large", "unscaled-targets", strengths=(100, 10_000))
def targets_large(settings: Settings, folder: Path, factor: float) -> Settings | None:
    if not numbers(settings):
        return None
    return data_changed(settings, folder, f"y{factor:g}", targets=lambda y: factor * y)


@fault("targets-off-centre", "unscaled-targets", strengths=(300,))
def targets_off_centre(settings: Settings, folder: Path, shift: float) -> Settings | None:
    if not numbers(settings):
        return None
    return data_changed(settings, folder, f"y+{shift:g}", targets=lambda y: y + shift)


@fault("targets-shuffled", "nothing-to-learn", "mismatched-data")
def targets_shuffled(settings: Settings, folder: Path) -> Settings | None:
    if settings["dataset"]["name"] == "logic_gate":
        return None  # four rows can be learned by heart
    rng = np.random.default_rng(settings["seed"])
    return data_changed(settings, folder, "shuffled", targets=rng.permutation)


@fault("inputs-constant", "mismatched-data", "nothing-to-learn")
def inputs_constant(settings: Settings, folder: Path) -> Settings | None:
    return data_changed(settings, folder, "constant", inputs=np.ones_like)


@fault("output-tanh", "targets-outside-output-range", strengths=(3,))
def output_tanh(settings: Settings, folder: Path, factor: float) -> Settings | None:
    if not numbers(settings):
        return None
    settings["network"]["layers"][-1]["activation"] = "tanh"
    return data_changed(settings, folder, f"y{factor:g}", targets=lambda y: factor * y)


@fault("output-sigmoid", "targets-outside-output-range")
def output_sigmoid(settings: Settings, folder: Path) -> Settings | None:
    settings["network"]["layers"][-1]["activation"] = "sigmoid"
    return settings if numbers(settings) else None


@fault("output-relu", "targets-outside-output-range", "loss-does-not-fit-output")
def output_relu(settings: Settings, folder: Path) -> Settings | None:
    settings["network"]["layers"][-1]["activation"] = "relu"
    return settings


@fault("output-one-softmax", "loss-does-not-fit-output")
def output_one_softmax(settings: Settings, folder: Path) -> Settings | None:
    if settings["loss"]["name"] != "binary_cross_entropy":
        return None
    settings["network"]["layers"][-1]["activation"] = "softmax"
    settings["loss"]["name"] = "softmax_cross_entropy"
    return settings


@fault("output-linear-for-classes", "loss-does-not-fit-output")
def output_linear(settings: Settings, folder: Path) -> Settings | None:
    if settings["loss"]["name"] != "binary_cross_entropy":
        return None
    settings["network"]["layers"][-1]["activation"] = "linear"
    return settings


@fault("hidden-linear", "no-nonlinearity")
def hidden_linear(settings: Settings, folder: Path) -> Settings | None:
    for layer in settings["network"]["layers"][:-1]:
        layer["activation"] = "linear"
    return settings


@fault("no-hidden-layer", "no-nonlinearity")
def no_hidden_layer(settings: Settings, folder: Path) -> Settings | None:
    settings["network"]["layers"] = settings["network"]["layers"][-1:]
    return settings


@fault("one-unit", "too-few-units", "dead-units")
def one_unit(settings: Settings, folder: Path) -> Settings | None:
    """A layer of one rectified unit is dead as soon as that one is: both names are true then."""
    for layer in settings["network"]["layers"][:-1]:
        layer["units"] = 1
    return settings


@fault("equal-weights", "identical-units", strengths=(0, 0.5))
def equal_weights(settings: Settings, folder: Path, value: float) -> Settings | None:
    settings["network"]["initializer"] = {"name": "constant", "value": value}
    return settings


@fault("weights-large", "weights-too-large", strengths=(10, 100))
def weights_large(settings: Settings, folder: Path, factor: float) -> Settings | None:
    settings["network"]["initializer"] = {"name": "glorot_uniform", "gain": factor}
    return settings


@fault("weights-positive", "weights-too-large", strengths=(1, 2))
def weights_positive(settings: Settings, folder: Path, largest: float) -> Settings | None:
    settings["network"]["initializer"] = {"name": "uniform", "low": 0, "high": largest}
    return settings


@fault("weights-small", "weights-too-small", strengths=(1e-3, 1e-6))
def weights_small(settings: Settings, folder: Path, factor: float) -> Settings | None:
    settings["network"]["initializer"] = {"name": "glorot_uniform", "gain": factor}
    return settings


@fault("biases-dead", "dead-units", strengths=(-10,))
def biases_dead(settings: Settings, folder: Path, value: float) -> Settings | None:
    hidden = settings["network"]["layers"][:-1]
    if hidden[0]["activation"] != "relu":
        return None
    for layer in hidden:
        layer["bias_initializer"] = {"name": "constant", "value": value}
    return settings


@fault("biases-saturating", "saturated-units", strengths=(20,))
def biases_saturating(settings: Settings, folder: Path, value: float) -> Settings | None:
    hidden = settings["network"]["layers"][:-1]
    if hidden[0]["activation"] == "relu":
        return None
    for layer in hidden:
        layer["bias_initializer"] = {"name": "constant", "value": value}
    return settings


@fault("biases-missing", "missing-biases", "unscaled-inputs", "unscaled-targets", strengths=(4,))
def biases_missing(settings: Settings, folder: Path, shift: float) -> Settings | None:
    settings["network"]["bias"] = False
    if not numbers(settings):
        return None
    return data_changed(settings, folder, f"y+{shift:g}", targets=lambda y: y + shift)


@fault("deep-sigmoid", "vanishing-gradients", strengths=(6, 10))
def deep_sigmoid(settings: Settings, folder: Path, depth: int) -> Settings | None:
    output = settings["network"]["layers"][-1]
    hidden = {"units": 8, "activation": "sigmoid"}
    settings["network"]["layers"] = [dict(hidden) for _ in range(depth)] + [output]
    return settings


@fault("momentum-too-high", RATE, "oscillating-loss", "noisy-steps", strengths=(0.999,))
def momentum_too_high(settings: Settings, folder: Path, momentum: float) -> Settings | None:
    settings["optimizer"]["momentum"] = momentum
    return None if adaptive(settings) else settings


@fault("batch-noise", "noisy-steps", RATE, strengths=(1,))
def batch_noise(settings: Settings, folder: Path, batch: int) -> Settings | None:
    if adaptive(settings):
        settings["optimizer"]["learning_rate"] = 0.3
    else:
        stability_limit = Case(experiment_of(settings)).facts.stability_limit
        settings["optimizer"]["learning_rate"] = 0.9 * (stability_limit or 0.1)
    settings["training"]["batch_size"] = batch
    return settings


@fault("examples-sorted", "sorted-examples", strengths=(1, 4))
def examples_sorted(settings: Settings, folder: Path, batch: int) -> Settings | None:
    """Not where as small batches of shuffled examples do not learn either."""
    if settings["dataset"]["name"] == "logic_gate":
        return None  # four rows are in some order anyway
    settings["training"]["batch_size"] = batch
    if measured(experiment_of(settings)).error > _LEARNED:
        return None
    settings["training"]["order"] = "sequential"
    return data_changed(settings, folder, "sorted", rows=_by_target)


@fault("few-examples", "overfitting", strengths=(20,))
def few_examples(settings: Settings, folder: Path, samples: int) -> Settings | None:
    if settings["dataset"]["name"] != "sine":
        return None
    # So little noise that it costs nothing by itself: learned by heart it does.
    settings["dataset"] |= {"samples": samples, "noise": 0.3, "validation": 0.5}
    for layer in settings["network"]["layers"][:-1]:
        layer["units"] = 60
    return settings


@fault("range-held-out", "extrapolation")
def range_held_out(settings: Settings, folder: Path) -> Settings | None:
    """The upper third of the one input is kept out."""
    if settings["name"].partition("-")[0] not in ("sine", "noisy", "parabola", "periodic"):
        return None
    inputs = dataset_of(experiment_of(settings)).inputs
    (column,) = dataset_of(experiment_of(settings)).input_names
    limit = float(np.quantile(inputs, 2 / 3))
    settings["dataset"]["validation"] = {"where": f"{column} > {limit:g}"}
    return settings


@fault("class-rare", "imbalanced-classes", strengths=(12,))
def class_rare(settings: Settings, folder: Path, kept: int) -> Settings | None:
    """Of one of two classes that overlap only so many examples are left."""
    if not settings["name"].startswith("overlapping"):
        return None

    def rows(targets: Any) -> Any:
        rare, rest = np.flatnonzero(targets[:, 0] > 0), np.flatnonzero(targets[:, 0] == 0)
        return np.sort(np.concatenate([rare[:kept], rest]))

    return data_changed(settings, folder, "rare", inputs=lambda x: x / 3, rows=rows)


@fault("dropout-strong", "dropout-too-strong", strengths=(0.9,))
def dropout_strong(settings: Settings, folder: Path, share: float) -> Settings | None:
    for layer in settings["network"]["layers"][:-1]:
        layer["dropout"] = share
    return settings


@fault("weights-decayed", "weight-decay-too-strong", strengths=(0.3,))
def weights_decayed(settings: Settings, folder: Path, decay: float) -> Settings | None:
    settings["optimizer"]["weight_decay"] = decay
    return settings


def data_changed(
    settings: Settings,
    folder: Path,
    name: str,
    *,
    inputs: Callable[[Any], Any] = np.asarray,
    targets: Callable[[Any], Any] = np.asarray,
    rows: Callable[[Any], Any] = lambda y: slice(None),
) -> Settings:
    """The settings with changed data, scaled as the base scales them before the change.

    Args:
        settings: Of the base.
        folder: Where the data go.
        name: What is changed.
        inputs: Inputs → changed ones.
        targets: Targets → changed ones.
        rows: Targets → the rows in their new order.
    """
    experiment = experiment_of(settings)
    data = dataset_of(experiment)
    section = settings["dataset"]
    x, y = data.inputs, data.targets
    if section.get("scale_inputs") == "standardize":
        x = (x - x.mean(axis=0)) / x.std(axis=0)
    if section.get("scale_targets") == "standardize":
        y = (y - y.mean(axis=0)) / y.std(axis=0)
    path = folder / f"{settings['name']}-{name}.npz"
    order = rows(y)
    np.savez(path, x=inputs(x)[order], y=targets(y)[order])
    kept = {key: section[key] for key in ("validation",) if key in section}
    settings["dataset"] = {"name": "npz", "path": str(path), **kept}
    return settings


def _by_target(targets: Any) -> Any:
    """The rows in the order of their targets; of several columns, class by class."""
    return np.argsort(targets @ np.arange(1, targets.shape[1] + 1), kind="stable")


def _both(first: str, second: str) -> None:
    """Add two faults at once, the second on top of the first."""
    one, other = (next(x for x in FAULTS if x.name == name) for name in (first, second))

    def apply(settings: Settings, folder: Path) -> Settings | None:
        changed = one.apply(settings, folder)
        return None if changed is None else other.apply(changed, folder)

    labels = one.labels | other.labels
    FAULTS.append(
        Fault(f"{first} + {second}", labels, apply, (one.labels, other.labels), (first, second))
    )


_both("inputs-large 30", "summed-loss")
_both("inputs-off-centre 30", "targets-large 100")
_both("targets-large 100", "hidden-linear")
_both("inputs-large 300", "no-hidden-layer")
_both("inputs-off-centre 30", "weights-large 10")
_both("output-sigmoid", "inputs-off-centre 30")
_both("weights-decayed 0.3", "hidden-linear")
_both("rate-too-small 0.01", "output-sigmoid")
_both("hidden-linear", "rate-too-small 0.001")

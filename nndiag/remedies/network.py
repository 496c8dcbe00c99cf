"""Remedies that change the network: biases, activations, size."""

from typing import Any

from nndiag.remedies.contract import Case, Changes, remedy
from nndiag.remedies.target_kind import TargetKind, task_of

_CROSS_ENTROPIES = ("binary_cross_entropy", "softmax_cross_entropy")
_FEWEST_UNITS, _MOST_UNITS, _WIDER = 8, 256, 4
_WIDE_ENOUGH = 64
_DEEP = 4  # hidden layers
_HIDDEN_UNITS = 16
_NARROWER, _NARROW_ENOUGH = 8, 16
_LESS, _HALF = 0.25, 0.5  # of the dropout; and the usual share


@remedy("biases", cures=["missing-biases", "unscaled-inputs", "stalled-convergence"])
def biases(case: Case) -> Changes | None:
    """Give every layer biases.

    Source: Bishop 1995, "Neural Networks for Pattern Recognition", section 3.1.
    """
    if all(case.built.shape.biases):
        return None
    layers = case.layers
    network: dict[str, Any] = {"bias": True}
    if any(layer.pop("bias", True) is False for layer in layers):
        network["layers"] = layers
    return {"network": network}


@remedy(
    "linear-output",
    cures=[
        "targets-outside-output-range",
        "loss-does-not-fit-output",
        "constant-predictions",
        "dead-units",
        "saturated-units",
    ],
    group="output",
)
def linear_output(case: Case) -> Changes | None:
    """Make the output layer linear.

    Source: Bishop 1995, "Neural Networks for Pattern Recognition", section 6.1: sums of squares go
    with linear outputs.
    """
    if case.activations[-1] == "linear" or case.settings["loss"]["name"] in _CROSS_ENTROPIES:
        return None
    if task_of(case) not in (TargetKind.VALUES, TargetKind.SIGNED):
        return None
    layers = case.layers
    layers[-1]["activation"] = {"name": "linear"}
    return {"network": {"layers": layers}}


@remedy(
    "tanh-units",
    cures=[
        "no-nonlinearity",
        "dead-units",
        "vanishing-gradients",
        "saturated-units",
        "stalled-convergence",
        "saddle-point",
    ],
    price=2,
    group="activation",
)
def tanh_units(case: Case) -> Changes | None:
    """Use tanh in the hidden layers.

    Source: LeCun et al. 1998, "Efficient BackProp", section 4.4.
    """
    return _with_hidden(case, "tanh")


@remedy(
    "relu-units",
    cures=["no-nonlinearity", "vanishing-gradients", "saturated-units"],
    price=2,
    group="activation",
)
def relu_units(case: Case) -> Changes | None:
    """Use ReLU in the hidden layers.

    Source: Glorot, Bordes and Bengio 2011, section 3.
    """
    return _with_hidden(case, "relu")


@remedy("leaky-relu-units", cures=["dead-units"], price=2, group="activation")
def leaky_relu_units(case: Case) -> Changes | None:
    """Use leaky ReLU, which cannot die, in the hidden layers.

    Source: Maas, Hannun and Ng 2013, section 2.
    """
    return _with_hidden(case, "leaky_relu") if "relu" in case.activations[:-1] else None


@remedy(
    "wider-layers",
    cures=[
        "too-few-units",
        "poor-local-minimum",
        "dead-units",
        "saddle-point",
        "dropout-too-strong",
    ],
    price=2,
    group="width",
)
def wider_layers(case: Case) -> Changes | None:
    """Give the hidden layers four times as many units, at least eight.

    Source: Li et al. 2018, "Visualizing the loss landscape", section 6: width smooths it.
    """
    layers = case.layers
    hidden = layers[:-1]
    if not hidden or min(layer["units"] for layer in hidden) >= _WIDE_ENOUGH:
        return None
    for layer in hidden:
        units = max(_WIDER * layer["units"], _FEWEST_UNITS)
        layer["units"] = max(min(units, _MOST_UNITS), layer["units"])
    return {"network": {"layers": [_without_values(layer) for layer in layers]}}


@remedy("narrower-layers", cures=["overfitting"], price=2, group="width")
def narrower_layers(case: Case) -> Changes | None:
    """Give the hidden layers an eighth of their units, where examples are held out.

    Source: Bishop 1995, "Neural Networks for Pattern Recognition", section 9.1.
    """
    layers = case.layers
    if case.built.validation is None or max(_units(layers[:-1]), default=0) < _NARROW_ENOUGH:
        return None
    for layer in layers[:-1]:
        layer["units"] = max(layer["units"] // _NARROWER, 2)
    return {"network": {"layers": [_without_values(layer) for layer in layers]}}


@remedy("no-dropout", cures=["dropout-too-strong"])
def no_dropout(case: Case) -> Changes | None:
    """Drop nothing.

    Source: Srivastava et al. 2014, section 7.3: a high share leaves too few units to learn with.
    """
    return _with_dropout(case, 0.0) if case.built.shape.drops else None


@remedy("less-dropout", cures=["dropout-too-strong"])
def less_dropout(case: Case) -> Changes | None:
    """Lower the dropout to a quarter.

    It needs validation examples, which show what that does.

    Source: Srivastava et al. 2014, section 7.3.
    """
    if case.built.validation is None or not case.built.shape.drops:
        return None
    return _with_dropout(case, _LESS)


@remedy("dropout", cures=["overfitting"], price=2)
def dropout(case: Case) -> Changes | None:
    """Drop half of the hidden values, where examples are held out.

    Source: Srivastava et al. 2014, section 7.3: half is near the best for wide layers.
    """
    layers = case.layers
    hidden = layers[:-1]
    if case.built.validation is None or case.built.shape.drops:
        return None
    if max(_units(hidden), default=0) < _NARROW_ENOUGH:
        return None
    for layer in hidden:
        layer["dropout"] = _HALF
    return {"network": {"layers": layers}}


@remedy("hidden-layer", cures=["no-nonlinearity", "too-few-units"], price=2)
def hidden_layer(case: Case) -> Changes | None:
    """Put a hidden layer of tanh units before the output layer.

    Source: Minsky and Papert 1969; Cybenko 1989: one hidden layer is enough, none is not.
    """
    layers = case.layers
    if len(layers) > 1:
        return None
    hidden = {"units": _HIDDEN_UNITS, "activation": {"name": "tanh"}}
    return {"network": {"layers": [hidden, _without_values(layers[0])]}}


@remedy("fewer-layers", cures=["vanishing-gradients", "exploding-gradients"], price=2)
def fewer_layers(case: Case) -> Changes | None:
    """Keep two hidden layers.

    Source: Bengio, Simard and Frasconi 1994: what depth does to gradients.
    """
    layers = case.layers
    if len(layers) - 1 < _DEEP:
        return None
    kept = [layers[0], layers[1], layers[-1]]
    return {"network": {"layers": [_without_values(layer) for layer in kept]}}


def _with_hidden(case: Case, activation: str) -> Changes | None:
    """The hidden layers with one activation; None where they have it, or there are none."""
    hidden = case.activations[:-1]
    if not hidden or set(hidden) == {activation}:
        return None
    layers = case.layers
    for layer in layers[:-1]:
        layer["activation"] = {"name": activation}
    return {"network": {"layers": layers}}


def _with_dropout(case: Case, factor: float) -> Changes:
    """The layers with so much of their dropout."""
    layers = case.layers
    for layer in layers:
        if layer.get("dropout"):
            layer["dropout"] = factor * layer["dropout"]
    return {"network": {"layers": layers}}


def _units(layers: list[dict[str, Any]]) -> list[int]:
    return [layer["units"] for layer in layers]


def _without_values(layer: dict[str, Any]) -> dict[str, Any]:
    """A layer without weights of its own, which would no longer fit."""
    return {key: value for key, value in layer.items() if key not in ("weights", "biases")}

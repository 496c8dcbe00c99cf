"""Settings of the run that no other fact tells."""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.trace import Trace


def optimizer_setting(trace: Trace, name: str) -> float | None:
    """A number in the optimizer's section of the config; None where there is none."""
    value = _setting(trace, "optimizer", name)
    return float(value) if isinstance(value, int | float) else None


def order_of_examples(trace: Trace) -> str | None:
    """How the examples are dealt out to the steps; None where that is not known."""
    value = _setting(trace, "training", "order")
    return value if isinstance(value, str) else None


def first_is_normalised(trace: Trace) -> bool:
    """Whether the first layer has batch normalisation, so that the scale of inputs is no matter."""
    network = trace.facts.settings.get("network")
    layers = network.get("layers") if isinstance(network, dict) else None
    first = layers[0] if isinstance(layers, list) and layers else None
    return isinstance(first, dict) and first.get("batch_norm") is True


def weight_decays(trace: Trace) -> FloatArray:
    """The weight decay of each layer, shape (L,): its own, else the optimizer's."""
    network = trace.facts.settings.get("network")
    layers = network.get("layers", ()) if isinstance(network, dict) else ()
    shared = optimizer_setting(trace, "weight_decay") or 0.0
    own = [layer.get("weight_decay") for layer in layers if isinstance(layer, dict)]
    own = own or [None] * max(len(trace.layers), 1)
    return np.array([shared if decay is None else float(decay) for decay in own])


def _setting(trace: Trace, section: str, name: str) -> object:
    part = trace.facts.settings.get(section)
    return part.get(name) if isinstance(part, dict) else None

"""Remedies that change where training starts."""

from nndiag.remedies.contract import Case, Changes, remedy

_RECTIFIED = ("relu", "leaky_relu", "elu", "gelu", "softplus")
_OWN = ("initializer", "weights", "bias_initializer", "biases")
_FIXED = ("zeros", "constant")


@remedy(
    "fitting-initializer",
    cures=[
        "identical-units",
        "weights-too-large",
        "weights-too-small",
        "saturated-units",
        "vanishing-gradients",
        "exploding-gradients",
        "dead-units",
        "saddle-point",
    ],
)
def fitting_initializer(case: Case) -> Changes | None:
    """Draw the weights as suits the activations: He for ReLU, Glorot for others.

    Source: Glorot and Bengio 2010, equation 16; He et al. 2015, equation 10.
    """
    hidden = case.activations[:-1] or case.activations
    wanted = "he_uniform" if any(name in _RECTIFIED for name in hidden) else "glorot_uniform"
    network, layers = case.settings["network"], case.layers
    changes = {"initializer": {"name": wanted, "gain": 1.0}, "bias_initializer": {"name": "zeros"}}
    own = any(key in layer for layer in layers for key in _OWN)
    as_wanted = all(
        layer.get(key, network[key]) == start for layer in layers for key, start in changes.items()
    )
    if as_wanted and not any("weights" in layer or "biases" in layer for layer in layers):
        return None
    if not own:
        return {"network": changes}
    for layer in layers:
        for key in _OWN:
            layer.pop(key, None)
    return {"network": {**changes, "layers": layers}}


@remedy("another-seed", cures=["poor-local-minimum", "dead-units", "saddle-point"])
def another_seed(case: Case) -> Changes | None:
    """Start from other random weights.

    Source: Choromanska et al. 2015, section 5: small networks have poor minima, large ones hardly.
    """
    network = case.settings["network"]
    drawn = [
        layer.get("initializer", network["initializer"])["name"]
        for layer in network["layers"]
        if "weights" not in layer
    ]
    if not set(drawn) - set(_FIXED):
        return None
    return {"network": {"seed": network.get("seed", case.settings["seed"]) + 1}}

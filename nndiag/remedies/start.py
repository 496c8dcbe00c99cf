"""Remedies that change where training starts."""

from nndiag.analysis.variation import length_of_variation
from nndiag.remedies.contract import Case, Changes, remedy

_RECTIFIED = ("relu", "leaky_relu", "elu", "gelu", "softplus")
_OWN = ("initializer", "weights", "bias_initializer", "biases")
_FIXED = ("zeros", "constant")
_SHORT = 0.4  # std of the inputs; a sine of 1.5 periods over a uniform column has 0.38
_STEEPNESS = 0.5  # std of first weights × length of variation: a unit turns within that length
_REACH = 1.75  # std from the mean up to which units turn; a uniform column ends at 1.73


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


@remedy("steep-first-layer", cures=["too-few-units", "stalled-convergence"], price=2)
def steep_first_layer(case: Case) -> Changes | None:
    """Begin with tanh units in the first layer that are as steep as the targets vary.

    The inputs are standardized for that. Usual weights begin with units that turn once over all
    inputs; targets that go up and down several times look like noise to them.

    Source: Tancik et al. 2020, "Fourier features let networks learn high frequency functions in
    low dimensional domains", sections 4 and 5; the factors are ours.
    """
    layers = case.layers
    length = length_of_variation(case.raw_inputs, case.built.training[1])
    if len(layers) < 2 or length is None or length > _SHORT or "weights" in layers[0]:
        return None
    weight = float(f"{3**0.5 * _STEEPNESS / length:.2g}")  # a uniform's std is its end / √3
    bias = float(f"{_REACH * weight * case.raw_inputs.shape[1] ** 0.5:.2g}")
    first = {
        "activation": {"name": "tanh"},
        "initializer": {"name": "uniform", "low": -weight, "high": weight},
        "bias_initializer": {"name": "uniform", "low": -bias, "high": bias},
    }
    if first.items() <= layers[0].items():
        return None
    layers[0] |= first
    return {"dataset": {"scale_inputs": "standardize"}, "network": {"layers": layers}}


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

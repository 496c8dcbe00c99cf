"""Remedies that change the optimizer and its rate. Those with a rate come after all others."""

import math

import numpy as np

from nndiag.nn.network import examples, loss_and_gradient
from nndiag.remedies.contract import Case, Changes, remedy

_BELOW = 0.5  # of the stability limit: room for the curvature to grow while training
_NEAR = 0.8  # of the stability limit: a rate above this is not below it
_FACTOR = 10.0
_LARGEST_ADAPTIVE_RATE = 0.1
_ADAM_RATE, _ADAM_LEEWAY = 0.01, 4.0  # a rate within this factor is as good
_MOST_MOMENTUM = 0.9
_DECAY = 0.01
_BLOW_UP = [
    "exploding-loss",
    "exploding-gradients",
    "non-finite-values",
]


@remedy(
    "no-weight-decay",
    cures=["weight-decay-too-strong", "constant-predictions", "stalled-convergence"],
)
def no_weight_decay(case: Case) -> Changes | None:
    """Leave the weights undecayed.

    Source: Krogh and Hertz 1992: decay pulls every weight towards zero.
    """
    layers = case.settings["network"]["layers"]
    written = case.settings["optimizer"].get("weight_decay")
    if any(layer.get("weight_decay") for layer in layers):
        none = [{**layer, "weight_decay": 0.0} for layer in layers]
        return {"network": {"layers": none}, "optimizer": {"weight_decay": 0.0}}
    return {"optimizer": {"weight_decay": 0.0}} if written else None


@remedy("weight-decay", cures=["overfitting"], blind=True)
def weight_decay(case: Case) -> Changes | None:
    """Let the weights decay.

    It needs validation examples, which show what that does.

    Source: Krogh and Hertz 1992.
    """
    if case.built.validation is None or case.built.optimizer.decays:
        return None
    return {"optimizer": {"weight_decay": _DECAY}}


@remedy("constant-rate", cures=["learning-rate-too-small", "not-enough-steps"])
def constant_rate(case: Case) -> Changes | None:
    """Leave the learning rate undecayed, and without a schedule.

    Source: Robbins and Monro 1951: rates whose sum stays finite need not arrive.
    """
    optimizer = case.built.optimizer
    decayed: Changes = {"decay": 0.0} if optimizer.decay else {}
    scheduled: Changes = {} if optimizer.schedule is None else {"schedule": None}
    return {"optimizer": {**decayed, **scheduled}} if decayed or scheduled else None


@remedy(
    "less-momentum",
    cures=["learning-rate-above-stability-limit", "oscillating-loss", *_BLOW_UP],
)
def less_momentum(case: Case) -> Changes | None:
    """Momentum 0.9.

    Source: Sutskever et al. 2013, section 2: more needs a matching rate and many more steps.
    """
    if case.built.optimizer.momentum <= _MOST_MOMENTUM:
        return None
    return {"optimizer": {"momentum": _MOST_MOMENTUM}}


@remedy(
    "no-clipping",
    cures=["gradient-clipped-too-hard", "learning-rate-too-small", "not-enough-steps"],
)
def no_clipping(case: Case) -> Changes | None:
    """Leave the gradient unclipped.

    Source: Pascanu, Mikolov and Bengio 2013, section 3.2: a low threshold shortens every step.
    """
    return {"optimizer": {"clip_norm": None}} if case.built.optimizer.clip_norm else None


@remedy("clipped-gradient", cures=_BLOW_UP, price=2, blind=True)
def clipped_gradient(case: Case) -> Changes | None:
    """Clip the gradient to the norm that it has before the first step.

    Source: Pascanu, Mikolov and Bengio 2013, section 3.2.
    """
    built = case.built
    if built.optimizer.clip_norm is not None or built.optimizer.adaptive:
        return None
    with np.errstate(all="ignore"):
        data = examples(built.shape, *built.training)
        norm = float(np.linalg.norm(loss_and_gradient(built.shape, built.parameters, data)[1]))
    if not 0 < norm < np.inf:
        return None
    return {"optimizer": {"clip_norm": _rounded(norm)}}


@remedy(
    "adam",
    cures=[
        "learning-rate-too-small",
        "vanishing-gradients",
        "stalled-convergence",
        "saddle-point",
        "not-enough-steps",
    ],
    price=2,
    group="rate",
)
def adam(case: Case) -> Changes | None:
    """Use Adam at rate 0.01.

    Source: Kingma and Ba 2015; the rate is ours, for networks of this size.
    """
    rate, factor = case.built.optimizer.learning_rate, _ADAM_LEEWAY
    usual = _ADAM_RATE / factor <= rate <= _ADAM_RATE * factor
    if case.built.optimizer.name == "adam" and usual:
        return None
    return {"optimizer": {"name": "adam", "learning_rate": _ADAM_RATE}}


@remedy(
    "rate-below-limit",
    cures=["learning-rate-above-stability-limit", "oscillating-loss", *_BLOW_UP],
    group="rate",
    last=True,
)
def rate_below_limit(case: Case) -> Changes | None:
    """Lower the learning rate to half of the stability limit.

    Source: LeCun et al. 1998, "Efficient BackProp", section 5.1: stable below 2/λ_max.
    """
    rate, stability_limit = case.built.optimizer.learning_rate, case.facts.stability_limit
    if stability_limit is None or rate <= _NEAR * stability_limit:
        return None
    return {"optimizer": {"learning_rate": _rounded(_BELOW * stability_limit)}}


@remedy(
    "smaller-rate",
    cures=[
        "learning-rate-above-stability-limit",
        "oscillating-loss",
        "noisy-steps",
        "dead-units",
        "saturated-units",
        *_BLOW_UP,
    ],
    group="rate",
    last=True,
    blind=True,
)
def smaller_rate(case: Case) -> Changes | None:
    """A tenth of the learning rate.

    Source: Bengio 2012, "Practical recommendations", section 3.1.
    """
    return {"optimizer": {"learning_rate": case.built.optimizer.learning_rate / _FACTOR}}


@remedy(
    "much-smaller-rate",
    cures=["learning-rate-above-stability-limit", "dead-units", *_BLOW_UP],
    price=2,
    group="rate",
    last=True,
)
def much_smaller_rate(case: Case) -> Changes | None:
    """A hundredth of the learning rate.

    Source: Bengio 2012, "Practical recommendations", section 3.1.
    """
    return {"optimizer": {"learning_rate": case.built.optimizer.learning_rate / _FACTOR**2}}


@remedy(
    "rate-near-limit",
    cures=["learning-rate-too-small", "not-enough-steps"],
    group="rate",
    last=True,
)
def rate_near_limit(case: Case) -> Changes | None:
    """Raise the learning rate to half of the stability limit.

    Source: LeCun et al. 1998, "Efficient BackProp", section 5.1: the fastest rate is 1/λ_max.
    """
    rate, stability_limit = case.built.optimizer.learning_rate, case.facts.stability_limit
    if stability_limit is None or _BELOW * stability_limit < 2 * _FACTOR * rate:
        return None
    return {"optimizer": {"learning_rate": _rounded(_BELOW * stability_limit)}}


@remedy(
    "larger-rate",
    cures=[
        "learning-rate-too-small",
        "not-enough-steps",
        "stalled-convergence",
        "saddle-point",
        "vanishing-gradients",
    ],
    group="rate",
    last=True,
    blind=True,
)
def larger_rate(case: Case) -> Changes | None:
    """Ten times the learning rate, or up to half of the stability limit.

    Source: Bengio 2012, "Practical recommendations", section 3.1: the best rate is near the
    largest that does not diverge.
    """
    rate, stability_limit = case.built.optimizer.learning_rate, case.facts.stability_limit
    if case.built.optimizer.adaptive:
        wanted = min(_FACTOR * rate, _LARGEST_ADAPTIVE_RATE)
    else:
        wanted = min(
            _FACTOR * rate, _BELOW * stability_limit if stability_limit is not None else np.inf
        )
    return {"optimizer": {"learning_rate": _rounded(wanted)}} if wanted >= 2 * rate else None


def _rounded(number: float) -> float:
    """A number with two significant digits, rounded down so that a bound holds."""
    unit = 10.0 ** (math.floor(math.log10(number)) - 1)
    return float(f"{math.floor(number / unit * (1 + 1e-12)) * unit:.1e}")

"""The weight decay holds the weights back from where the loss leads.

What it sees
    A run at whose end the pull of the decay on the weights is as strong as that of the loss, and
    moving along it would be worth a good part of the loss; or weights that the decay has shrunk to
    next to nothing.

Why it matters
    With decay the run comes to rest where both pulls balance, not where the loss is smallest. It
    looks converged, at a floor that the network does not have. With Adam and RMSprop the decay is
    divided by the size of the gradients as well: where these are small, weights shrink by the
    learning rate in every step, however small the decay is. `adamw` decays by the weights alone.

Fires when
    The run did not learn, and at its end the decay's pull, decay × weights, is within a factor of
    `balance` of the loss's gradient while decay × weights² exceeds `cost` × the loss (with `adamw`:
    it came to rest, and decay × weights exceeds `cost` in some layer, in root mean square); or
    every layer but the last has shrunk below `shrunk` × its first size, by steps whose decay adds
    up to that; or, where biases do not decay and are part of that size, predictions and gradients
    have fallen to a thousandth of what they were, though no units are dead or saturated.

Silent when
    The run learned or diverged; there is no decay; most units of a hidden layer are lost from the
    start; the loss pulls much harder than it, as before a run comes to rest, or much less.

Thresholds
    balance = 2, cost = 0.1, shrunk = 0.1: ours. At rest both pulls are equal, but for the noise of
    the steps, which adds to the gradient: the calmest of the last ones counts. Usual decays, below
    1e-3, cost less than a hundredth.

Fixes
    Less decay, or none; with Adam `adamw`.

Source
    Krogh and Hertz 1992, A simple weight decay can improve generalization; Loshchilov and Hutter
    2019, Decoupled weight decay regularization, sec. 2, for Adam.
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.bounds import Positive, Share
from nndiag.detectors.contract import Findings, Stage, detector
from nndiag.detectors.run_summary import RunSummary, course_of
from nndiag.detectors.settings import weight_decays
from nndiag.detectors.unit_shares import begins_beyond
from nndiag.finding import Evidence, Finding, Outcome, Skipped
from nndiag.formatting import chosen, rough
from nndiag.trace import Trace

PROBLEM = "weight-decay-too-strong"
_LAST = 3  # records that are looked at
_HALVED = 3.0  # rate × decay × steps from which on e⁻³ of a weight is left, if nothing else pulls
_SILENT = 1e-3  # of what predictions and gradients were at first
_MOST = 0.5  # of the units of a layer


@detector(PROBLEM, stage=Stage.RULE, series=("weight_norm", "gradient_norm"), facts=("settings",))
def weight_decay_too_strong(
    trace: Trace, *, balance: Positive = 2.0, cost: Positive = 0.1, shrunk: Share = 0.1
) -> Findings:
    """The weight decay holds the weights back from where the loss leads."""
    decay = weight_decays(trace)
    if not decay.any():
        return Skipped(PROBLEM, "there is no weight decay")
    course = course_of(trace)
    if course.severity is None or course.outcome is Outcome.DIVERGED:
        return []
    if begins_beyond(trace, "saturated_share", "dead_share", hidden=True):
        return []
    decoupled = trace.facts.optimizer == "adamw"  # there the decay is no part of the gradient
    if decoupled:
        found = _beside_adam(trace, course, decay, limit=cost)
    else:
        found = _balanced(trace, course, decay, balance=balance, cost=cost)
    found = found or _shrunk(trace, decay, limit=shrunk) or _silenced(trace, decay)
    if found is None:
        return []
    message, evidence = found
    return [
        Finding(
            PROBLEM,
            course.severity,
            f"weight decay {chosen(float(decay.max()))} {message}",
            evidence=(evidence,),
        )
    ]


def _balanced(
    trace: Trace, course: RunSummary, decay: FloatArray, *, balance: float, cost: float
) -> tuple[str, Evidence] | None:
    """What is said of a decay that pulls as hard as the loss does, and at what cost."""
    gradients = trace.series.get("full_gradient_norm", trace.series["gradient_norm"]).values
    weights = trace.series["weight_norm"].values[-_LAST:]  # (N, L)
    pushes = np.linalg.norm(gradients[-_LAST:], axis=1)
    push, calmest = float(np.median(pushes)), float(pushes.min())  # noise of the steps adds to it
    pull = float(np.median(np.linalg.norm(decay * weights, axis=1)))
    cost_of_all = float(np.median((decay * weights**2).sum(axis=1)))
    worth = cost_of_all / max(abs(course.curve.final), 1e-300)
    if not pull <= balance * push or not calmest <= balance * pull or not worth > cost:
        return None
    message = (
        f"pulls the weights as hard as the loss does ({rough(pull)} and {rough(calmest)}): the run "
        "rests where both are equal, not where the loss is smallest"
    )
    return message, Evidence("weight_norm", observed=worth, limit=cost, measure="cost")


def _beside_adam(
    trace: Trace, course: RunSummary, decay: FloatArray, *, limit: float
) -> tuple[str, Evidence] | None:
    """What is said of a decay that takes a good part of what Adam's own steps can add."""
    layers = zip(trace.facts.initial_weights, trace.facts.layers, strict=False)
    counts = np.array([weights.size + len(weights) * layer.bias for weights, layer in layers])
    norms = trace.series["weight_norm"].values
    if course.outcome is Outcome.IMPROVING or len(counts) != norms.shape[1]:
        return None
    pull = float((decay * norms[-1] / np.sqrt(counts)).max())
    if not pull > limit:
        return None
    message = (
        f"takes {rough(pull)} × the learning rate from each weight in every step, where Adam's own "
        "steps are at most 1 × that: the run rests where both are equal, not where the loss is "
        "smallest"
    )
    return message, Evidence("weight_norm", observed=pull, limit=limit, measure="pull")


def _shrunk(trace: Trace, decay: FloatArray, *, limit: float) -> tuple[str, Evidence] | None:
    """What is said of a decay that has taken the weights away."""
    sizes, rate = trace.series["weight_norm"].values, trace.facts.learning_rate or 0.0
    if sizes.shape[1] < 2 or not (sizes[0] > 0).all() or rate * decay.max() * trace.steps < 1:
        return None
    shares = sizes[-1] / sizes[0]
    if not shares[:-1].max() < limit:
        return None
    message = (
        f"has shrunk the weights of every hidden layer to {rough(shares[:-1].max())} of their size"
    )
    return message, Evidence("weight_norm", float(shares[:-1].max()), limit, measure="rest")


def _silenced(trace: Trace, decay: FloatArray) -> tuple[str, Evidence] | None:
    """What is said of a decay that has taken the weights away and left the biases.

    Those are part of the recorded sizes. Nothing depends on the inputs then, so that the loss pulls
    at no weight; units that pass nothing on would be another reason.
    """
    spread, rate = trace.series.get("prediction_deviation"), trace.facts.learning_rate or 0.0
    if spread is None or rate * decay.max() * trace.steps < _HALVED or _has_lost_units(trace):
        return None
    gradients = trace.series.get("full_gradient_norm", trace.series["gradient_norm"]).values
    with np.errstate(all="ignore"):
        pushes = np.linalg.norm(gradients[[0, -1]], axis=1)
        shares = float(spread.values[-1] / spread.values[0]), float(pushes[1] / pushes[0])
    if not max(shares) < _SILENT:
        return None
    message = (
        "has taken the weights away: the predictions no longer depend on the inputs, and the loss "
        "no longer pulls at the weights"
    )
    return message, Evidence("prediction_deviation", shares[0], _SILENT, measure="rest")


def _has_lost_units(trace: Trace) -> bool:
    """Whether most units of a layer are dead or saturated at the end."""
    found = [trace.series[x] for x in ("dead_share", "saturated_share") if x in trace.series]
    return any(len(x.steps) and bool((x.values[-1] > _MOST).any()) for x in found)

"""From what was watched of a program to the trace of its run."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nndiag.analysis.curvature import curvature_at, sharpness
from nndiag.analysis.reference_fit import reference_fit
from nndiag.arrays import FloatArray
from nndiag.nn.initializers import INITIALIZERS
from nndiag.nn.losses import baseline
from nndiag.nn.network import loss, predicted
from nndiag.own_program.mirror import Mirror, Told
from nndiag.trace import Ending, Facts, Trace, TraceRecorder
from nndiag.trace.layout import ABSENT
from nndiag.training.facts import facts_of
from nndiag.training.probes import Probes

_SHARPNESS_EVERY = 4  # copies
_SHARPNESS_SECONDS = 0.02
_REFERENCE_SECONDS = 1.0
_GOOD = 0.1  # share of the best constant's loss below which no reference is needed
_SUITED = (3000, 4000)
_BOUNDED = frozenset({"tanh", "sigmoid", "linear", "softmax"})


def recorded(
    told: Told, mirror: Mirror | None, recorder: TraceRecorder, *, reference: bool = True
) -> Trace:
    """The trace of a program's run.

    Args:
        told: What was watched.
        mirror: The program's network, where it is known.
        recorder: Takes the record; its layers are those of `layer_names`.
        reference: Whether to fit the network anew where the run ended badly.
    """
    with np.errstate(all="ignore"):
        if mirror is None:
            recorder.record_facts(_bare_facts(told))
            _record_moves(told, recorder)
            _record_steps(told, recorder, _groups(told, None), {})
            recorder.record_ending(Ending(_reason(told), _last_loss(told)))
        else:
            start = mirror.vector(told["copies"][0][1])
            recorder.record_facts(_facts(told, mirror, start))
            measured = _record_probes(told, mirror, recorder)
            _record_steps(told, recorder, _groups(told, mirror), measured)
            recorder.record_ending(_ending(told, mirror, start, reference=reference))
    return recorder.trace()


def layer_names(told: Told, mirror: Mirror | None) -> tuple[str, ...]:
    """What the rows of the record are called: the layers, or the parameters by themselves."""
    if mirror is not None:
        return mirror.names
    return tuple(name for name, _, _ in told["tensors"])


def _groups(told: Told, mirror: Mirror | None) -> list[list[int]]:
    """The parameters of each layer, as places in the rows."""
    places = {name: place for place, (name, _, _) in enumerate(told["tensors"])}
    if mirror is None:
        return [[place] for place in places.values()]
    return [
        [places[name] for name in (link["weights"], link["biases"]) if name is not None]
        for link in told["links"]
    ]


def _record_steps(
    told: Told,
    recorder: TraceRecorder,
    groups: list[list[int]],
    measured: Mapping[int, FloatArray],
) -> None:
    """Loss and gradient norms: moves over what a step is of the gradient.

    Where more than the gradient makes the step, norms are those that were measured at some steps.
    """
    rows, steps = told["rows"], told["steps"]
    if not len(rows):
        return
    norms = np.stack([np.linalg.norm(rows[:, 1:][:, group], axis=1) for group in groups], axis=1)
    if told.get("row_holds") == "gradients":
        norms = np.asarray(norms)
    elif _is_plain(told):
        norms = norms / told["scale"]
    else:
        norms = np.full_like(norms, ABSENT)
        for step, known in measured.items():
            if step <= steps[-1]:
                norms[np.searchsorted(steps, step)] = known
    recorder.record_steps(steps, _known_losses(rows[:, 0]), norms)


def _is_plain(told: Told) -> bool:
    """Whether a step is a multiple of the gradient alone."""
    if told.get("row_holds") == "gradients":
        return True
    more = told["adaptive"] or told["momentum"] or told.get("decay") or told.get("clip")
    return told["scale"] is not None and not more


def _known_losses(losses: FloatArray) -> FloatArray:
    """The losses, with those that were not computed taken from the last one that was."""
    known = ~np.isnan(losses)
    if known.all() or not known.any():
        return losses
    last = np.maximum.accumulate(np.where(known, np.arange(len(losses)), 0))
    final = int(np.flatnonzero(known)[-1])
    filled = losses[np.maximum(last, int(np.argmax(known)))]
    spacing = int(np.max(np.diff(np.flatnonzero(known)), initial=1))
    if len(losses) - 1 - final > spacing:
        filled[final + 1 :] = np.nan
    return np.asarray(filled)


def _record_moves(told: Told, recorder: TraceRecorder) -> None:
    """How far each step moved each parameter, where no more is known of them."""
    names = [name for name, _, _ in told["tensors"]]
    for (step, copy), moves in zip(told["copies"], told["moves"], strict=False):
        norms = np.array([np.linalg.norm(copy[name]) for name in names])
        recorder.record_probe(step, {"weight_norm": norms, "update_ratio": moves / norms})


def _record_probes(told: Told, mirror: Mirror, recorder: TraceRecorder) -> dict[int, FloatArray]:
    """What the network does on all examples at the copied parameters; step → gradient norms."""
    full = mirror.built(mirror.vector(told["copies"][0][1]), steps=1).batch_size is None
    plain = full and _is_plain(told)
    probes = Probes(mirror.shape, training=mirror.data, validation=None, exact=plain)
    groups, vector, norms = _groups(told, mirror), None, {}
    for count, ((step, copy), moves) in enumerate(zip(told["copies"], told["moves"], strict=False)):
        parameters = mirror.vector(copy)
        if not np.isfinite(parameters).all():
            break
        measured = probes.measure(parameters)
        moved = np.array([np.linalg.norm(moves[group]) for group in groups])
        measured["update_ratio"] = moved / np.asarray(measured["weight_norm"])
        measured |= rate_at(told, step)
        if not plain:
            norms[int(step)] = np.asarray(measured["full_gradient_norm"])
        if count % _SHARPNESS_EVERY == 0 and not told["adaptive"]:
            found = sharpness(
                mirror.descended,
                parameters,
                mirror.data,
                start=vector,
                seconds=_SHARPNESS_SECONDS,
            )
            vector, measured["sharpness"] = found.vector, found.value
        recorder.record_probe(step, measured)
    return norms


def rate_at(told: Told, step: int) -> dict[str, float]:
    """The learning rate in force at a step, where it is known to change."""
    rates = told.get("rates") or []
    known = [rate for first, rate in rates if first <= step]
    return {"learning_rate": known[-1]} if len(rates) > 1 and known else {}


def _facts(told: Told, mirror: Mirror, start: FloatArray) -> Facts:
    facts = facts_of(mirror.built(start, steps=told["count"]))
    known = told["rate"] is not None or told["scale"] is not None
    right = told["scale"] is not None or told["adaptive"]
    own = dict(told.get("settings") or {})
    rule = {"weight_decay": told.get("decay"), "clip_norm": told.get("clip")}
    return replace(
        facts,
        settings={"optimizer": own | {name: value for name, value in rule.items() if value}},
        baseline_loss=baseline(mirror.shape.loss, mirror.data.targets),
        optimizer=_optimizer(told),
        learning_rate=facts.learning_rate if known else None,
        stability_limit=facts.stability_limit if right and known else None,
        noise_limit=facts.noise_limit if right and known else None,
        total_steps=told["count"],
    )


def _bare_facts(told: Told) -> Facts:
    rate, curvature, scale = told["rate"], told["curvature"], told["scale"]
    value = scale if rate is None or (scale is not None and not told["right"]) else rate[1]
    known = value is not None and curvature is not None
    return Facts(
        optimizer=_optimizer(told),
        learning_rate=value,
        total_steps=told["count"],
        initial_sharpness=curvature / value if known else None,
        stability_limit=2 * value / curvature if known else None,
    )


def _optimizer(told: Told) -> str:
    if "settings" in told:
        return str(told["settings"]["name"])
    if told["adaptive"]:
        return "adaptive"
    return "momentum" if told["momentum"] else "gradient descent"


def _ending(told: Told, mirror: Mirror, start: FloatArray, *, reference: bool) -> Ending:
    """What is measured at the program's last parameters."""
    parameters = mirror.vector(_final(told))
    reason = _reason(told)
    if not np.isfinite(parameters).all():
        return Ending("non-finite", np.nan)
    final = float(loss(mirror.shape, parameters, mirror.data))
    if not np.isfinite(final):
        return Ending("non-finite", final)
    curvature = curvature_at(mirror.shape, parameters, mirror.data)
    ending = Ending(
        reason,
        final,
        predicted(mirror.shape, parameters, mirror.data).T,
        newton_decrement=curvature.newton_decrement,
        smallest_eigenvalue=curvature.smallest,
        largest_eigenvalue=curvature.largest,
    )
    constant = baseline(mirror.shape.loss, mirror.data.targets)
    if not reference or reason != "finished" or final <= _GOOD * abs(constant):
        return ending
    starts = {"end": parameters, **starting(mirror, start)}
    fit = reference_fit(mirror.shape, starts, mirror.data, seconds=_REFERENCE_SECONDS)
    return replace(ending, reference_loss=fit.loss, reference_loss_from_end=fit.losses.get("end"))


def starting(mirror: Mirror, start: FloatArray) -> dict[str, FloatArray]:
    """Where a fit of a program's network begins: at its own start, and at others that suit it.

    Args:
        mirror: The network.
        start: Its parameters before the first step, shape (P,).
    """
    return {"start": start} | {f"suited {x}": _suited(mirror, seed=x) for x in _SUITED}


def _suited(mirror: Mirror, *, seed: int) -> FloatArray:
    """Glorot's weights for bounded activations, He's for others, and no biases, shape (P,)."""
    rng = np.random.default_rng(seed)
    parameters = np.zeros(mirror.shape.size)
    parts = mirror.shape.weights_and_biases(parameters)
    for activation, (weights, _) in zip(mirror.activations, parts, strict=True):
        name = "glorot_normal" if activation in _BOUNDED else "he_normal"
        weights[...] = INITIALIZERS.get(name)()(rng, *weights.shape)
    return parameters


def _final(told: Told) -> Mapping[str, FloatArray]:
    final: Mapping[str, FloatArray] = told["final"] or told["copies"][-1][1]
    return final


def _last_loss(told: Told) -> float:
    losses = _known_losses(told["rows"][:, 0]) if len(told["rows"]) else np.array([np.nan])
    return float(losses[-1])


def _reason(told: Told) -> str:
    """How the run ended, as `Ending` names it."""
    if told["reason"] == "finished" and not np.isfinite(_last_loss(told)):
        return "non-finite"
    return "non-finite" if told["reason"] == "failed" else str(told["reason"])

"""From what was watched of a program to the trace of its run."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nndiag.analysis.curvature import curvature_at, sharpness
from nndiag.analysis.reference_fit import reference_fit
from nndiag.arrays import FloatArray
from nndiag.nn.initializers import INITIALIZERS
from nndiag.nn.losses import baseline
from nndiag.nn.network import loss, predicted
from nndiag.own_program.mirror import Mirror, Told, last_loss
from nndiag.trace import Ending, Facts, Trace, TraceRecorder
from nndiag.trace.layout import ABSENT
from nndiag.training.facts import facts_of
from nndiag.training.probes import Probes

_SHARPNESS_EVERY = 4  # copies
_SHARPNESS_SECONDS = 0.02
_REFERENCE_SECONDS = 1.0
_GOOD = 0.1  # share of the best constant's loss below which no reference is needed
_MIXED, _SUITED = (1000, 2000), (3000, 4000)
"""Seeds of other starts."""
_BOUNDED = frozenset({"tanh", "sigmoid", "linear", "softmax"})


class Recording:
    """The record of a program's training, taken as it goes on.

    Args:
        told: What was watched until now: the first step, at least.
        mirror: The program's network, where it is known.
        recorder: Takes the record; its layers are those of `layer_names`.
    """

    def __init__(self, told: Told, mirror: Mirror | None, recorder: TraceRecorder) -> None:
        self._mirror, self._recorder = mirror, recorder
        self._groups = _groups(told, mirror)
        self._rows = self._copies = 0
        self._last, self._spacing = np.nan, 1
        self._measured: dict[int, FloatArray] = {}
        self._probed = None if mirror is None else _Probed(told, mirror, self._groups)
        with np.errstate(all="ignore"):
            facts = _bare_facts(told) if mirror is None else _facts(told, mirror)
        self._facts = facts
        recorder.record_facts(facts)

    def take(self, told: Told) -> None:
        """Record what is new in all that was seen until now.

        Steps behind the last loss that is known wait for the next one.
        """
        with np.errstate(all="ignore"):
            self._take_copies(told)
            known = np.flatnonzero(~np.isnan(told["rows"][self._rows :, 0]))
            if len(known):
                self._take_rows(told, int(known[-1]) + 1)

    def ended(self, told: Told, *, reference: bool = True) -> Trace:
        """Record the rest, and what was measured at the last parameters.

        Args:
            told: All that was watched.
            reference: Whether to fit the network anew where the run ended badly.
        """
        self.take(told)
        with np.errstate(all="ignore"):
            self._take_rows(told, len(told["rows"]) - self._rows)
            lengths = {"total_steps": told["count"], "steps_per_epoch": told["per_epoch"]}
            self._recorder.record_facts(replace(self._facts, **lengths))
            trace = self._recorder.trace()
            last = float(trace.loss[-1]) if trace.steps else np.nan
            ending = Ending(_reason(told, last), last)
            if self._mirror is not None:
                ending = _ending(told, self._mirror, ending.reason, reference=reference)
            ending = replace(ending, settled_since=told.get("settled_since"))
            self._recorder.record_ending(ending)
        return replace(trace, ending=ending)

    def _take_copies(self, told: Told) -> None:
        copies, moves = told["copies"][self._copies :], told["moves"][self._copies :]
        for (step, copy), moved in zip(copies, moves, strict=False):
            if self._probed is None:
                values = _moved(told, copy, moved)
            elif self._probed.is_finite(copy):
                values = self._probed.measured(copy, moved)
                self._measured[int(step)] = np.asarray(values.get("full_gradient_norm", np.nan))
            else:
                break
            self._recorder.record_probe(step, {**values, **rate_at(told, step)})
            self._copies += 1

    def _take_rows(self, told: Told, count: int) -> None:
        """Loss and gradient norms: moves over what a step is of the gradient.

        Where more than the gradient makes the step, norms are those measured at some steps.
        """
        if not count:
            return
        chosen = slice(self._rows, self._rows + count)
        rows, steps = told["rows"][chosen], told["steps"][chosen]
        norms = np.stack(
            [np.linalg.norm(rows[:, 1:][:, group], axis=1) for group in self._groups], axis=1
        )
        if told.get("row_holds") != "gradients" and _is_plain(told):
            norms = norms / told["scale"]
        elif told.get("row_holds") != "gradients":
            norms = np.full_like(norms, ABSENT)
            for step in [x for x in self._measured if x <= steps[-1]]:
                norms[np.searchsorted(steps, step)] = self._measured.pop(step)
        self._recorder.record_steps(steps, self._known_losses(rows[:, 0]), norms)
        self._rows += count

    def _known_losses(self, losses: FloatArray) -> FloatArray:
        """The losses, with those that were not computed taken from the last one that was."""
        places = np.flatnonzero(~np.isnan(losses))
        if not len(places):  # the end of the run
            filled = np.full(len(losses), self._last)
            return filled if len(losses) <= self._spacing else np.asarray(losses)
        self._spacing = int(np.max(np.diff(places), initial=max(self._spacing, places[0] + 1)))
        before = losses[places[0]] if np.isnan(self._last) else self._last
        last = np.maximum.accumulate(np.where(~np.isnan(losses), np.arange(len(losses)), 0))
        filled = losses[last]
        filled[: places[0]] = before
        self._last = float(losses[places[-1]])
        return np.asarray(filled)


class _Probed:
    """What a network does on all examples at copied parameters."""

    def __init__(self, told: Told, mirror: Mirror, groups: list[list[int]]) -> None:
        full = mirror.built(_start(told, mirror), steps=1).batch_size is None
        exact = full and _is_plain(told)
        self._mirror, self._groups, self._adaptive = mirror, groups, told["adaptive"]
        self._probes = Probes(mirror.shape, training=mirror.data, validation=None, exact=exact)
        self._vector: FloatArray | None = None
        self._count = 0

    def is_finite(self, copy: Mapping[str, FloatArray]) -> bool:
        """Whether parameters can be probed."""
        return bool(np.isfinite(self._mirror.vector(copy)).all())

    def measured(
        self, copy: Mapping[str, FloatArray], moves: FloatArray
    ) -> dict[str, float | FloatArray]:
        """The values of the probes."""
        parameters = self._mirror.vector(copy)
        measured = self._probes.measure(parameters)
        moved = np.array([np.linalg.norm(moves[group]) for group in self._groups])
        measured["update_ratio"] = moved / np.asarray(measured["weight_norm"])
        if self._count % _SHARPNESS_EVERY == 0 and not self._adaptive:
            found = sharpness(
                self._mirror.descended,
                parameters,
                self._mirror.data,
                start=self._vector,
                seconds=_SHARPNESS_SECONDS,
            )
            self._vector, measured["sharpness"] = found.vector, found.value
        self._count += 1
        return measured


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


def _is_plain(told: Told) -> bool:
    """Whether a step is a multiple of the gradient alone."""
    if told.get("row_holds") == "gradients":
        return True
    more = told["adaptive"] or told["momentum"] or told.get("decay") or told.get("clip")
    return told["scale"] is not None and not more


def _moved(
    told: Told, copy: Mapping[str, FloatArray], moves: FloatArray
) -> dict[str, float | FloatArray]:
    """How far a step moved each parameter, where no more is known of them."""
    norms = np.array([np.linalg.norm(copy[name]) for name, _, _ in told["tensors"]])
    return {"weight_norm": norms, "update_ratio": moves / norms}


def rate_at(told: Told, step: int) -> dict[str, float]:
    """The learning rate in force at a step, where it is known to change."""
    rates = told.get("rates") or []
    known = [rate for first, rate in rates if first <= step]
    return {"learning_rate": known[-1]} if len(rates) > 1 and known else {}


def _start(told: Told, mirror: Mirror) -> FloatArray:
    """The parameters before the first step, shape (P,)."""
    return mirror.vector(told["copies"][0][1])


def _facts(told: Told, mirror: Mirror) -> Facts:
    facts = facts_of(mirror.built(_start(told, mirror), steps=1))
    known = told["rate"] is not None or told["scale"] is not None
    steady = told["scale"] is not None and not math.isnan(told["momentum"])
    right = steady or told["adaptive"]
    own = dict(told.get("settings") or {})
    rule = {
        "weight_decay": told.get("decay"),
        "clip_norm": told.get("clip"),
        "momentum": told["momentum"] if told["momentum"] > 0 else 0.0,
    }
    return replace(
        facts,
        settings={
            "optimizer": own | {name: value for name, value in rule.items() if value},
            "training": {"order": "sequential"} if told.get("in_order") else {},
        },
        baseline_loss=baseline(mirror.shape.loss, mirror.data.targets),
        optimizer=_optimizer(told),
        learning_rate=facts.learning_rate if known else None,
        stability_limit=facts.stability_limit if right and known else None,
        noise_limit=facts.noise_limit if right and known else None,
        total_steps=None,
    )


def _bare_facts(told: Told) -> Facts:
    rate, curvature, scale = told["rate"], told["curvature"], told["scale"]
    value = scale if rate is None or (scale is not None and not told["right"]) else rate[1]
    known = value is not None and curvature is not None and not math.isnan(told["momentum"])
    return Facts(
        optimizer=_optimizer(told),
        learning_rate=value,
        initial_sharpness=curvature / value if known else None,
        stability_limit=2 * (1 + told["momentum"]) * value / curvature if known else None,
    )


def _optimizer(told: Told) -> str:
    if "settings" in told:
        return str(told["settings"]["name"])
    if told["adaptive"]:
        return "adaptive"
    return "momentum" if told["momentum"] else "gradient descent"


def _ending(told: Told, mirror: Mirror, reason: str, *, reference: bool) -> Ending:
    """What is measured at the program's last parameters."""
    parameters = mirror.vector(_final(told))
    if not np.isfinite(parameters).all():
        return Ending("non-finite", np.nan)
    final = float(loss(mirror.shape, parameters, mirror.data))
    if not np.isfinite(final):
        return Ending("non-finite", final)
    curvature = curvature_at(mirror.shape, parameters, mirror.data)
    ending = Ending(
        reason,
        last_loss(told) if mirror.guarded else final,
        predicted(mirror.shape, parameters, mirror.data).T,
        newton_decrement=curvature.newton_decrement,
        smallest_eigenvalue=curvature.smallest,
        largest_eigenvalue=curvature.largest,
    )
    constant = baseline(mirror.shape.loss, mirror.data.targets)
    if not reference or reason != "finished" or final <= _GOOD * abs(constant):
        return ending
    starts = {"end": parameters, **starting(mirror, _start(told, mirror))}
    fit = reference_fit(mirror.shape, starts, mirror.data, seconds=_REFERENCE_SECONDS)
    return replace(ending, reference_loss=fit.loss, reference_loss_from_end=fit.losses.get("end"))


def starting(mirror: Mirror, start: FloatArray) -> dict[str, FloatArray]:
    """Where a fit of a program's network begins: at its own start, at the like, at what suits it.

    Args:
        mirror: The network.
        start: Its parameters before the first step, shape (P,).
    """
    starts = {"start": start} | {f"mixed {x}": _mixed(mirror, start, seed=x) for x in _MIXED}
    return starts | {f"suited {x}": _suited(mirror, seed=x) for x in _SUITED}


def _mixed(mirror: Mirror, start: FloatArray, *, seed: int) -> FloatArray:
    """The starting weights of each layer in another order, as by another seed, shape (P,)."""
    rng, parameters = np.random.default_rng(seed), start.copy()
    for weights, _ in mirror.shape.weights_and_biases(parameters):
        weights[...] = rng.permutation(weights.ravel()).reshape(weights.shape)
    return parameters


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


def _reason(told: Told, last: float) -> str:
    """How the run ended, as `Ending` names it."""
    if told["reason"] == "finished" and not np.isfinite(last):
        return "non-finite"
    return "non-finite" if told["reason"] == "failed" else str(told["reason"])

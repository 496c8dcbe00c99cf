"""From what was watched of a script to the trace of its run, whatever its network is."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nndiag.analysis.curvature import stability_limit_of
from nndiag.arrays import FloatArray
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.own_program.mirror import Mirror, Told
from nndiag.own_program.record import Recording, rate_at
from nndiag.program.network.losses import TOTALS
from nndiag.trace import Ending, Facts, Trace, TraceRecorder

_MOST_COLUMNS = 4096  # of inputs that are looked at one by one
_MOST_ROWS = 20_000


def layers_of(told: Told, mirror: Mirror | None) -> tuple[str, ...]:
    """What the columns of the record are called."""
    return _groups(told)[0] if mirror is None else mirror.names


class ScriptRecording(Recording):
    """The record of a script's run, whatever its network is; it is taken when it has ended."""

    def __init__(self, recorder: TraceRecorder) -> None:
        self._recorder = recorder

    def take(self, told: Told) -> None:
        """Nothing: what is what is known at the end."""

    def ended(self, told: Told, *, reference: bool = True) -> Trace:
        """Record all; arguments as for a program's."""
        with np.errstate(all="ignore"):
            self._recorder.record_facts(_facts(told))
            _record_steps(told, self._recorder)
            _record_probes(told, self._recorder)
            self._recorder.record_ending(_ending(told))
        return self._recorder.trace()


def _groups(told: Told) -> tuple[tuple[str, ...], list[list[int]]]:
    """The names of the layers, and the places of their parameters in a row."""
    places = {name: place for place, (name, _, _) in enumerate(told["tensors"])}
    names = tuple(
        group[0].rpartition(".")[0] or group[0] if len(group) > 1 else group[0]
        for group in told["groups"]
    )
    return names, [[places[name] for name in group] for group in told["groups"]]


def _record_steps(told: Told, recorder: TraceRecorder) -> None:
    rows, groups = told["rows"], _groups(told)[1]
    if not len(rows):
        return
    norms = [np.linalg.norm(rows[:, 1:][:, group], axis=1) for group in groups]
    block = np.stack(norms, axis=1) if norms else np.zeros((len(rows), 0))
    if not told["stepped"]:
        block = np.full_like(block, np.nan)
    recorder.record_steps(told["steps"], rows[:, 0], block)


def _record_probes(told: Told, recorder: TraceRecorder) -> None:
    names, (_, groups) = [x for x, _, _ in told["tensors"]], _groups(told)
    units = dict(told["units"])
    for (step, copy), moves in zip(told["copies"], told["moves"], strict=False):
        sizes = np.array([np.linalg.norm(copy[name]) for name in names])
        weights = np.array([np.linalg.norm(sizes[group]) for group in groups])
        moved = np.array([np.linalg.norm(moves[group]) for group in groups])
        measured: dict[str, FloatArray | float] = {
            "weight_norm": weights,
            "update_ratio": moved / np.where(weights > 0, weights, np.nan),
            **rate_at(told, step),
        }
        for name, values in units.get(step, {}).items():
            if not np.isnan(values).all():
                measured[name] = values
        recorder.record_probe(step, measured)


def _facts(told: Told) -> Facts:
    end, settings = told["end"], told["settings"]
    rate, sharpness = told["rate"], told["sharpness"]
    inputs, targets = told["data"] or (None, end.get("targets"))
    if end and inputs is not None:
        inputs, targets = inputs[: len(end["targets"])], end["targets"]
    if inputs is not None and (inputs.shape[1] > _MOST_COLUMNS or len(inputs) > _MOST_ROWS):
        inputs = None
    return Facts(
        inputs=inputs,
        targets=targets,
        loss=told["kind"],
        baseline_loss=_baseline(told),
        optimizer=settings["name"],
        learning_rate=None if rate is None else rate[1],
        batch_size=told["batch"],
        total_steps=told["count"],
        settings={"optimizer": dict(settings)},
        surrogate=told["surrogate"],
        initial_sharpness=sharpness,
        stability_limit=None if sharpness is None else _limit(settings, sharpness),
    )


def _limit(settings: Mapping[str, Any], sharpness: float) -> float | None:
    """The largest stable rate of an optimizer that scales all parameters alike."""
    if settings["adaptive"]:
        return None
    own = {name: settings[name] for name in ("momentum", "nesterov")}
    return stability_limit_of(OPTIMIZERS.get("sgd")(learning_rate=1.0, **own), sharpness)


def _baseline(told: Told) -> float | None:
    """The loss of the best constant, on the scale of the script's."""
    end: Mapping[str, FloatArray] = told["end"]
    if not end or told["kind"] is None:
        return None
    targets = end["targets"]
    constant = np.broadcast_to(targets.mean(axis=0), targets.shape)
    if told["kind"] == "mean_absolute_error":
        constant = np.broadcast_to(np.median(targets, axis=0), targets.shape)
    return float(told["factor"] * TOTALS[told["kind"]](constant, targets) * end["share"])


def _ending(told: Told) -> Ending:
    losses = told["rows"][:, 0] if len(told["rows"]) else np.array([np.nan])
    end = told["end"]
    last = float(end["loss"]) if end else float(losses[-1])
    reason = told["reason"] if np.isfinite(last) else "non-finite"
    return Ending(reason, last, end["predictions"] if end else None)

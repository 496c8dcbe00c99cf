"""The task that runs a script with torch: watch one training, and tell what is what in it.

What it gives and sends is plain data and numpy arrays, in the form that a program's is told in.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nndiag.errors import Problem, UserCodeError
from nndiag.program.child.agent import Send
from nndiag.program.child.plain import from_plain
from nndiag.program.execution.host import Host
from nndiag.program.execution.sandbox import sandbox
from nndiag.program.running.watching import other_seeds
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import Source, read_source
from nndiag.pytorch.faults import measured
from nndiag.pytorch.watching.calling import called
from nndiag.pytorch.watching.comparison import compared
from nndiag.pytorch.watching.data import Data, data_of
from nndiag.pytorch.watching.failure import ended_by
from nndiag.pytorch.watching.fits import by_heart
from nndiag.pytorch.watching.hooks import hooked
from nndiag.pytorch.watching.iteration import Iteration
from nndiag.pytorch.watching.measures import at_end, is_affordable, sharpness, theta_of, units_of
from nndiag.pytorch.watching.network import Network, network_of, samples, settings_of
from nndiag.pytorch.watching.replay import CannotReplayError
from nndiag.pytorch.watching.run import Run

Array = Any

_OLDEST = (2, 0)
_BREAKING = "undefined-operation"
_KEPT = 3  # trainings of a script, beside its last
_FEW = 5  # first probes, which are one step apart
_STEADY = 0.02  # how much single precision lets the rate of steps vary


def watch(request: Mapping[str, Any], send: Send) -> dict[str, Any]:
    """Watch one training of a script.

    Args:
        request: `settings`, and where wanted `text` (what to run in the place of the file's text),
            `steps`, `seconds`, `shift` (added to its seeds), `factor` (of its learning rates),
            `check` (whether to hold its gradients against differences of the loss), `handful`
            (whether to fit a few examples) and `brief` (whether to tell of the losses only).
        send: Called with "step" and the number of steps and the loss, now and then.

    Raises:
        UserCodeError: The script cannot be run, or makes no training step.
    """
    settings = from_plain(CodeSettings, request["settings"])
    source = read_source(settings.path or Path())
    if request.get("text") is not None:
        source = source.with_text(request["text"])
    _check_version(source)
    shift = int(request.get("shift", 0))
    watcher = _Watcher(checking=bool(request.get("check")), fitting=bool(request.get("handful")))
    with sandbox(source.path), np.errstate(all="ignore"), other_seeds(shift):
        began = time.perf_counter()
        run, failure = _trained(source, request, watcher, send)
        seconds = time.perf_counter() - began
        if request.get("brief"):
            return {"losses": np.zeros(0) if run.rows is None else run.rows.values[:, 0]}
        if not run.count and (not run.unstepped or (failure and not watcher.faults)):
            raise failure or UserCodeError(
                Problem(
                    f"{source.name}: no training step was seen",
                    got="torch is imported, and nothing calls backward()",
                    hint="run the file that trains",
                )
            )
        _see_where_it_breaks(source, request, watcher, send)
        about = {
            "seconds": seconds,
            "failure": None if failure is None else ended_by(failure, source, watcher.iterations),
            "text": source.text,
            "trainings": [*run.lengths, run.count],
        }
        earlier = [{**x.told(source), **about, "failure": None} for x in watcher.earlier]
        return {**watcher.told(source), **about, "earlier": earlier}


def _trained(
    source: Source,
    request: Mapping[str, Any],
    watcher: _Watcher,
    send: Send,
    *,
    also: tuple[int, ...] = (),
) -> tuple[Run, UserCodeError | None]:
    """One training, watched, and the error that ended it; `also`: further steps to record."""
    run = Run(
        source.name,
        probe=watcher.probe,
        steps=request.get("steps"),
        seconds=request.get("seconds"),
        told=lambda step, loss: send("step", {"step": step, "loss": loss}),
        finished=watcher.keep,
        also=also,
    )
    watcher.run = run
    run.factor = float(request.get("factor", 1.0))
    host, failure = Host(source), None
    with hooked(run, shift=int(request.get("shift", 0))):
        run.begin()
        try:
            host.run(None)
        except UserCodeError as error:
            failure = error
        run.end()
    return run, failure


def _see_where_it_breaks(
    source: Source, request: Mapping[str, Any], watcher: _Watcher, send: Send
) -> None:
    """Run a script whose loss stops being a number again, with the steps before it recorded."""
    rows = watcher.run.rows
    if rows is None or _BREAKING in watcher.faults or np.isfinite(rows.values[:, 0]).all():
        return
    first = int(np.argmin(np.isfinite(rows.values[:, 0])))
    again = _Watcher()
    told = {**request, "steps": first + 1}
    _trained(source, told, again, send, also=(max(first - 1, 0), first))
    if _BREAKING in again.faults:
        watcher.faults[_BREAKING] = again.faults[_BREAKING]


def _check_version(source: Source) -> None:
    numbers = tuple(int(x) for x in torch.__version__.split("+")[0].split(".")[:2])
    if numbers < _OLDEST:
        raise UserCodeError(
            Problem(
                f"{source.name} needs a newer torch to be watched",
                got=torch.__version__,
                allowed="2.0 or newer",
            )
        )


class _Watcher:
    """Keeps what the probes saw."""

    def __init__(self, *, checking: bool = False, fitting: bool = False) -> None:
        self.run: Any = None
        self._checking, self._fitting = checking, fitting
        self.earlier: list[_Watcher] = []
        self._anew()

    def _anew(self) -> None:
        """Nothing of a training is known."""
        self.compared: dict[str, dict[str, Any]] = {}
        self.sampled = False
        self.iterations: list[Iteration] = []
        self.faults: dict[str, list[dict[str, Any]]] = {}
        self.units: list[tuple[int, dict[str, Array]]] = []
        self.notes: list[str] = []

    def keep(self, done: Run) -> None:
        """Keep what was seen of a training, as another one begins."""
        kept = copy.copy(self)
        kept.run = done
        if len(self.earlier) < _KEPT:
            self.earlier.append(kept)
        self._anew()

    def probe(self, iteration: Iteration) -> None:
        """Take an iteration: the first two and the last are kept."""
        iteration.batch, iteration.names = self.run.last_batch, self.run.names
        try:
            self._measure(iteration)
        except Exception as error:  # the script must not fail of what is only measured
            self.notes.append(f"step {iteration.step} could not be measured: {error}"[:200])

    def _measure(self, iteration: Iteration) -> None:
        for name, seen in measured(iteration, self.run).items():
            self.faults.setdefault(name, []).append({"step": iteration.step, **seen})
        if self._checking and iteration.step <= 1 and iteration.taken:
            self.compared = compared(iteration, is_clipped=self.run.clip_norm is not None)
        self.sampled |= samples(iteration)
        self.units.append((iteration.step, units_of(iteration, self._groups())))
        self.iterations = [*self.iterations[:2], iteration]

    def _start(self, first: Iteration) -> dict[str, Any]:
        """The parameters that an iteration was made with."""
        copies = dict(self.run.copies)
        replay = first.replay
        return theta_of(replay, copies[first.step]) if first.step in copies else replay.start()

    def _surrogate(self) -> str | None:
        """Why the loss is no measure of what was learned; None where it is one."""
        if self.sampled:
            return "the loss weighs what the network drew at random by what came of it"
        stays = set(map(id, self.run.optimizers))
        moved = {movers & stays for movers, _ in self.run.moved}
        partly = {made & stays for movers, made in self.run.moved if made & stays < movers & stays}
        through = any(one < other for one in moved for other in moved if one)
        if through or len(partly - {frozenset()}) > 1:  # each leaves alone what its loss moves, too
            return "several optimizers work on losses of their own, one through what another moves"
        return None

    def _groups(self) -> list[list[str]]:
        """The parameters by the layer that they belong to."""
        groups: dict[str, list[str]] = {}
        for x in self.run.tracked:
            groups.setdefault(x.name.rpartition(".")[0] or x.name, []).append(x.name)
        return list(groups.values())

    def told(self, source: Source) -> dict[str, Any]:
        """All that is known, as plain data."""
        run = self.run
        network, data = Network(), None
        first = self.iterations[0] if self.iterations else None
        if first is not None and first.losses and not first.unconnected:
            theta = self._start(first)
            network = network_of(first, theta)
            data = data_of(self.iterations, network, run)
        final = run.final or (run.parameters() if run.count else None)
        settings = settings_of(run.leading)
        rate = run.rates[0][1] if run.rates else _rate_by_hand(run)
        told = {
            **_run_told(run, final),
            **self._network_told(network, data, settings),
            "faults": self.faults,
            "groups": self._groups(),
            "units": [list(item) for item in self.units],
            "settings": {**settings, "clip_norm": run.clip_norm},
            "decay": settings["weight_decay"],
            "optimizer": run.optimizer_names.get(id(run.leading), ""),
            "rates": [list(item) for item in run.rates],
            "rate": None if rate is None else ["lr", rate],
            "scale": rate,
            "family": network.family,
            "activation": network.activation,
            "surrogate": self._surrogate(),
            "sharpness": None,
            "handful": None,
            "end": {},
            "notes": list(dict.fromkeys([*run.notes, *self.notes])),
            "compared": self.compared,
            "model": run.models[0] if len(run.models) == 1 else "",
            "models": run.models,
            "backward_line": run.backward_line if first is None else first.backward_line,
            "step_line": first.step_line if first is not None else 0,
            "evaluated": run.evaluated_in_training,
            "scheduled": [list(item) for item in run.schedule.items()],
            "batched": any(len(x) > 1 for x in run.batches.values()),
            "epoch": max((len(x) for x in run.batches.values()), default=1),
            "optimizer_line": run.made_at.get(id(run.leading), 0),
            "renewed": run.renewed,
        }
        if first is not None and run.copies:
            self._add_measures(told, first, network, data, final)
        return told

    def _add_measures(
        self,
        told: dict[str, Any],
        first: Iteration,
        network: Network,
        data: Data | None,
        final: Any,
    ) -> None:
        """The curvature at the start, and what came out at the end."""
        batches = [{}] if data is None else data.batches
        replay = first.replay
        theta = self._start(first)
        if not replay.agrees(sum(first.amounts), theta):
            told["notes"].append("the loss cannot be computed again: no curvature")
            return
        try:
            if is_affordable(first, len(batches)):
                told["sharpness"] = sharpness(replay, theta, batches)
            else:
                told["notes"].append("the network is too large for its curvature")
        except CannotReplayError as error:
            told["notes"].append(f"no curvature: {error}"[:200])
        if data is not None and network.output is not None and final:
            if self._fitting:
                told["handful"] = by_heart(first, network, data, theta)
            told["end"] = at_end(first, network, data, final)

    def _network_told(
        self, network: Network, data: Data | None, settings: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What is what, as for a program."""
        first = self.iterations[0] if self.iterations else None
        pair, targets = None, None
        if data is not None and first is not None:
            with np.errstate(all="ignore"):
                targets = _targets(first, network, data, columns=_columns(first, network))
        if data is not None and data.inputs is not None and targets is not None:
            inputs = data.inputs.cpu().double().numpy()
            pair = [inputs.reshape(len(inputs), -1), targets]
        links = network.links if pair is not None else []
        return {
            "links": links,
            "output": None
            if network.compared is None
            else {
                "activation": network.activation,
                "made": network.made,
                "slope": links[-1]["slope"] if links else None,
                "line": network.compared.line,
                "target": "",
            },
            "kind": network.kind if targets is not None else None,
            "factor": network.factor,
            "data": pair,
            "whole": None if data is None else data.whole,
            "batch": None if data is None else data.batch,
            "loss": [
                "loss" if network.compared is None else network.compared.name,
                True,
                network.compared.line if network.compared is not None else 0,
            ],
            "right": True,
            **called(data, self.run),
            "curvature": None,
            "momentum": settings["momentum"],
            "adaptive": settings["adaptive"],
            "loop": "",
            "loop_line": first.step_line if first is not None else 0,
        }


def _columns(iteration: Iteration, network: Network) -> int:
    output = iteration.tensor(network.output or 0)
    return int(output.shape[-1]) if output.dim() > 1 else 1


def _targets(iteration: Iteration, network: Network, data: Data, *, columns: int) -> Array | None:
    from nndiag.pytorch.watching.network import targets_of  # noqa: PLC0415

    return targets_of(iteration, network, columns=columns, target=data.targets)


def _rate_by_hand(run: Run) -> float | None:
    """What the steps of a script without an optimizer are of the gradient; None for no multiple."""
    if run.rows is None or run.lead is not None or not run.moves:
        return None
    count = min(len(run.moves), _FEW)
    norms, moves = run.rows.values[:count, 1:], np.array(run.moves[:count])
    loud = (norms > 0) & np.isfinite(norms) & np.isfinite(moves)
    ratios = moves[loud] / norms[loud]
    if not len(ratios) or np.ptp(ratios) > _STEADY * ratios.max() or not ratios.max() > 0:
        return None
    return float(np.median(ratios))


def _run_told(run: Run, final: Any) -> dict[str, Any]:
    """The steps."""
    rows = np.zeros((0, 1 + len(run.tracked)))
    steps = np.zeros(0, dtype=np.int64)
    if run.rows is not None:
        rows, steps = run.rows.values, run.rows.steps
    elif run.unstepped:
        rows = np.zeros((len(run.unstepped), 1 + len(run.tracked)))
        rows[:, 0] = run.unstepped
        steps = np.arange(len(rows))
    broken = len(rows) > 0 and not np.isfinite(rows[-1, 0])
    lines: dict[str, list[int]] = {}
    return {
        "tensors": [[x.name, list(x.tensor.shape), lines.get(x.name, [])] for x in run.tracked],
        "steps": steps,
        "rows": rows,
        "row_holds": "gradients",
        "copies": [list(copy) for copy in run.copies],
        "moves": run.moves,
        "final": final,
        "count": run.count,
        "reason": "non-finite" if broken else "finished",
        "per_epoch": None,
        "stepped": run.count > 0,
    }

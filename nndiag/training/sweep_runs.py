"""Many short runs of one network at many learning rates, in blocks that fit the cache.

All runs of one seed start from the same weights and see the same examples in the same order; they
differ in their learning rate only. A network whose loss is lost leaves its block.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nndiag.arrays import FloatArray, IntArray
from nndiag.nn.folding import evaluated_start
from nndiag.nn.losses import baseline
from nndiag.nn.network import Architecture, examples, loss
from nndiag.nn.optimizers import Optimizer
from nndiag.nn.stack import Stack
from nndiag.nn.step_plan import Block
from nndiag.training.probes import Probes
from nndiag.training.schedule import Batches

_LOST = 1e12  # a loss of this many times its start does not come back; 400-fold did, once
_BLOCK_VALUES = 85_000  # activations of a block's step: 4 networks of 1-100-1 on 200 examples
_MOST_NETWORKS = 256
_LOOK = 32  # steps between two looks at the losses
_CURVE_POINTS = 40
_TAIL = 0.2  # the last share of a run, in which swings are measured
_END = 0.05  # the last share of a run, whose mean is its final loss
_END_POINTS = 10  # points at which it is measured, where the steps' own losses are of batches
_ROSE = 3.0  # a run whose loss once was this many times its start's is looked into at its end


@dataclass(frozen=True, eq=False)
class SweepTask:
    """What is trained again and again.

    Attributes:
        shape: The network.
        optimizer: The optimizer, whose learning rate is not looked at.
        inputs: Training inputs, shape (B, D).
        targets: Training targets, shape (B, O).
        batches: How examples are dealt out.
        starts: Seed → initial parameters as drawn, shape (P,). A seed also orders the examples.
        steps: Steps of a run, unless told otherwise.
    """

    shape: Architecture
    optimizer: Optimizer
    inputs: FloatArray
    targets: FloatArray
    batches: Batches
    starts: dict[int, FloatArray]
    steps: int

    @property
    def exact(self) -> bool:
        """Whether each step's loss is that of the whole network over all training examples."""
        return self.batches.full and not self.shape.drops


@dataclass(frozen=True, eq=False)
class ShortRun:
    """One short run.

    Attributes:
        rate: Its learning rate.
        seed: Its seed.
        initial: Loss over all training examples before the first step.
        reference: Loss of the mean baseline.
        steps: Steps at which `curve` was recorded, shape (C,).
        curve: Loss over all training examples there; NaN after it was lost.
        final: Loss at the end: the geometric mean over the last twentieth of the run; inf where it
            was lost.
        peak: Largest loss over all training examples, where it was measured.
        lost_at: Step at which the loss was no longer finite, or beyond 1e12 × its start; None
            where that did not happen.
        swing: Share of the loss's movement over the last fifth of the run that went up: 0 where it
            fell all the way, ½ where it swings; 0 for mini-batches, whose losses differ anyway.
        amplitude: Largest over smallest loss there, minus 1.
        flat_share: Share of units, in the hidden layer that has most of them, that are saturated
            or dead at the end; None where it was not looked at.
        computed: Whether it was computed from a run at a larger rate, see `sweep_flow`.
    """

    rate: float
    seed: int
    initial: float
    reference: float
    steps: IntArray
    curve: FloatArray
    final: float
    peak: float
    lost_at: int | None
    swing: float
    amplitude: float
    flat_share: float | None
    computed: bool = False


def blocks_of(
    task: SweepTask, pairs: Sequence[tuple[float, int]], *, workers: int
) -> list[list[tuple[float, int]]]:
    """Pairs (rate, seed), cut into blocks that are trained together.

    A block holds neighbouring rates, so that its networks are lost at about the same time. With
    mini-batches or dropout it holds one seed, which orders the examples and draws what is dropped.
    """
    batch = task.batches.examples if task.batches.full else task.batches.size
    fitting = max(1, _BLOCK_VALUES // (batch * sum(task.shape.units)))
    fair = -(-len(pairs) // (2 * workers))
    size = max(1, min(fitting, fair, _MOST_NETWORKS))
    groups = [sorted(pairs)]
    if not task.exact:
        seeds = sorted({seed for _, seed in pairs})
        groups = [sorted(pair for pair in pairs if pair[1] == seed) for seed in seeds]
    return [group[start : start + size] for group in groups for start in range(0, len(group), size)]


def train_block(
    task: SweepTask,
    pairs: Sequence[tuple[float, int]],
    *,
    steps: int,
    stopped: Callable[[], bool],
    ahead: int = 0,
) -> list[ShortRun]:
    """Train one block to its end.

    Args:
        task: What is trained.
        pairs: Rate and seed of each network.
        steps: Steps of each run.
        stopped: Asked between blocks of steps; once it says yes, only those come back that have
            been lost already.
        ahead: Steps of all blocks that this process will train.
    """
    with np.errstate(all="ignore"):
        block = _Block(replace(task, steps=steps), pairs, ahead=max(ahead, steps))
        while not block.finished:
            if stopped():
                return [run for run in block.runs() if run.lost_at is not None]
            block.advance()
        return block.runs()


class _Block:
    """K networks in training, of which some have been lost.

    Everything recorded is by network, shape (K, …); `_alive` are those still in the stack.
    """

    def __init__(self, task: SweepTask, pairs: Sequence[tuple[float, int]], *, ahead: int) -> None:
        count = len(pairs)
        self._task, self._pairs = task, pairs
        self._data = examples(task.shape, task.inputs, task.targets)
        self._alive = np.arange(count)
        self._stack = Stack(
            task.shape,
            np.stack([task.starts[seed] for _, seed in pairs]),
            optimizer=task.optimizer,
            inputs=task.inputs,
            targets=task.targets,
            rates=np.array([rate for rate, _ in pairs]),
            threads=1,
            steps=ahead,
            seed=pairs[0][1],
        )
        self._batches = task.batches.rows(np.random.default_rng([pairs[0][1], 2]))
        self._pending: IntArray = np.zeros((0, 1), np.int64)
        self._reference = baseline(task.shape.loss, self._data.targets)
        starts = {
            seed: evaluated_start(task.shape, x, self._data) for seed, x in task.starts.items()
        }
        seeds = {seed: float(loss(task.shape, starts[seed], self._data)) for _, seed in pairs}
        self._initial = np.array([seeds[seed] for _, seed in pairs])
        self._limit = _LOST * np.maximum(np.abs(self._initial), abs(self._reference))
        self._steps = _curve_steps(task.steps, measured=not task.exact)
        self._curve = np.full((count, len(self._steps)), np.nan)
        self._peak = self._initial.copy()
        self._lost_at = np.full(count, -1)
        self._last = np.full(count, np.nan)
        self._rises, self._falls = np.zeros(count), np.zeros(count)
        self._lowest, self._highest = np.full(count, np.inf), np.full(count, -np.inf)
        self._logs, self._log_count = np.zeros(count), 0

    @property
    def finished(self) -> bool:
        """Whether all steps are taken, or no network is left."""
        return self._stack.step >= self._task.steps or not len(self._alive)

    def advance(self) -> None:
        """Take some steps, note what they recorded, and let go of what was lost."""
        first = self._stack.step
        if not self._task.exact:
            self._measure(first)
            losses = self._take(self._steps_ahead(first)).losses
        else:
            losses = self._stack.run(steps=min(_LOOK, self._task.steps - first)).losses
            self._peak[self._alive] = np.fmax(self._peak[self._alive], losses.max(axis=0))
            self._note(first, losses)
        self._let_go(first, losses)

    def runs(self) -> list[ShortRun]:
        """What became of the networks."""
        final = np.full(len(self._pairs), np.inf)
        flat: dict[int, float] = {}
        if len(self._alive):
            parameters = self._stack.parameters
            last = self._losses(parameters)
            self._logs[self._alive] += np.log(np.maximum(last, np.finfo(float).tiny))
            ends = np.exp(self._logs[self._alive] / (self._log_count + 1))
            final[self._alive] = np.where(np.isfinite(ends) & np.isfinite(last), ends, np.inf)
            self._curve[self._alive, -1] = last
            flat = self._flat_shares(parameters)
        return [
            self._run(index, final=float(final[index]), flat=flat) for index in range(len(final))
        ]

    def _run(self, index: int, *, final: float, flat: dict[int, float]) -> ShortRun:
        rate, seed = self._pairs[index]
        moved = self._rises[index] + self._falls[index]
        lost = int(self._lost_at[index])
        low, high = self._lowest[index], self._highest[index]
        return ShortRun(
            rate=rate,
            seed=seed,
            initial=float(self._initial[index]),
            reference=float(self._reference),
            steps=self._steps,
            curve=self._curve[index],
            final=final,
            peak=float(self._peak[index]),
            lost_at=(self._task.steps if not np.isfinite(final) else None) if lost < 0 else lost,
            swing=float(self._rises[index] / moved) if moved > 0 else 0.0,
            amplitude=float(high / low - 1) if 0 < low <= high else 0.0,
            flat_share=flat.get(index),
        )

    def _note(self, first: int, losses: FloatArray) -> None:
        """Exact steps: their losses (n, k) are those over all training examples."""
        task, alive = self._task, self._alive
        count = len(losses)
        wanted = np.flatnonzero((self._steps >= first) & (self._steps < first + count))
        self._curve[np.ix_(alive, wanted)] = losses[self._steps[wanted] - first].T
        tail = losses[max(0, int(task.steps * (1 - _TAIL)) - first) :]
        if len(tail):
            moves = np.diff(np.concatenate([self._last[None, alive], tail]), axis=0)
            self._rises[alive] += np.nansum(np.maximum(moves, 0.0), axis=0)
            self._falls[alive] += np.nansum(np.maximum(-moves, 0.0), axis=0)
            self._lowest[alive] = np.fmin(self._lowest[alive], tail.min(axis=0))
            self._highest[alive] = np.fmax(self._highest[alive], tail.max(axis=0))
            self._last[alive] = tail[-1]
        end = losses[max(0, int(task.steps * (1 - _END)) - first) :]
        if len(end):
            self._logs[alive] += np.log(np.maximum(end, np.finfo(float).tiny)).sum(axis=0)
            self._log_count += len(end)

    def _measure(self, step: int) -> None:
        """Other steps: the losses over all training examples, where the curve wants them."""
        at = np.flatnonzero(self._steps == step)
        if not len(at):
            return
        losses = self._losses(self._stack.parameters)
        self._curve[self._alive, at[0]] = losses
        self._peak[self._alive] = np.fmax(self._peak[self._alive], losses)
        if step >= self._task.steps * (1 - _END):
            self._logs[self._alive] += np.log(np.maximum(losses, np.finfo(float).tiny))
            self._log_count += 1

    def _let_go(self, first: int, losses: FloatArray) -> None:
        """Networks whose loss is not finite, or beyond all bounds, leave the stack."""
        bad = ~(np.abs(losses) <= self._limit[self._alive])
        lost = bad.any(axis=0)
        if not lost.any():
            return
        gone = self._alive[lost]
        self._lost_at[gone] = first + np.argmax(bad[:, lost], axis=0)
        self._peak[gone] = np.inf
        self._alive = self._alive[~lost]
        if len(self._alive):
            self._stack.keep(~lost)

    def _losses(self, parameters: FloatArray) -> FloatArray:
        """Losses of networks (k, P) over all training examples, some networks at a time."""
        some = max(1, _BLOCK_VALUES // (self._data.count * sum(self._task.shape.units)))
        parts = [parameters[start : start + some] for start in range(0, len(parameters), some)]
        return np.concatenate([loss(self._task.shape, part, self._data) for part in parts])

    def _flat_shares(self, parameters: FloatArray) -> dict[int, float]:
        """Network → share of flat units, for those whose loss rose or never fell."""
        chosen = [
            (index, row)
            for row, index in enumerate(self._alive.tolist())
            if self._peak[index] > _ROSE * self._initial[index]
            or not self._curve[index, -1] < 0.9 * self._initial[index]
        ]
        if not chosen or self._task.shape.layers < 2:
            return {}
        probes = Probes(self._task.shape, training=self._data, validation=None, exact=True)
        return {index: flat_share(probes, parameters[row]) for index, row in chosen}

    def _steps_ahead(self, first: int) -> int:
        """Steps up to the next point of the curve, or to the next look."""
        later = self._steps[self._steps > first]
        return int(min(later[0] - first if len(later) else _LOOK, _LOOK))

    def _take(self, steps: int) -> Block:
        """At most that many steps; fewer where the batches of an epoch end."""
        if self._task.batches.full:
            return self._stack.run(steps=steps)
        if not len(self._pending):
            self._pending = next(self._batches)
        rows, self._pending = self._pending[:steps], self._pending[steps:]
        return self._stack.run(rows=rows)


def flat_share(probes: Probes, parameters: FloatArray) -> float:
    """Share of saturated or dead units in the hidden layer that has most of them."""
    measured = probes.measure(parameters)
    shares = np.stack([measured["saturated_share"], measured["dead_share"]])[:, :-1]
    return float(np.nanmax(shares)) if np.isfinite(shares).any() else 0.0


def step_seconds(task: SweepTask) -> float:
    """Estimated seconds of one step of one network on an ordinary core.

    Passes over the activations, products, and the calls of a block, shared by its networks; good
    to a factor of 2, which is enough to choose how many steps are affordable.
    """
    batch = task.batches.examples if task.batches.full else task.batches.size
    values = batch * sum(task.shape.units)
    networks = max(1, min(_BLOCK_VALUES // values, 16))
    return 2.5e-9 * values + 0.3e-9 * task.shape.size * batch + 4e-5 / networks


def _curve_steps(steps: int, *, measured: bool) -> IntArray:
    """Steps at which curves are recorded: 0, then evenly in log(step), and the last one.

    Args:
        steps: Steps of a run.
        measured: Whether each point costs a forward pass; then the end has points of its own.
    """
    spaced = np.round(np.geomspace(1, steps, _CURVE_POINTS))
    ends = np.linspace(steps * (1 - _END), steps, _END_POINTS + 1)[1 : -1 if measured else 1]
    return np.unique(np.concatenate([[0], spaced, np.round(ends), [steps]])).astype(np.int64)

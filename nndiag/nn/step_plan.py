"""The planned steps of a stack of networks for one batch size.

A step is planned as a flat list of numpy calls and executed as often as needed. Losses and
gradient norms cost almost nothing, because outputs and gradients of R steps go into a ring and are
summed up once per block. Batches of a block are gathered at once. Large full batches are split
into two shards, each worked through by a thread of its own in every step.
"""

from dataclasses import dataclass
from itertools import compress, pairwise

import numpy as np

from nndiag.arrays import FloatArray, IntArray
from nndiag.nn.calls import Array, Call, Do, buffer, constant, execute, later, minimum
from nndiag.nn.fusion import fused
from nndiag.nn.network import Architecture, Examples, backward, forward, workspace
from nndiag.nn.optimizers import Optimizer, Step
from nndiag.nn.scalar import ScalarStep, scalar_step
from nndiag.nn.second_thread import SecondThread
from nndiag.parallel import processors

_RING_VALUES = 32_768  # a ring of a quarter MiB stays in the second-level cache
_RING_STEPS = 64  # more steps' call objects no longer fit the caches
_SHARD_VALUES = 60_000  # activations per step above which a second thread pays
_SCALAR_AFTER = 1_000  # steps after which translating a tiny step pays


@dataclass(frozen=True, eq=False)
class Block:
    """What some consecutive steps recorded.

    Attributes:
        losses: Loss of each step's batch before its update, shape (n, K).
        gradient_norms: Norm of each layer's batch gradient, shape (n, K, L).
    """

    losses: FloatArray
    gradient_norms: FloatArray


class StepPlan:
    """The planned steps of a ring of R slots for one batch size.

    Attributes:
        slots: Number of steps R in the ring.
    """

    def __init__(
        self,
        shape: Architecture,
        *,
        parameters: Array,
        memory: list[Array],
        optimizer: Optimizer,
        data: Examples,
        batch: int | None,
        threads: int | None = None,
        random: np.random.Generator | None = None,
        steps: int = 0,
    ) -> None:
        lead = parameters.shape[:-1]
        whole = batch is None
        networks = lead[0] if lead else 1
        self._shape, self._parameters, self._memory = shape, parameters, memory
        self._random = random
        self._optimizer, self._batch = optimizer, data.count if batch is None else batch
        self.slots = self._ring_length(networks, whole)
        cuts = self._cuts(networks, whole, threads=threads or processors())
        self._shards = [
            Shard(
                shape,
                data,
                columns=slice(start, end),
                slots=self.slots,
                lead=lead,
                whole=whole,
            )
            for start, end in pairwise(cuts)
        ]
        self._gradients = buffer((self.slots, *parameters.shape))
        self._coefficients = np.ones(
            (self.slots, *optimizer.numbers(np.arange(1), np.ones(networks)).shape[1:])
        )
        self._scale = shape.loss.scale(shape.outputs, self._batch)
        # A plain step is linear in the gradient: there the scale goes into its coefficient.
        self._unit = self._scale if optimizer.linear else 1.0
        self._scratch = [buffer(parameters.shape) for _ in range(2)]
        self._calls: list[Call] = []
        self._helper: SecondThread | None = SecondThread() if len(self._shards) > 1 else None
        for slot in range(self.slots):
            self._plan_step(slot)
        self._calls = fused(self._calls, slots=self.slots, steps=steps)
        if self._helper is not None:
            self._helper.fuse(steps)
        self._per_step = len(self._calls) // self.slots
        self._taken = 0
        self._scalar: ScalarStep | None = None

    def run(self, coefficients: FloatArray, rows: IntArray | None) -> Block:
        """Take the steps that `coefficients` (n, C, K) is for, on the examples `rows`."""
        count = len(coefficients)
        self._coefficients[:count] = coefficients * self._unit
        if rows is not None:
            for shard in self._shards:
                shard.load(rows)
        if self._random is not None:
            self._draw(count, self._random)
        with np.errstate(all="ignore"):
            if not self._scalar_run(count):
                calls = self._calls[: count * self._per_step]
                if self._helper is None:
                    execute(calls)
                else:
                    self._helper.execute(calls, steps=count)
            return self._recorded(count)

    def _draw(self, count: int, random: np.random.Generator) -> None:
        """Draw the masks of `count` steps, step by step, whatever the ring's length."""
        shares = self._shape.dropout
        dropping = [units for units, share in zip(self._shape.units, shares, strict=True) if share]
        drawn = random.random((count, sum(dropping), self._batch), dtype=np.float32)
        layers = iter(np.split(drawn, np.cumsum(dropping)[:-1], axis=1))
        for layer, share in enumerate(shares):
            if share:
                kept = (next(layers) >= share) / (1 - share)
                for shard in self._shards:
                    shard.take_mask(layer, kept)

    def _scalar_run(self, count: int) -> bool:
        """Take the steps on plain floats, where that is faster; whether it was done."""
        before, self._taken = self._taken, self._taken + count
        if before < _SCALAR_AFTER <= self._taken:
            self._scalar = self._translated()
        if self._scalar is None or before < _SCALAR_AFTER:
            return False
        shard = self._shards[0]
        changing = (
            [self._coefficients]
            if shard.whole
            else [shard.inputs, shard.targets, self._coefficients]
        )
        rows = np.concatenate([part[:count].reshape(count, -1) for part in changing], axis=1)
        recorded = self._scalar.run(rows)
        if recorded is None:
            return False
        size = self._shape.size
        self._gradients[:count] = recorded[:, :size]
        shard.outputs[:count] = recorded[:, size:].reshape(shard.outputs[:count].shape)
        return True

    def _translated(self) -> ScalarStep | None:
        random = self._random is not None
        if (
            self._parameters.ndim > 1
            or self._helper is not None
            or random
            or any(self._shape.gains)
        ):
            return None
        shard = self._shards[0]
        changing = [] if shard.whole else [shard.inputs[0], shard.targets[0]]
        return scalar_step(
            self._calls[: self._per_step],
            state=[self._parameters, *self._memory],
            row=[*changing, self._coefficients[0]],
            recorded=[self._gradients[0], shard.outputs[0]],
            steps=self.slots,
        )

    def _recorded(self, count: int) -> Block:
        losses = self._scale * sum(shard.totals(self._shape, count) for shard in self._shards)
        squares = np.square(self._gradients[:count])
        norms = self._unit * np.sqrt(np.add.reduceat(squares, self._shape.offsets[:-1], axis=-1))
        return Block(np.reshape(losses, (count, -1)), norms.reshape(count, -1, self._shape.layers))

    def _plan_step(self, slot: int) -> None:
        do = later(self._calls)
        shape, gradient = self._shape, self._gradients[slot]
        matrices = shape.matrices(self._parameters)
        first, *others = self._shards
        if self._helper is not None:
            (other,) = others
            extra = buffer(gradient.shape)
            self._helper.begin(do)
            other.pass_through(
                later(self._helper.calls(slot)),
                shape,
                matrices,
                slot=slot,
                scale=self._scale / self._unit,
                gradients=shape.matrices(extra),
            )
        first.pass_through(
            do,
            shape,
            matrices,
            slot=slot,
            scale=self._scale / self._unit,
            gradients=shape.matrices(gradient),
        )
        if self._helper is not None:
            self._helper.end(do)
            do(np.add, gradient, extra, gradient)
        self._plan_update(do, gradient, slot=slot)

    def _plan_update(self, do: Do, gradient: Array, *, slot: int) -> None:
        """Clipping, weight decay and the optimizer's update."""
        optimizer, scratch, changed = self._optimizer, *self._scratch
        if optimizer.clip_norm is not None:
            factor = buffer((*gradient.shape[:-1], 1))
            do(np.multiply, gradient, gradient, scratch)
            do(np.add.reduce, scratch, -1, None, factor, True)
            do(np.sqrt, factor, factor)
            do(np.divide, constant(optimizer.clip_norm), factor, factor)
            do(minimum, factor, constant(1.0), factor)
            do(np.multiply, gradient, factor, changed)
            gradient = changed
        if optimizer.decays:
            decay = np.asarray(optimizer.weight_decay)
            do(np.multiply, self._parameters, decay, scratch)
            do(np.add, gradient, scratch, changed)
            gradient = changed
        coefficients = [
            self._coefficient(slot, index) for index in range(self._coefficients.shape[1])
        ]
        optimizer.update(do, Step(self._parameters, gradient, scratch, self._memory, coefficients))

    def _coefficient(self, slot: int, index: int) -> Array:
        """One coefficient of a step, as a view that broadcasts against the parameters."""
        values = self._coefficients[slot, index]  # (K,)
        one = self._parameters.ndim == 1
        coefficient: Array = values[0:1].reshape(()) if one else values[:, None]
        return coefficient

    def _ring_length(self, networks: int, whole: bool) -> int:
        kept = networks * (self._shape.size + self._shape.outputs * self._batch)
        if not whole:
            kept += self._batch * (self._shape.inputs + self._shape.outputs + 1)
        dropout = self._shape.dropout
        kept += self._batch * sum(compress(self._shape.units, dropout)) if dropout else 0
        return int(max(1, min(_RING_STEPS, _RING_VALUES // kept)))

    def _cuts(self, networks: int, whole: bool, *, threads: int) -> list[int]:
        """Where the batch is split: two shards if it is large and there are two threads."""
        values = networks * self._batch * sum(self._shape.units)
        together = not whole or any(self._shape.gains)  # statistics are those of the whole batch
        if together or values < _SHARD_VALUES or self._batch < 2 or threads < 2:
            return [0, self._batch]
        return [0, self._batch // 2, self._batch]


class Shard:
    """Some columns of every batch, with buffers for all slots of the ring.

    Attributes:
        whole: Whether every batch is the whole data set.
        inputs: Inputs of each slot, shape (R or 1, D or D + 1, b).
        outputs: Outputs of each slot, shape (R, …, O, b).
        targets: Targets of each slot, shape (R or 1, O, b).
    """

    def __init__(
        self,
        shape: Architecture,
        data: Examples,
        *,
        columns: slice,
        slots: int,
        lead: tuple[int, ...],
        whole: bool,
    ) -> None:
        width = columns.stop - columns.start
        held = 1 if whole else slots
        self.columns, self.whole, self._data = columns, whole, data
        if whole and width == data.count:
            self.inputs, self.targets = data.inputs[None], data.targets[None]
        else:
            self.inputs = buffer((held, len(data.inputs), width))
            self.targets = buffer((held, len(data.targets), width))
        if whole:
            self.inputs[0] = data.inputs[:, columns]
            self.targets[0] = data.targets[:, columns]
        self.outputs = buffer((slots, *lead, shape.outputs, width))
        shares = shape.dropout or (0.0,) * shape.layers
        self._masks = [
            buffer((slots, units, width)) if share else None
            for units, share in zip(shape.units, shares, strict=True)
        ]
        first = [None if mask is None else mask[0] for mask in self._masks]
        examples = Examples(self.inputs[0], self.targets[0])
        self._space = workspace(shape, examples, stack=lead, masks=first)

    def load(self, rows: IntArray) -> None:
        """Put the examples `rows` (n, batch) into the first n slots."""
        mine = rows[:, self.columns]
        self.inputs[: len(mine)] = self._data.inputs[:, mine].swapaxes(0, 1)
        self.targets[: len(mine)] = self._data.targets[:, mine].swapaxes(0, 1)

    def take_mask(self, layer: int, kept: Array) -> None:
        """Put the masks (n, H, batch) of a layer into the first n slots."""
        masks = self._masks[layer]
        assert masks is not None
        masks[: len(kept)] = kept[..., self.columns]

    def pass_through(
        self,
        do: Do,
        shape: Architecture,
        matrices: list[Array],
        *,
        slot: int,
        scale: float,
        gradients: list[Array],
    ) -> None:
        """Forward and backward pass of one slot."""
        held = 0 if self.whole else slot
        space = self._space
        output = self.outputs[slot]
        shares_input = space.pre[-1] is space.values[-1]
        inputs = [self.inputs[held], *space.inputs[1:]]
        values = [*space.values[:-1], output]
        pre = [*space.pre[:-1], output if shares_input else space.pre[-1]]
        masks = [None if mask is None else mask[slot] for mask in self._masks]
        moved = type(space)(inputs, pre, values, space.deltas, space.scratch, masks, space.normal)
        forward(do, shape, matrices, moved)
        backward(
            do,
            shape,
            matrices,
            moved,
            targets=self.targets[held],
            scale=scale,
            gradients=gradients,
        )

    def totals(self, shape: Architecture, count: int) -> Array:
        """Σℓ of the first slots, shape (n, …)."""
        targets = self.targets if self.whole else self.targets[:count]
        if self.outputs.ndim > targets.ndim:
            targets = targets[:, None]
        totals: Array = shape.loss.total(self.outputs[:count], targets)
        return totals

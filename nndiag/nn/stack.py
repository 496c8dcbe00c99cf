"""The engine: a stack of K networks of one shape, trained together on one data set."""

import numpy as np
from numpy.typing import NDArray

from nndiag.arrays import FloatArray, IntArray
from nndiag.nn.calls import buffer
from nndiag.nn.folding import folded, raised
from nndiag.nn.network import Architecture, examples
from nndiag.nn.optimizers import Optimizer
from nndiag.nn.step_plan import Block, StepPlan

_MASK_STREAM = 4  # of the seed; 0 and 3 are the data's, 1 the weights', 2 the order's
_TINY = float(np.finfo(np.float64).tiny)


class Stack:
    """K networks in training on one data set.

    Args:
        shape: Their architecture.
        parameters: Their parameters, shape (K, P); copied. Where layers are normalised these are
            W and β of the first step.
        optimizer: The update rule.
        inputs: Training inputs, shape (B, D).
        targets: Training targets, shape (B, O).
        rates: Learning rate of each network, shape (K,); the optimizer's own by default.
        threads: Threads that a step may use; by default one per processor.
        steps: Steps that will be taken in all; how they are made depends on it, not what they do.
        seed: Draws what dropout drops. All K networks drop the same, as they see the same
            examples: each trains as it would alone.

    Attributes:
        step: Number of steps taken.
    """

    def __init__(
        self,
        shape: Architecture,
        parameters: FloatArray,
        *,
        optimizer: Optimizer,
        inputs: FloatArray,
        targets: FloatArray,
        rates: FloatArray | None = None,
        threads: int | None = None,
        steps: int = 0,
        seed: int = 0,
    ) -> None:
        networks = len(parameters)
        self.step = 0
        self._threads, self._steps = threads, steps
        self._random = np.random.default_rng([seed, _MASK_STREAM]) if shape.drops else None
        self._evaluated, self._shape = shape, shape.in_training
        if shape.normalises:
            parameters = raised(shape, parameters)
            decay = optimizer.weight_decay
            if isinstance(decay, np.ndarray):
                optimizer = optimizer.changed(weight_decay=raised(shape, decay, gain=0.0))
        shape, self._optimizer = self._shape, optimizer
        self._lead = () if networks == 1 else (networks,)
        self._rates = np.full(networks, optimizer.learning_rate) if rates is None else rates
        self._data = examples(shape, inputs, targets)
        self._parameters = buffer((*self._lead, shape.size))
        self._parameters[...] = parameters.reshape(self._parameters.shape)
        self._memory = [buffer(self._parameters.shape) for _ in range(optimizer.memories)]
        self._plans: dict[int | None, StepPlan] = {}

    @property
    def parameters(self) -> FloatArray:
        """The parameters as they are evaluated now, shape (K, P); a copy."""
        return folded(self._evaluated, self.trained, self._data)

    @property
    def trained(self) -> FloatArray:
        """The parameters in the form that steps train, shape (K, P′); a copy."""
        return self._parameters.reshape(-1, self._shape.size).copy()

    @property
    def memory(self) -> list[FloatArray]:
        """What the optimizer keeps from step to step, arrays (K, P); copies."""
        return [array.reshape(-1, self._shape.size).copy() for array in self._memory]

    def keep(self, networks: NDArray[np.bool_]) -> None:
        """Go on with some of the networks only.

        Args:
            networks: Which of them stay, shape (K,); at least one.
        """
        parts = [
            array.reshape(-1, self._shape.size)[networks]
            for array in (self._parameters, *self._memory)
        ]
        count = len(parts[0])
        self._rates = self._rates[networks]
        self._lead = () if count == 1 else (count,)
        kept = [buffer((*self._lead, self._shape.size)) for _ in parts]
        for array, part in zip(kept, parts, strict=True):
            array[...] = part.reshape(array.shape)
        self._parameters, *self._memory = kept
        self._plans = {}

    def run(self, *, steps: int | None = None, rows: IntArray | None = None) -> Block:
        """Take some steps.

        Args:
            steps: Number of steps on the whole data set.
            rows: Instead: the examples of each step, shape (n, batch).

        Returns:
            What they recorded; a loss that is not finite is recorded as it is.
        """
        count = len(rows) if rows is not None else (steps or 0)
        plan = self._plan(None if rows is None else rows.shape[1])
        blocks = []
        for start in range(0, count, plan.slots):
            taken = min(plan.slots, count - start)
            part = None if rows is None else rows[start : start + taken]
            numbers = np.arange(self.step, self.step + taken)
            blocks.append(plan.run(self._optimizer.numbers(numbers, self._rates), part))
            self.step += taken
            self._flush()
        return Block(
            np.concatenate([block.losses for block in blocks]),
            np.concatenate([block.gradient_norms for block in blocks]),
        )

    def _plan(self, batch: int | None) -> StepPlan:
        """The plan for batches of this size; None for the whole data set."""
        if batch not in self._plans:
            self._plans[batch] = StepPlan(
                self._shape,
                parameters=self._parameters,
                memory=self._memory,
                optimizer=self._optimizer,
                data=self._data,
                batch=batch,
                threads=self._threads,
                random=self._random,
                steps=self._steps,
            )
        return self._plans[batch]

    def _flush(self) -> None:
        """Subnormal numbers, up to a hundred times slower to compute with, become zero."""
        for values in (self._parameters, *self._memory):
            small = np.abs(values) < _TINY
            if small.any():
                values[small] = 0.0

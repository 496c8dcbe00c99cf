"""Which examples each step sees, and at which steps the probes measure."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nndiag.arrays import IntArray
from nndiag.experiment.building import Built

_DRAWN_STEPS = 1_024  # steps whose examples are drawn at once; fixed, so that runs repeat
_PROBES_PER_DECADE = 12
_FIRST_PROBES = 5


@dataclass(frozen=True)
class Batches:
    """How examples are dealt out.

    Attributes:
        examples: Number of examples B.
        size: Examples per step; at least B means all of them.
        order: "shuffled" anew in each epoch, "sequential", or drawn "with_replacement". Within an
            epoch the last batch takes what is left.
    """

    examples: int
    size: int
    order: str

    @property
    def full(self) -> bool:
        """Whether every step sees all examples, so that their order does not matter."""
        return self.size >= self.examples and self.order != "with_replacement"

    @property
    def steps_per_epoch(self) -> int:
        """Steps that see as many examples as there are."""
        return -(-self.examples // min(self.size, self.examples))

    def rows(self, rng: np.random.Generator) -> Iterator[IntArray]:
        """Endless blocks of steps, each (n, batch) with the examples of n steps."""
        while True:
            if self.order == "with_replacement":
                yield rng.integers(0, self.examples, (_DRAWN_STEPS, self.size))
                continue
            epochs = max(1, _DRAWN_STEPS // self.steps_per_epoch)
            dealt = np.tile(np.arange(self.examples), (epochs, 1))
            if self.order == "shuffled":
                dealt = rng.permuted(dealt, axis=1)
            yield from self._cut(dealt)

    def _cut(self, dealt: IntArray) -> Iterator[IntArray]:
        """Whole epochs (E, B) as blocks of equal batches."""
        rest = self.examples % self.size
        if rest == 0:
            yield dealt.reshape(-1, self.size)
            return
        for epoch in dealt:
            if self.examples > self.size:
                yield epoch[:-rest].reshape(-1, self.size)
            yield epoch[None, -rest:]


def probe_steps(total: int) -> IntArray:
    """Steps at which the probes measure: the first few, then evenly spaced in log(step).

    Args:
        total: Number of steps of the run; the last step is always among them.
    """
    last = total - 1
    decades = max(0.0, np.log10(max(last, 1)))
    spaced = np.geomspace(1, max(last, 1), int(decades * _PROBES_PER_DECADE) + 2)
    early = np.arange(min(_FIRST_PROBES, total))
    steps = np.unique(np.concatenate([early, np.round(spaced), [last]])).astype(np.int64)
    return steps[steps <= last]


def batches_of(built: Built) -> Batches:
    """How the config deals out its training examples."""
    count = len(built.training[0])
    size = count if built.batch_size is None else min(built.batch_size, count)
    return Batches(count, size, built.order)


def total_steps(built: Built) -> int:
    """Number of steps that the config asks for."""
    if built.steps is not None:
        return built.steps
    return (built.epochs or 1) * batches_of(built).steps_per_epoch

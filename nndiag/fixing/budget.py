"""How much may be spent on trials: counted work, so that a slow machine gives the same answer.

Work is in seconds of an ordinary core, counted from sizes and steps. A time is kept beside it, as a
limit of its own where one was asked for, else only as a backstop.
"""

import time
from dataclasses import dataclass, field

from nndiag.experiment.building import Built
from nndiag.training.schedule import batches_of

_OF_A_STEP = 1.5e4  # in multiplications: what the calls of a step cost by themselves
_SECONDS_OF_WORK = 5e-10
_SECONDS_OF_A_RUN = 0.03  # building, probes, curvature, diagnosis


@dataclass(eq=False)
class Budget:
    """What may be spent, and what has been.

    Attributes:
        work: Work that may be spent.
        seconds: Time that may pass from `start`.
        shown: Share of it that may go into showing what else would have cured.
        speed: Seconds that a second of counted work takes on this machine; for the time alone.
        start: When the time began, as `time.monotonic` counts.
        spent: Work that has been spent.
    """

    work: float
    seconds: float
    shown: float
    speed: float = 1.0
    start: float = field(default_factory=time.monotonic)
    spent: float = 0.0

    @property
    def expected_seconds(self) -> float:
        """Time that may pass until it is spent."""
        return min(self.seconds, self.speed * self.work)

    def allows(self, work: float, *, until: float = 1.0) -> bool:
        """Whether so much work is left of a share of the budget."""
        ends = time.monotonic() + self.speed * work
        return self.spent + work <= until * self.work and ends <= self.deadline(until=until)

    def deadline(self, *, until: float = 1.0) -> float:
        """When a share of the time is over, as `time.monotonic` counts."""
        return self.start + until * self.seconds


def work_of(built: Built, *, steps: int) -> float:
    """The work of so many steps, with all that comes with a run; within a factor of 3."""
    shape, batches = built.shape, batches_of(built)
    batch = min(batches.size, batches.examples)
    of_a_step = _OF_A_STEP + batch * (shape.size + 5 * sum(shape.units))
    return _SECONDS_OF_A_RUN + _SECONDS_OF_WORK * of_a_step * steps

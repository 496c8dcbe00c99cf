"""Runs that are made beside one another, by an executor's workers.

What is tried next rarely depends on what comes of the trial before it. While one is made, those
that are expected next are begun. Nothing but the time depends on that: a run is the same wherever
it is made, and one that is not asked for after all is given up.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path

from nndiag.experiment import Experiment
from nndiag.fixing.measure import Run, measured
from nndiag.parallel import most_workers, pool


class Ahead:
    """Makes runs, and begins those that are expected next.

    Args:
        executor: Who makes them; by default processes of this machine, where it has any to spare.
        most: How many it makes at once; 0 where every run is to be made here.
        place: Where a run is recorded; None where it is not.
    """

    def __init__(
        self,
        executor: Executor | None = None,
        *,
        most: int | None = None,
        place: Callable[[Experiment], Path | None] = lambda experiment: None,
    ) -> None:
        self._place = place
        self._most = most_workers() if most is None else most
        self._executor = executor or pool(max(self._most, 1))
        self._begun: dict[Experiment, Future[Run]] = {}

    def begin(self, experiments: Sequence[Experiment], *, deadline: float) -> None:
        """Begin runs that will be asked for: those that are made at once, and one that waits."""
        for experiment in experiments:
            under_way = sum(not future.done() for future in self._begun.values())
            left = deadline - time.monotonic()
            if self._most and experiment not in self._begun and under_way <= self._most:
                place = self._place(experiment)
                end = time.time() + left
                future = self._executor.submit(_measured, experiment, end, place)
                self._begun[experiment] = future

    def run(
        self, experiment: Experiment, *, deadline: float, then: Sequence[Experiment] = ()
    ) -> Run:
        """The run of an experiment.

        Args:
            experiment: What is asked for.
            deadline: When it has to be over, as `time.monotonic` counts.
            then: What will be asked for next, in this order.

        Raises:
            OutOfTimeError: The deadline came first.
            WorkerDiedError: The processes that made it died.
            KeyboardInterrupt: Ctrl-C.
        """
        wanted = [experiment, *then[: self._most]]
        for other in self._begun.keys() - set(wanted):
            self._begun.pop(other).cancel()
        self.begin(wanted, deadline=deadline)
        if experiment not in self._begun:
            return measured(experiment, deadline=deadline, folder=self._place(experiment))
        return self._begun.pop(experiment).result()

    def close(self) -> None:
        """Give up what was not asked for."""
        self._executor.shutdown(cancel_futures=True)


def _measured(experiment: Experiment, end: float, folder: Path | None) -> Run:
    """A run in another process, which may have another machine's clock: the time of day counts."""
    deadline = time.monotonic() + end - time.time()
    return measured(experiment, deadline=deadline, folder=folder)

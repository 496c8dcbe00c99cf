"""Runs that are made beside one another, in processes of their own.

What is tried next rarely depends on what comes of the trial before it. While one is made, those
that are expected next are begun in forked processes, as many as there are processors. Nothing but
the time depends on that: a run is the same wherever it is made, and one that is not asked for after
all is dropped. Where processes cannot be forked, every run is made here.
"""

import multiprocessing
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any

from nndiag.experiment import Experiment
from nndiag.experiment.building import build
from nndiag.fixing.measure import Run, measured, run_of
from nndiag.nn.second_thread import processors
from nndiag.training import TrainingResult


@dataclass(eq=False)
class _Job:
    """A run that is made by another process.

    Attributes:
        experiment: What is trained.
        process: Who trains it.
        connection: Where the result arrives.
        ended: Whether the process has ended.
        result: Trace, parameters, diagnosis and seconds; None where it failed.
    """

    experiment: Experiment
    process: ForkProcess
    connection: Connection
    ended: bool = False
    result: Any = None

    def collect(self) -> None:
        """Take the result, and let the process end."""
        try:
            self.result = self.connection.recv()
        except EOFError:
            self.result = None
        self.end()

    def end(self) -> None:
        """End the process, whatever it does."""
        self.ended = True
        self.process.kill()
        self.process.join()
        self.connection.close()


class Ahead:
    """Makes runs, and begins those that are expected next."""

    def __init__(self) -> None:
        self._jobs: list[_Job] = []
        count = processors()
        self._most = count if count > 1 and _can_fork() else 0

    def begin(self, experiments: Sequence[Experiment], *, deadline: float) -> None:
        """Begin runs that will be asked for, as long as a processor is free."""
        for experiment in experiments:
            if len(self._running) >= self._most:
                return
            if self._job(experiment) is None:
                self._jobs.append(_started(experiment, deadline=deadline))

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
            KeyboardInterrupt: Ctrl-C.
        """
        wanted = [experiment, *then[: self._most]]
        self._drop_all_but(wanted)
        self.begin(wanted, deadline=deadline)
        job = self._job(experiment)
        while job is not None and not job.ended:
            self._wait()
            self.begin(wanted, deadline=deadline)
        if job is None or job.result is None:
            return measured(experiment, deadline=deadline)
        self._jobs.remove(job)
        trace, parameters, diagnosis, seconds = job.result
        result = TrainingResult(trace, parameters)
        return run_of(experiment, build(experiment), result, diagnosis, seconds=seconds)

    def close(self) -> None:
        """End what still runs."""
        self._drop_all_but([])

    @property
    def _running(self) -> list[_Job]:
        return [job for job in self._jobs if not job.ended]

    def _job(self, experiment: Experiment) -> _Job | None:
        return next((job for job in self._jobs if job.experiment is experiment), None)

    def _wait(self) -> None:
        """Wait until a run ends, and take its result."""
        running = {job.connection: job for job in self._running}
        for connection in wait(list(running)):
            running[connection].collect()  # type: ignore[index]

    def _drop_all_but(self, experiments: Sequence[Experiment]) -> None:
        dropped = [job for job in self._jobs if job.experiment not in experiments]
        for job in dropped:
            self._jobs.remove(job)
            if not job.ended:
                job.end()


def _can_fork() -> bool:
    """Whether runs may be given to processes: not from within one, which has its own work."""
    return sys.platform == "linux" and multiprocessing.parent_process() is None


def _started(experiment: Experiment, *, deadline: float) -> _Job:
    """The process inherits the experiment, which cannot be pickled; its result comes back."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_train, args=(experiment, deadline, there), daemon=True)
    # a Ctrl-C in the terminal goes to every process: it is the parent's to answer
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the process inherits it
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    there.close()
    return _Job(experiment, process, here)


def _train(experiment: Experiment, deadline: float, connection: Connection) -> None:
    """Train in a process of its own; where that fails, nothing is sent, and it is made again."""
    try:
        run = measured(experiment, deadline=deadline)
    except Exception:
        return
    connection.send((run.trace, run.parameters, run.diagnosis, run.seconds))

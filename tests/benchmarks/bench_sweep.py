"""Work F: A's network at 64 rates, 1,000 steps each, by the sweep's runs.

    OPENBLAS_NUM_THREADS=1 python -m pytest tests/benchmarks/bench_sweep.py -s

checks that they compute what the plain loop does; run as a module it prints their seconds and those
of the processors, for `tests.benchmarks.speed`.
"""

import resource
import time

import numpy as np
import pytest

from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.training.schedule import Batches
from nndiag.training.sweep_blocks import BlockTrainer
from nndiag.training.sweep_runs import SweepTask
from tests.benchmarks import plain_numpy
from tests.benchmarks.works import work

RATES = np.geomspace(1e-3, 1.0, 64)
STEPS, SHARE = 1000, 8


def sweep_task():
    """The same by the sweep's runs."""
    subject = work("A")
    layers = [(100, "tanh"), (1, "linear")]
    shape = architecture(1, layers, loss=LOSSES.get("mean_squared_error")())
    start = np.zeros(shape.size)
    for layer, matrix in enumerate(shape.matrices(start)):
        matrix[:, :-1], matrix[:, -1] = subject.weights[layer].T, subject.biases[layer]
    optimizer = OPTIMIZERS.get("sgd")(learning_rate=0.05)
    batches = Batches(len(subject.x), len(subject.x), "shuffled")
    return SweepTask(shape, optimizer, subject.x, subject.y, batches, {0: start}, STEPS)


def runs():
    """All runs, with the start of the workers."""
    workers = BlockTrainer(sweep_task(), interrupted=lambda: False, done=None)
    with workers.started(seconds=10):
        return workers.train([(float(rate), 0) for rate in RATES])


def processor_seconds():
    """Seconds that the processors have spent on processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_both_programs_compute_the_same():
    subject = work("A")
    found = {run.rate: run for run in runs()}
    for rate in RATES[RATES < 0.1][
        ::SHARE
    ]:  # beyond the divergence threshold rounding grows to the loss's size
        expected, _ = plain_numpy.train(
            subject.x,
            subject.y,
            subject.weights,
            subject.biases,
            subject.activations,
            rate=rate,
            steps=STEPS,
        )
        run = found[float(rate)]
        there = run.steps[(run.steps < STEPS) & np.isfinite(run.curve)]
        # Rounding in another order; near the edge of stability it is multiplied.
        assert run.curve[: len(there)] == pytest.approx(expected[there], rel=1e-6)


if __name__ == "__main__":
    begin = time.perf_counter(), time.process_time()
    runs()
    seconds = time.perf_counter() - begin[0]
    print(seconds, time.process_time() - begin[1] + processor_seconds())

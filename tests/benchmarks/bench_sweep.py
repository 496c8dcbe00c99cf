"""Sweep speed against plain numpy: work F, A's network at 64 rates, 1,000 steps each.

    OPENBLAS_NUM_THREADS=1 python -m pytest tests/benchmarks/bench_sweep.py -s

Each round times the plain loop and the sweep, one after the other and each in a fresh process, as a
person runs it (why that matters: see `bench_training`); the figures are medians of the rounds'
ratios. Inside, the seconds are those of the runs with the start of the workers; the whole process
is the command from a cold start, with everything else that it runs (bisection, check with a fresh
seed, theory, report). The plain loop is timed on every eighth rate. A machine's drift leaves 30 %
slack under each target.

The targets are for two processors that are both free: beside a busy neighbour two processes are not
twice, but 1.3 times as fast as one. Where neighbours took more than a tenth of a processor, only
the seconds of the processors are compared, with half of the target.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

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

INSIDE, WHOLE, SLACK, ROUNDS = 9.0, 6.0, 0.7, 5
RATES = np.geomspace(1e-3, 1.0, 64)
STEPS, SHARE = 1000, 8
FREE = 0.1  # processors that neighbours may keep busy
ROOT = Path(__file__).parents[2]
CONFIG = """
dataset: {name: sine, samples: 200}
network:
  layers: [{units: 100, activation: tanh}, {units: 1, activation: linear}]
  initializer: {name: normal, std: 0.1}
training: {steps: 1000}
"""
PLAIN = [sys.executable, str(ROOT / "tests/benchmarks/plain_work_f.py"), str(SHARE)]
RUNS = [sys.executable, "-m", "tests.benchmarks.bench_sweep"]
COMMAND = [
    *(sys.executable, "-m", "nndiag", "sweep-lr", "a.yaml", "--seeds", "1", "--no-plots"),
    *("--rates", "64", "--low", "1e-3", "--high", "1"),
]


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
    workers = BlockTrainer(sweep_task(), interrupted=lambda: False, done=lambda _: None)
    with workers.started(seconds=10):
        return workers.train([(float(rate), 0) for rate in RATES])


def finished(command, folder):
    """What a process prints, its seconds, and those of the processors."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    start, spent = time.perf_counter(), processor_seconds()
    process = subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return process.stdout, (time.perf_counter() - start, processor_seconds() - spent)


def processor_seconds():
    """Seconds that the processors have spent on processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def printed(command):
    """The seconds that a process prints, and those of the processors."""
    return tuple(map(float, finished(command, ROOT)[0].split()))


def busy_seconds():
    """Seconds that all processors have been busy since the machine was started."""
    user, nice, system = map(int, Path("/proc/stat").read_text().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def check(name, round_of, *, target):
    """Compare (seconds, processor seconds) of the plain loop and of ours, as rounds give them."""
    begin = time.perf_counter(), busy_seconds() - processor_seconds()
    pairs = np.array([round_of() for _ in range(ROUNDS)])  # (rounds, 2, 2)
    others = busy_seconds() - processor_seconds() - begin[1]
    neighbours = others / (time.perf_counter() - begin[0])
    ratio, per_processor = np.median(pairs[:, 0] / pairs[:, 1], axis=0)
    print(
        f"\n{name}: {ratio:.2f} (target {target}); {per_processor:.2f} per processor; "
        f"neighbours took {neighbours:.1f} processors"
    )
    assert per_processor >= SLACK * target / 2
    if neighbours > FREE:
        pytest.skip(f"no free processors: neighbours took {neighbours:.1f}")
    assert ratio >= SLACK * target


def test_the_runs_reach_their_ratio_to_plain_numpy():
    check("F", lambda: (printed(PLAIN), printed(RUNS)), target=INSIDE)


def test_the_whole_command_reaches_its_ratio(tmp_path):
    (tmp_path / "a.yaml").write_text(CONFIG)
    check("F, whole", lambda: (printed(PLAIN), finished(COMMAND, tmp_path)[1]), target=WHOLE)


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

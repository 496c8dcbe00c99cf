"""Sweep speed against plain numpy: work F, A's network at 64 rates, 1,000 steps each.

    OPENBLAS_NUM_THREADS=1 python -m pytest tests/benchmarks/bench_sweep.py -s

Each round times the plain loop, the sweep's runs inside a process, and the whole command from a
cold start, one after the other; the figures are medians of the rounds' ratios. The plain loop is
timed on every eighth rate. A machine's drift leaves 30 % slack under each target. The targets are
for two processors that are both free.
"""

import subprocess
import sys
import time

import numpy as np
import pytest

from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.training.schedule import Batches
from nndiag.training.sweep_runs import Task
from nndiag.training.sweep_workers import Workers
from tests.benchmarks import plain_numpy
from tests.benchmarks.works import work

INSIDE, WHOLE, SLACK, ROUNDS = 9.0, 6.0, 0.7, 5
RATES = np.geomspace(1e-3, 1.0, 64)
STEPS, SHARE = 1000, 8
CONFIG = """
dataset: {name: sine, samples: 200}
network:
  layers: [{units: 100, activation: tanh}, {units: 1, activation: linear}]
  initializer: {name: normal, deviation: 0.1}
training: {steps: 1000}
"""


def plain(rates):
    """Final losses by the plain numpy loop."""
    subject = work("A")
    with np.errstate(all="ignore"):
        return [
            plain_numpy.train(
                subject.x, subject.y, subject.weights, subject.biases, subject.activations,
                rate=rate, steps=STEPS,
            )[0]
            for rate in rates
        ]  # fmt: skip


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
    return Task(shape, optimizer, subject.x, subject.y, batches, {0: start}, STEPS)


def runs():
    """All runs, with the start of the workers."""
    workers = Workers(sweep_task(), interrupted=lambda: False, done=lambda _: None)
    with workers.started(seconds=10):
        return workers.train([(float(rate), 0) for rate in RATES])


def seconds(function, *arguments):
    """Seconds of one call."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


FALLS_SHORT = pytest.mark.xfail(reason="np.tanh alone takes 60 % of a step", strict=False)


@FALLS_SHORT
def test_the_runs_reach_their_ratio_to_plain_numpy():
    ratios = [SHARE * seconds(plain, RATES[::SHARE]) / seconds(runs) for _ in range(ROUNDS)]
    print(f"\nF: {np.median(ratios):.2f} × plain numpy (target {INSIDE})")
    assert np.median(ratios) >= SLACK * INSIDE


@FALLS_SHORT
def test_the_whole_command_reaches_its_ratio(tmp_path):
    (tmp_path / "a.yaml").write_text(CONFIG)
    command = [sys.executable, "-c", "from nndiag.cli import main; main()", "sweep-lr", "a.yaml"]
    options = ["--rates", "64", "--low", "1e-3", "--high", "1", "--seeds", "1", "--no-plots"]

    def whole():
        subprocess.run([*command, *options], cwd=tmp_path, check=False, capture_output=True)

    ratios = [SHARE * seconds(plain, RATES[::SHARE]) / seconds(whole) for _ in range(ROUNDS)]
    print(f"\nF, whole process: {np.median(ratios):.2f} × plain numpy (target {WHOLE})")
    assert np.median(ratios) >= SLACK * WHOLE


def test_both_programs_compute_the_same():
    found = {run.rate: run for run in runs()}
    stable = RATES[RATES < 0.1][::SHARE]  # beyond the edge rounding grows to the size of the loss
    for rate, losses in zip(stable, plain(stable), strict=True):
        run = found[float(rate)]
        there = run.steps[(run.steps < STEPS) & np.isfinite(run.curve)]
        # Rounding in another order; near the edge of stability it is multiplied.
        expected = losses[there]
        assert run.curve[: len(there)] == pytest.approx(expected, rel=1e-6)

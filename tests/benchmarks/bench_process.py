"""Whole processes as a user feels them: start-up, training, diagnosis and report included.

    python -m pytest tests/benchmarks/bench_process.py -s

Both programs run in turn; the figure is the median of the pairs' ratios.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

PAIRS = 7
ROOT = Path(__file__).parents[2]

WORK_A = """
name: work-a
dataset: {name: sine, samples: 200}
network:
  layers:
    - {units: 100, activation: tanh}
    - {units: 1, activation: linear}
  initializer: {name: normal, std: 0.1}
optimizer: {name: sgd, learning_rate: 0.05}
training: {steps: 10000}
"""

PLAIN_LOOP = [sys.executable, str(ROOT / "tests/benchmarks/plain_work_a.py")]
NNDIAG = [sys.executable, "-m", "nndiag"]
LIBRARIES = [sys.executable, "-c", "import click, rich"]


def run(command, folder):
    """Seconds of a process, and its peak memory in MiB."""
    start = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def ratio(command, yardstick, folder):
    """Median ratio of the seconds of two commands, run in turn."""
    run(command, folder), run(yardstick, folder)
    pairs = [(run(command, folder)[0], run(yardstick, folder)[0]) for _ in range(PAIRS)]
    ours, theirs = np.median(pairs, axis=0)
    result = float(np.median([first / second for first, second in pairs]))
    print(f"\n{ours:.3f} s against {theirs:.3f} s: {result:.2f}")
    return result


@pytest.fixture
def work_a(tmp_path):
    """A folder with the config of work A."""
    (tmp_path / "work_a.yaml").write_text(WORK_A)
    return tmp_path


def test_the_whole_command_takes_at_most_60_percent_of_the_plain_loop(work_a):
    command = [*NNDIAG, "train", "work_a.yaml", "--no-plots"]
    assert ratio(command, PLAIN_LOOP, work_a) <= 0.6


def test_work_a_stays_below_150_mb(work_a):
    _, peak = run([*NNDIAG, "train", "work_a.yaml", "--no-plots"], work_a)
    print(f"\npeak {peak:.0f} MiB")
    assert peak < 150


def test_help_takes_at_most_twice_the_import_of_its_libraries(tmp_path):
    assert ratio([*NNDIAG, "--help"], LIBRARIES, tmp_path) <= 2.0

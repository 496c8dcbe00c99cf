"""Speed of the diagnosis: no more than a small part of the training that it judges.

Both are timed in one process, one after the other, several times; the smallest of each counts. The
reference fit is left out: it is bounded on its own.
"""

import time
from pathlib import Path

import pytest

from nndiag.diagnosis import diagnose
from nndiag.experiment import experiment_of
from nndiag.experiment.building import build
from nndiag.trace import TraceRecorder, TraceWriter, read_trace
from nndiag.training import train

_SHARE, _SECONDS = 0.05, 0.1  # of the training, or so many seconds, whichever is larger
_REPEATS = 5
TASKS = {
    "learns": {"learning_rate": 0.05},
    "learns in batches": {"learning_rate": 0.01},
    "stalls": {"learning_rate": 1e-6},
}


@pytest.mark.parametrize("name", TASKS)
def test_a_run_of_ten_thousand_steps_is_judged_in_no_time(name: str, tmp_path: Path) -> None:
    settings = {
        "dataset": {"name": "sine", "samples": 1000, "inputs": "uniform", "noise": 0.1},
        "network": {"layers": [{"units": 50, "activation": "tanh"}, {"units": 1}]},
        "optimizer": {"name": "sgd", **TASKS[name]},
        "training": {"steps": 10_000, "batch_size": 32 if "batches" in name else "full"},
    }
    start = time.perf_counter()
    built = build(experiment_of(settings))
    writer = TraceWriter(tmp_path, layers=built.layer_names)
    train(built, TraceRecorder(layers=built.layer_names, sink=writer))
    writer.close()
    training = time.perf_counter() - start
    judging = min(_seconds_to_judge(tmp_path) for _ in range(_REPEATS))
    print(f"\n{name}: training {training:.2f} s, diagnosis {judging * 1e3:.1f} ms")
    assert judging <= max(_SHARE * training, _SECONDS)


def _seconds_to_judge(folder: Path) -> float:
    """Time to read a run from its folder and judge it; nothing is kept from before."""
    start = time.perf_counter()
    diagnose(read_trace(folder))
    return time.perf_counter() - start

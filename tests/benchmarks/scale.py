"""How the cost of a training grows: `OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.scale`.

Each size is varied by itself from a middle one; the figure is the slope of log(processor time) over
log(size) from the third smallest on, where calls no longer matter. The bound is the time of the
matrix products alone, 6 operations a weight and example, at the rate of a large product on this
processor. Then the cost of recording a million steps, and the memory that they take.
"""

import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from nndiag.experiment import experiment_of
from nndiag.experiment.building import build, stack_of
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.nn.stack import Stack
from nndiag.trace import TraceRecorder, TraceWriter
from nndiag.training import train

MIDDLE = {"units": 64, "examples": 512, "layers": 2, "steps": 64}
SIZES = {
    "units": [16, 32, 64, 128, 256, 512],
    "examples": [64, 128, 256, 512, 1024, 2048, 4096],
    "layers": [1, 2, 4, 8, 16],
    "steps": [16, 32, 64, 128, 256],
}
REPEATS = 3
TINY = {
    "dataset": {"name": "linear_doubling"},
    "network": {"layers": [{"units": 1, "activation": "tanh"}]},
    "optimizer": {"name": "sgd", "learning_rate": 0.07},
}


def cost(*, units, examples, layers, steps):
    """Processor seconds of a training, and its floating-point operations."""
    shape = architecture(
        1, [(units, "tanh")] * layers + [(1, "linear")], loss=LOSSES.get("mean_squared_error")()
    )
    rng = np.random.default_rng(0)
    start = rng.standard_normal((1, shape.size)) / units**0.5
    x = rng.uniform(-1, 1, (examples, 1))
    optimizer = OPTIMIZERS.get("sgd")(learning_rate=1e-4)
    stack = Stack(shape, start, optimizer=optimizer, inputs=x, targets=np.sin(3 * x), threads=1)
    stack.run(steps=steps)
    laps = [time.process_time()]
    for _ in range(REPEATS):
        stack.run(steps=steps)
        laps.append(time.process_time())
    return min(b - a for a, b in pairwise(laps)), 6.0 * shape.size * examples * steps


def operations_a_second():
    """Rate of a large matrix product on one core."""
    one = np.ones((512, 512))
    laps = [time.process_time()]
    for _ in range(7):
        one @ one
        laps.append(time.process_time())
    return 2 * 512**3 / min(b - a for a, b in pairwise(laps))


def recorded(steps, *, recording):
    """Print processor seconds of so many steps, and the peak memory of this process in MB."""
    built = build(experiment_of({**TINY, "training": {"steps": steps}}))
    start = time.process_time()
    if recording:
        with tempfile.TemporaryDirectory() as folder:
            writer = TraceWriter(Path(folder), layers=built.layer_names)
            train(built, TraceRecorder(layers=built.layer_names, sink=writer))
            writer.close()
    else:
        stack = stack_of(built)
        for _ in range(0, steps, 4096):
            stack.run(steps=4096)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(time.process_time() - start, peak)


def main():
    rate = operations_a_second()
    for name, sizes in SIZES.items():
        found = [cost(**{**MIDDLE, name: size}) for size in sizes]
        seconds, operations = np.array(found).T
        exponent = np.polyfit(np.log(sizes[2:]), np.log(seconds[2:]), 1)[0]
        print(
            f"{name} {sizes[0]}–{sizes[-1]}: exponent {exponent:.2f}, "
            f"{seconds[-1] * rate / operations[-1]:.1f} × the bound at {sizes[-1]}"
        )
    for steps in (100_000, 1_000_000):
        found = {}
        for recording in (False, True):
            command = [sys.executable, "-m", "tests.benchmarks.scale", str(steps), str(recording)]
            process = subprocess.run(command, check=True, capture_output=True, text=True)
            found[recording] = [float(x) for x in process.stdout.split()]
        ratio = found[True][0] / found[False][0]
        print(
            f"{steps:,} steps: {found[True][0]:.2f} s with the record, {ratio:.2f} × without; "
            f"peak {found[True][1]:.0f} MB"
        )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        recorded(int(sys.argv[1]), recording=sys.argv[2] == "True")
    else:
        main()

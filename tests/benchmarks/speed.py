"""The table of `nndiag/docs/speed.md`: what takes how long, beside plain numpy and other libraries.

    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.speed [--python PYTHON …] [--slow]

Every figure is processor time on one core, each measured in a fresh process, all of a row by turns;
the ratios are medians of those of the rounds. `--python` names other Pythons, with torch, jax or
numba (the extra `fast`) in them. `--slow` has numpy, OpenBLAS and numba do without AVX-512, as on
most laptops. Of what compiles, the second training counts. Contenders must reach the same loss.
"""

import argparse
import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.benchmarks import contenders
from tests.benchmarks.works import work

ROOT = Path(__file__).parents[2]
SLOW = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Haswell",
    "NUMBA_CPU_NAME": "haswell",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
}
NEEDS = {"fast": "numba", "torch": "torch", "jax": "jax"}
COMPILES = ("engine", "fast", "jax")
EQUAL = 1e-6  # relative; rounding in another order, multiplied by thousands of steps
SINE = {"name": "sine", "samples": 1000, "inputs": "uniform"}
OUTPUT = {"units": 1, "activation": "linear"}
TANH = {"units": 64, "activation": "tanh"}
SIGMOID = {"units": 10, "activation": "sigmoid"}
CONFIGS = {
    "A": ({"name": "sine", "samples": 200}, [{"units": 100, "activation": "tanh"}, OUTPUT], 0.05),
    "B": (SINE, [SIGMOID, OUTPUT], 0.1),
    "C": ({"name": "linear_doubling"}, [{"units": 1, "activation": "tanh"}], 0.07),
    "D": ({**SINE, "samples": 500, "high": 15, "low": 0}, [SIGMOID, OUTPUT], 0.01),
    "E": (SINE, [TANH, TANH, TANH, OUTPUT], 0.01),
}
COMMANDS = {
    "train, ten steps": ["train", "ten.yaml", "--no-plots"],
    "train A": ["train", "a.yaml", "--no-plots"],
    "train D": ["train", "d.yaml", "--no-plots"],
    "doctor A": ["doctor", "a.yaml"],
    "fix exploding sine": ["fix", "exploding_sine.yaml"],
    "sweep-lr exploding sine": ["sweep-lr", "exploding_sine.yaml", "--no-plots"],
    "list": ["list"],
    "explain": ["explain", "dead-units"],
    "schema": ["schema"],
}


def settings(letter, steps=None):
    """The config of a work."""
    dataset, layers, rate = CONFIGS[letter]
    training = {"steps": steps or work(letter).steps}
    if letter == "D":
        training |= {"batch_size": 1, "order": "with_replacement"}
    network = {"layers": layers, "bias": letter != "D"}
    if letter == "A":
        network["initializer"] = {"name": "normal", "std": 0.1}
    optimizer = {"name": "sgd", "learning_rate": rate}
    return {"dataset": dataset, "network": network, "optimizer": optimizer, "training": training}


def child(letter, contender):
    """Print the processor seconds of one training, and its last loss."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[int(time.time()) % 2 - 1]})
    if letter == "F":
        call = contenders.jax_sweep
    elif contender == "called":
        call = called(letter)
    else:
        subject = work(letter)
        call = {
            "plain": lambda: subject.plain()[0][-1],
            "engine": lambda: subject.engine()[0][-1],
            "fast": lambda: subject.engine()[0][-1],
            "torch": lambda: contenders.torch_of(subject),
            "jax": lambda: contenders.jax_of(subject),
        }[contender]
    if contender in COMPILES:
        call()
    start = time.process_time()
    loss = call()
    print(time.process_time() - start, loss)


def called(letter):
    """`nndiag.train` of a work; what it imports is there."""
    import nndiag  # noqa: PLC0415 (not in every process)

    nndiag.train(settings(letter, steps=10), plots=False)

    def call():
        with contextlib.redirect_stdout(io.StringIO()):
            nndiag.train(settings(letter), plots=False)
        return float("nan")

    return call


def finished(command, *, extra, folder=ROOT):
    """What a process prints, and its processor seconds."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", **extra}
    before = os.times()
    process = subprocess.run(
        command, cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    after = os.times()
    spent = after.children_user + after.children_system
    return process, spent - before.children_user - before.children_system


def row(name, commands, *, rounds, extra):
    """Print the medians of a row: seconds of the first contender, ratios of the others to it."""
    found = {contender: [] for contender in commands}
    for _ in range(rounds):
        losses = {}
        for contender, command in commands.items():
            process, _ = finished(command, extra=extra)
            if process.returncode:
                raise RuntimeError(process.stderr)
            seconds, *loss = map(float, process.stdout.split())
            if name == "F":  # wall and processor seconds
                seconds = loss.pop() if contender != "jax" else seconds
                loss = []
            found[contender].append(seconds)
            losses |= {contender: loss[0]} if loss and np.isfinite(loss[0]) else {}
        spread = max(losses.values(), default=1) / min(losses.values(), default=1) - 1
        if spread > EQUAL:
            raise RuntimeError(f"{name}: unequal losses {losses}")
    first = found.pop(next(iter(commands)))
    ratios = {
        contender: statistics.median(one / other for one, other in zip(first, seconds, strict=True))
        for contender, seconds in found.items()
    }
    cells = [f"{contender} {ratio:.3g}" for contender, ratio in ratios.items()]
    print(f"{name}: plain {statistics.median(first):.3g} s; " + ", ".join(cells), flush=True)


def works(pythons, *, rounds, extra, letters):
    """Works A to J as ratios to plain numpy."""
    for letter in letters:
        if letter in CONFIGS:
            names = ["plain", "engine", "fast", "called", "torch", "jax"]
            module = "tests.benchmarks.speed"
        elif letter == "F":
            names, module = ["plain", "engine", "fast", "jax"], "tests.benchmarks.bench_sweep"
        else:
            names, module = ["plain", "own"], "tests.benchmarks.bench_analysis"
        commands = {x: [pythons[x], "-m", module, letter, x] for x in names if x in pythons}
        if letter == "F":
            plain = str(ROOT / "tests/benchmarks/plain_work_f.py")
            commands["plain"] = [pythons["plain"], plain, "8"]
            if "jax" in commands:
                commands["jax"][2] = "tests.benchmarks.speed"
        row(letter, commands, rounds=rounds, extra=extra)


def whole(pythons, *, rounds, extra):
    """Whole commands from a cold start, beside the import of numpy and the plain loops."""
    with tempfile.TemporaryDirectory() as folder:
        for name, letter, steps in (("ten", "A", 10), ("a", "A", None), ("d", "D", None)):
            text = str(settings(letter, steps=steps)).replace("True", "true")
            (Path(folder) / f"{name}.yaml").write_text(text.replace("False", "false"))
        sine = (ROOT / "configs/posts/exploding_sine.yaml").read_text()
        (Path(folder) / "exploding_sine.yaml").write_text(sine)
        speed = ["-m", "tests.benchmarks.speed"]
        commands = {
            "import numpy": [pythons["plain"], "-c", "import numpy"],
            "plain A": [pythons["plain"], *speed, "A", "plain"],
            "plain D": [pythons["plain"], *speed, "D", "plain"],
            **{name: [pythons["plain"], "-m", "nndiag", *rest] for name, rest in COMMANDS.items()},
        }
        if "fast" in pythons:
            commands["train A, fast"] = [pythons["fast"], "-m", "nndiag", *COMMANDS["train A"]]
        found = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                found[name].append(finished(command, extra=extra, folder=folder)[1])
        for name, seconds in found.items():
            print(f"{name}: {statistics.median(seconds):.2f} s", flush=True)


def available(paths):
    """Which Python has what each contender needs."""
    found = dict.fromkeys(("plain", "engine", "called", "own"), sys.executable)
    for path in paths:
        for contender, module in NEEDS.items():
            process, _ = finished([path, "-c", f"import {module}"], extra={})
            if not process.returncode:
                found.setdefault(contender, path)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", nargs="*", default=[sys.executable])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--works", default="ABCDEFGHIJ")
    parser.add_argument("--no-commands", action="store_true")
    asked = parser.parse_args()
    pythons = available(asked.python)
    with tempfile.TemporaryDirectory() as cache:  # rates of this processor, as it is now
        extra = {"XDG_CACHE_HOME": cache, **(SLOW if asked.slow else {})}
        works(pythons, rounds=asked.rounds, extra=extra, letters=asked.works)
        if not asked.no_commands:
            whole(pythons, rounds=asked.rounds, extra=extra)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in "ABCDEF":
        child(*sys.argv[1:])
    else:
        main()

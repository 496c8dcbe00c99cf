"""The same network as YAML and as a program: `python -m tests.benchmarks.pairs [PART …]`.

Each config of `configs` that numpy writes out in a few lines becomes a program: the same data, the
same start, the same steps. `train` has to give both the same cause. A program counts only where its
losses are those of the config's run: over the first steps where each sees all examples, and at the
first step where batches are drawn.
"""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import nndiag
from nndiag.errors import NndiagError
from nndiag.experiment import load_experiment
from nndiag.experiment.building import Built, build
from nndiag.training.schedule import batches_of, total_steps

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*/*.yaml"))

ACTIVATIONS = {
    "tanh": ("np.tanh({z})", "(1 - {a} ** 2)"),
    "sigmoid": ("1 / (1 + np.exp(-{z}))", "{a} * (1 - {a})"),
    "relu": ("np.maximum({z}, 0)", "({z} > 0)"),
    "linear": ("{z}", ""),
}
"""Activation → its expression, and that of its derivative."""
ENTROPIES = {
    ("binary_cross_entropy", "sigmoid"): "-(Y * np.log(P) + (1 - Y) * np.log(1 - P))",
    ("softmax_cross_entropy", "softmax"): "-(Y * np.log(P))",
}
LOSSES = {
    "mean_squared_error": ("(P - Y) ** 2", "2 * (P - Y)"),
    "mean_absolute_error": ("np.abs(P - Y)", "np.sign(P - Y)"),
}
"""Loss → its expression for each output, and the derivative by the output."""
_COMPARED = 10  # steps
_TOLERANCE = 1e-6


def program_of(built: Built) -> str | None:
    """The program that does what a config does; None where it is not of this kind.

    It reads its arrays from `net.npz`, see `arrays_of`.
    """
    loss, names, optimizer = built.shape.loss, built.activation_names, built.optimizer
    plain = not (optimizer.decays or optimizer.decay or optimizer.clip_norm or optimizer.nesterov)
    if not plain or optimizer.name not in {"sgd", "adam"} or built.validation is not None:
        return None
    if any(built.shape.dropout) or any(built.shape.batch_norm):
        return None
    entropy = ENTROPIES.get((loss.name, names[-1]))
    if entropy is None and loss.name not in LOSSES:
        return None
    if not {*names[:-1], *([] if entropy else names[-1:])} <= set(ACTIVATIONS):
        return None
    return "\n".join([*_start(built), *_loop(built), *(f"{line}" for line in _step(built))]) + "\n"


def arrays_of(built: Built) -> dict[str, np.ndarray]:
    """Data and initial parameters, examples as rows."""
    found = {"X": built.training[0], "Y": built.training[1]}
    for n, (weights, biases) in enumerate(built.shape.weights_and_biases(built.parameters), 1):
        found[f"W{n}"] = weights.T
        if biases is not None:
            found[f"b{n}"] = biases.reshape(1, -1)
    return {name: np.array(array, dtype=float) for name, array in found.items()}


def _parameters(built: Built) -> list[str]:
    return [name for name in arrays_of(built) if name not in "XY"]


def _start(built: Built) -> Iterator[str]:
    yield "import numpy as np"
    yield 'stored = np.load("net.npz")'
    for name in arrays_of(built):
        yield f'{name} = stored["{name}"]'
    yield f"rate = {built.optimizer.learning_rate!r}"
    memories = ["m"] if built.optimizer.momentum else ["m", "v"] * (built.optimizer.name == "adam")
    for name in _parameters(built):
        for memory in memories:
            yield f"{memory}{name} = np.zeros_like({name})"


def _loop(built: Built) -> Iterator[str]:
    batches = batches_of(built)
    if batches.full:
        yield f"for step in range({total_steps(built)}):"
        yield "    x, y = X, Y"
        return
    epochs = -(-total_steps(built) // batches.steps_per_epoch)
    yield f"rng = np.random.default_rng({built.seed})"
    yield "step = 0"
    yield f"for epoch in range({epochs}):"
    drawn = "rng.permutation(len(X))" if built.order == "shuffled" else "np.arange(len(X))"
    yield f"  order = {drawn}"
    yield f"  for first in range(0, len(X), {batches.size}):"
    yield f"    chosen = order[first:first + {batches.size}]"
    yield "    x, y = X[chosen], Y[chosen]"
    yield "    step += 1"


def _step(built: Built) -> Iterator[str]:
    loss, names = built.shape.loss, built.activation_names
    last = len(names)
    biased = {int(name[1:]) for name in _parameters(built) if name[0] == "b"}
    inputs = "x"
    for n, name in enumerate(names, 1):
        yield f"    z{n} = {inputs} @ W{n}" + (f" + b{n}" if n in biased else "")
        if name == "softmax":
            yield f"    e{n} = np.exp(z{n} - z{n}.max(axis=1, keepdims=True))"
            yield f"    a{n} = e{n} / e{n}.sum(axis=1, keepdims=True)"
        else:
            yield f"    a{n} = {ACTIVATIONS[name][0].format(z=f'z{n}')}"
        inputs = f"a{n}"
    entropy = ENTROPIES.get((loss.name, names[-1]))
    each, by_output = (entropy, "P - Y") if entropy else LOSSES[loss.name]
    each, by_output = (
        text.replace("P", f"a{last}").replace("Y", "y") for text in (each, by_output)
    )
    count = "len(x)" if loss.name == "softmax_cross_entropy" else "y.size"
    share = f" / {count}" if (loss.reduction or "mean").endswith("mean") else ""
    share = f" / 2{share}" if (loss.reduction or "").startswith("half") else share
    yield f"    loss = np.sum({each}){share}"
    slope = "" if entropy else ACTIVATIONS[names[-1]][1].format(a=f"a{last}", z=f"z{last}")
    yield f"    d{last} = ({by_output}){share}" + (f" * {slope}" if slope else "")
    for n in range(last - 1, 0, -1):
        slope = ACTIVATIONS[names[n - 1]][1].format(a=f"a{n}", z=f"z{n}")
        yield f"    d{n} = d{n + 1} @ W{n + 1}.T" + (f" * {slope}" if slope else "")
    for n in range(1, last + 1):
        yield f"    gW{n} = {'x' if n == 1 else f'a{n - 1}'}.T @ d{n}"
        if n in biased:
            yield f"    gb{n} = d{n}.sum(axis=0, keepdims=True)"
    for name in _parameters(built):
        yield from _update(built, name)


def _update(built: Built, name: str) -> Iterator[str]:
    optimizer = built.optimizer
    if optimizer.momentum:
        yield f"    m{name} = {optimizer.momentum} * m{name} + g{name}"
        yield f"    {name} = {name} - rate * m{name}"
    elif optimizer.name == "adam":
        count = "(step + 1)" if batches_of(built).full else "step"
        yield f"    m{name} = 0.9 * m{name} + 0.1 * g{name}"
        yield f"    v{name} = 0.999 * v{name} + 0.001 * g{name} ** 2"
        mean, square = f"m{name} / (1 - 0.9 ** {count})", f"v{name} / (1 - 0.999 ** {count})"
        yield f"    {name} = {name} - rate * ({mean}) / (np.sqrt({square}) + 1e-8)"
    else:
        yield f"    {name} = {name} - rate * g{name}"


def is_same(built: Built, folder: Path, losses: np.ndarray) -> bool:
    """Whether a program computes the losses of a config's run."""
    count = _COMPARED if batches_of(built).full else 0
    text = (folder / "net.py").read_text()
    probe = text.replace("    loss = ", "    loss = told = ") + "    print(told)\n"
    probe += f"    if step > {_COMPARED}:\n        raise SystemExit\n"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=folder, capture_output=True, text=True, check=False
    )
    found = [float(line) for line in done.stdout.split()[: max(count, 1)]]
    if count == 0:  # other batches: the loss is of the same size
        return bool(found) and np.isfinite(found[0])
    return bool(np.allclose(found, losses[: len(found)], rtol=_TOLERANCE, equal_nan=True))


def pair(config: Path, folder: Path) -> tuple[str, str] | None:
    """The causes that the config and its program get; None where there is no such program."""
    built = build(load_experiment(config))
    text = program_of(built)
    if text is None:
        return None
    (folder / "net.py").write_text(text)
    np.savez(folder / "net.npz", **arrays_of(built))
    run = nndiag.train(config, plots=False)
    if not is_same(built, folder, run.trace.loss):
        return None
    with contextlib.chdir(folder):
        program = nndiag.train("net.py", plots=False)
    causes = ["nothing" if x is None else x.finding.problem for x in (run.cause, program.cause)]
    return causes[0], causes[1]


def main() -> None:
    """Print each pair, and how many agree."""
    chosen = [x for x in CONFIGS if not sys.argv[1:] or any(y in str(x) for y in sys.argv[1:])]
    same = total = 0
    for config in chosen:
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = pair(config, Path(folder))
            except NndiagError as error:
                found = "", f"refused: {error}"
        if found is not None:
            total += 1
            same += found[0] == found[1]
            mark = "✓" if found[0] == found[1] else "✗"
            print(f"{mark} {config.parent.name}/{config.stem}: {' | '.join(found)}", flush=True)
    print(f"{same} of {total} pairs have the same cause")


if __name__ == "__main__":
    main()

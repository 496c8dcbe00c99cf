"""Works G to J: the gradient check and λ_max, by plain numpy and by nndiag.

    OPENBLAS_NUM_THREADS=1 python -m pytest tests/benchmarks/bench_analysis.py -s

checks that both programs find the same: gradients within 1e-6 of their norm, eigenvalues within
0.1 %. For that power iteration ends where its estimate changes by less than 0.1 %, Lanczos at a
residual of 1 %; both are then as good as 0.01 %, which is printed. Run as a module it prints the
processor seconds of one run, for `tests.benchmarks.speed`: each in a process of its own, since in
one with nndiag the plain power iteration of J is twice as fast.
"""

import sys
import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from nndiag.analysis.curvature import sharpness
from nndiag.gradients.network.differences import central_differences
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture, examples

TIMED = 0.2  # seconds of repetitions in each process
WIDTHS = {
    "G": (1, 100, 1),
    "H": (1, 64, 64, 1),
    "I": (1, 100, 1),
    "J": (1, 64, 64, 64, 1),
}
EXAMPLES = {"G": 200, "H": 200, "I": 200, "J": 1000}


@dataclass(frozen=True)
class Problem:
    """A tanh network on a sine, with weights as nested lists of arrays and as one vector."""

    x: np.ndarray
    y: np.ndarray
    weights: list[np.ndarray]
    biases: list[np.ndarray]
    shape: object
    parameters: np.ndarray
    data: object


def problem(letter):
    rng, widths = np.random.default_rng(0), WIDTHS[letter]
    x = np.linspace(-np.pi, np.pi, EXAMPLES[letter])[:, None]
    y = np.sin(x)
    if letter == "J":
        x = rng.uniform(-1, 1, (EXAMPLES[letter], 1))
        y = np.sin(3 * x)
    scale = {"G": 0.1, "I": 0.1}.get(letter)
    weights = [rng.standard_normal((a, b)) * (scale or a**-0.5) for a, b in pairwise(widths)]
    biases = [np.zeros(width) for width in widths[1:]]
    names = ["tanh"] * (len(weights) - 1) + ["linear"]
    shape = architecture(
        1, list(zip(widths[1:], names, strict=True)), loss=LOSSES.get("mean_squared_error")()
    )
    parameters = packed([*weights, *biases], len(weights))
    return Problem(x, y, weights, biases, shape, parameters, examples(shape, x, y))


def values(x, weights, biases):
    """The values of all layers, as a person writes it."""
    a = [x]
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
        z = a[-1] @ w + b
        a.append(np.tanh(z) if layer < len(weights) - 1 else z)
    return a


def plain_differences(p):
    """Central differences of every parameter by itself, two forward passes each."""
    step, gradients = 1e-5, []
    for array in [*p.weights, *p.biases]:
        gradient = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + step
            up = np.mean((values(p.x, p.weights, p.biases)[-1] - p.y) ** 2)
            array[index] = kept - step
            down = np.mean((values(p.x, p.weights, p.biases)[-1] - p.y) ** 2)
            array[index] = kept
            gradient[index] = (up - down) / (2 * step)
        gradients.append(gradient)
    return packed(gradients, len(p.weights))


def packed(arrays, layers):
    """Weights and biases as nndiag lays them out."""
    return np.concatenate(
        [np.vstack([w, b]).T.ravel() for w, b in zip(arrays[:layers], arrays[layers:], strict=True)]
    )


def plain_gradient(p, weights, biases):
    """The gradient by backpropagation, as weights and biases."""
    a = values(p.x, weights, biases)
    delta = 2 * (a[-1] - p.y) / p.y.size
    dw, db = [], []
    for layer in reversed(range(len(weights))):
        dw.insert(0, a[layer].T @ delta)
        db.insert(0, delta.sum(axis=0))
        if layer:
            delta = (delta @ weights[layer].T) * (1 - a[layer] ** 2)
    return dw + db


def plain_power_iteration(p):
    """λ of largest absolute value by power iteration on differences of gradients, to 0.1 %."""
    rng, layers, step = np.random.default_rng(1), len(p.weights), 1e-5
    point = [*p.weights, *p.biases]
    v = [rng.standard_normal(array.shape) for array in point]
    before = 0.0
    for _ in range(200):
        size = np.sqrt(sum((array**2).sum() for array in v))
        v = [array / size for array in v]
        up = [array + step * d for array, d in zip(point, v, strict=True)]
        down = [array - step * d for array, d in zip(point, v, strict=True)]
        high = plain_gradient(p, up[:layers], up[layers:])
        low = plain_gradient(p, down[:layers], down[layers:])
        image = [(g - h) / (2 * step) for g, h in zip(high, low, strict=True)]
        found = sum((one * other).sum() for one, other in zip(v, image, strict=True))
        if abs(found - before) < 1e-3 * abs(found):
            return found
        before, v = found, image
    return before


def differences(p):
    """The gradient by nndiag's differences."""
    return central_differences(p.shape, p.parameters, p.data).gradient


def largest(p):
    """λ by Lanczos, to a residual of 1 %."""
    return sharpness(p.shape, p.parameters, p.data, tolerance=1e-2).value


PROGRAMS = {"G": (plain_differences, differences), "I": (plain_power_iteration, largest)}
PROGRAMS |= {"H": PROGRAMS["G"], "J": PROGRAMS["I"]}


@pytest.mark.parametrize("letter", WIDTHS)
def test_both_programs_find_the_same(letter):
    p, (plain, own) = problem(letter), PROGRAMS[letter]
    expected, found = plain(p), own(p)
    size = np.linalg.norm(expected)
    assert np.linalg.norm(found - expected) < (1e-6 if letter in "GH" else 1e-3) * size


@pytest.mark.parametrize("letter", "IJ")
def test_both_eigenvalues_are_equally_accurate(letter):
    p, programs = problem(letter), PROGRAMS[letter]
    exact = sharpness(p.shape, p.parameters, p.data, tolerance=1e-8, seconds=10.0).value
    errors = [abs(program(p) / exact - 1) for program in programs]
    print(f"\n{letter}: relative error {errors[0]:.1g} plain, {errors[1]:.1g} own")
    assert max(errors) < 1e-4


if __name__ == "__main__":
    subject, timed = problem(sys.argv[1]), PROGRAMS[sys.argv[1]][sys.argv[2] == "own"]
    laps = [time.process_time()]
    while laps[-1] < laps[0] + TIMED or len(laps) < 3:
        timed(subject)
        laps.append(time.process_time())
    print(np.median(np.diff(laps)))

"""The works that are timed: networks, data and rates, by letter.

    python -m tests.benchmarks.works A plain

prints the seconds of one training with one program, "plain" or "engine".
"""

import sys
import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.nn.stack import Stack
from nndiag.trace.recorder import TraceRecorder
from tests.benchmarks import plain_numpy


@dataclass(frozen=True)
class Work:
    """One training to be timed, from the same weights in both programs."""

    x: np.ndarray
    y: np.ndarray
    weights: list[np.ndarray]
    biases: list[np.ndarray] | None
    activations: tuple[str, ...]
    rate: float
    steps: int
    rows: np.ndarray | None = None

    def plain(self):
        """Losses and gradient norms by the plain numpy loop."""
        return plain_numpy.train(
            self.x,
            self.y,
            self.weights,
            self.biases,
            self.activations,
            rate=self.rate,
            steps=self.steps,
            rows=self.rows,
        )

    def engine(self):
        """The same by the stack engine, with its recorder."""
        layers = [
            (w.shape[1], name) for w, name in zip(self.weights, self.activations, strict=True)
        ]
        shape = architecture(
            self.x.shape[1],
            layers,
            loss=LOSSES.get("mean_squared_error")(),
            biases=self.biases is not None,
        )
        parameters = np.zeros((1, shape.size))
        for layer, matrix in enumerate(shape.matrices(parameters[0])):
            matrix[:, : self.weights[layer].shape[0]] = self.weights[layer].T
            if self.biases is not None:
                matrix[:, -1] = self.biases[layer]
        optimizer = OPTIMIZERS.get("sgd")(learning_rate=self.rate)
        stack = Stack(
            shape,
            parameters,
            optimizer=optimizer,
            inputs=self.x,
            targets=self.y,
            steps=self.steps,
        )
        recorder = TraceRecorder(layers=[f"layer{layer + 1}" for layer in range(shape.layers)])
        whole = self.rows is None
        block = stack.run(steps=self.steps) if whole else stack.run(rows=self.rows)
        losses, norms = block.losses[:, 0], block.gradient_norms[:, 0]
        recorder.record_steps(np.arange(self.steps), losses, norms)
        return losses, norms


def _weights(rng, *widths, scale=None):
    pairs = pairwise(widths)
    return [rng.standard_normal((a, b)) * (scale or a**-0.5) for a, b in pairs]


def _zeros(*widths):
    return [np.zeros(width) for width in widths]


def work(letter):
    """The work of a letter, with data and weights from a fixed seed."""
    rng = np.random.default_rng(0)
    if letter == "A":
        x = np.linspace(-np.pi, np.pi, 200)[:, None]
        weights = _weights(rng, 1, 100, 1, scale=0.1)
        return Work(x, np.sin(x), weights, _zeros(100, 1), ("tanh", "linear"), 0.05, 10_000)
    if letter == "B":
        x = rng.standard_normal((1000, 1))
        weights = _weights(rng, 1, 10, 1)
        return Work(x, x**2, weights, _zeros(10, 1), ("sigmoid", "linear"), 0.1, 10_000)
    if letter == "C":
        x = np.linspace(0.025, 0.5, 20)[:, None]
        return Work(x, 2 * x, [np.array([[0.5]])], [np.array([0.5])], ("tanh",), 0.07, 10_000)
    if letter == "D":
        x = rng.random((500, 1)) * 15
        rows = rng.integers(0, 500, (50_000, 1))
        weights = _weights(rng, 1, 10, 1)
        return Work(x, np.sin(x), weights, None, ("sigmoid", "linear"), 0.01, 50_000, rows)
    x = rng.uniform(-1, 1, (1000, 1))
    weights = _weights(rng, 1, 64, 64, 64, 1)
    activations = ("tanh", "tanh", "tanh", "linear")
    return Work(x, np.sin(3 * x), weights, _zeros(64, 64, 64, 1), activations, 0.01, 2_000)


if __name__ == "__main__":
    timed = getattr(work(sys.argv[1]), sys.argv[2])
    start = time.perf_counter()
    timed()
    print(time.perf_counter() - start)

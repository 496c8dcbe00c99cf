"""Work F as a program of its own: what a person runs instead of a sweep.

    python tests/benchmarks/plain_work_f.py [SHARE]

trains at every SHARE-th of the 64 rates and prints what all of them would take: seconds, and those
of a processor.
of a processor.
"""

import sys
import time

import numpy as np

STEPS = 1000
share = int(sys.argv[1]) if len(sys.argv) > 1 else 1
rng = np.random.default_rng(0)
x = np.linspace(-np.pi, np.pi, 200)[:, None]
y = np.sin(x)
first, second = 0.1 * rng.standard_normal((1, 100)), 0.1 * rng.standard_normal((100, 1))


def train(rate):
    """Losses and gradient norms of one training."""
    w1, b1, w2, b2 = first.copy(), np.zeros(100), second.copy(), np.zeros(1)
    losses, norms = [], []
    for _ in range(STEPS):
        hidden = np.tanh(x @ w1 + b1)
        output = hidden @ w2 + b2
        residual = output - y
        losses.append(np.mean(residual**2))
        delta = 2 * residual / len(x)
        w2_gradient, b2_gradient = hidden.T @ delta, delta.sum(axis=0)
        delta = delta @ w2.T * (1 - hidden**2)
        w1_gradient, b1_gradient = x.T @ delta, delta.sum(axis=0)
        norms.append(
            (
                np.sqrt((w1_gradient**2).sum() + (b1_gradient**2).sum()),
                np.sqrt((w2_gradient**2).sum() + (b2_gradient**2).sum()),
            )
        )
        w1 -= rate * w1_gradient
        b1 -= rate * b1_gradient
        w2 -= rate * w2_gradient
        b2 -= rate * b2_gradient
    return losses, norms


if __name__ == "__main__":
    start, spent = time.perf_counter(), time.process_time()
    with np.errstate(all="ignore"):
        for rate in np.geomspace(1e-3, 1.0, 64)[::share]:
            train(rate)
    print(share * (time.perf_counter() - start), share * (time.process_time() - spent))

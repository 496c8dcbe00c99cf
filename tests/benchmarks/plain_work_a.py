"""Work A as a program of its own: what a person runs instead of nndiag."""

import numpy as np

rng = np.random.default_rng(0)
x = np.linspace(-np.pi, np.pi, 200)[:, None]
y = np.sin(x)
w1, b1 = 0.1 * rng.standard_normal((1, 100)), np.zeros(100)
w2, b2 = 0.1 * rng.standard_normal((100, 1)), np.zeros(1)
losses, norms = [], []
for _ in range(10_000):
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
    w1 -= 0.05 * w1_gradient
    b1 -= 0.05 * b1_gradient
    w2 -= 0.05 * w2_gradient
    b2 -= 0.05 * b2_gradient
print(losses[-1])

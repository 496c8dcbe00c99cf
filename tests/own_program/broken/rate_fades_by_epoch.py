"""The rate is lowered after each epoch, long before the network has learned."""

import numpy as np

rng = np.random.default_rng(4)
x = rng.uniform(-np.pi, np.pi, (128, 1))
t = np.sin(x)
w1, b1 = rng.normal(0, 1, (1, 32)), rng.normal(0, 1, 32)
w2, b2 = rng.normal(0, 0.18, (32, 1)), np.zeros(1)
pace = 0.05
for epoch in range(150):
    order = rng.permutation(128)
    total = 0
    for start in range(0, 128, 16):
        rows = order[start : start + 16]
        h = np.tanh(x[rows] @ w1 + b1)
        gap = h @ w2 + b2 - t[rows]
        total += (gap**2).sum()
        d = 2 * gap / len(rows)
        dh = d @ w2.T * (1 - h**2)
        w2 -= pace * h.T @ d
        b2 -= pace * d.sum(0)
        w1 -= pace * x[rows].T @ dh
        b1 -= pace * dh.sum(0)
    pace *= 0.7
    if epoch % 20 == 0:
        print(epoch, total / 128, pace)

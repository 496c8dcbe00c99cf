"""Classes 1 and 2 where the cross-entropy means 0 and 1."""

import numpy as np

rng = np.random.default_rng(8)
X = rng.normal(size=(150, 3))
y = np.where(X[:, 0] - X[:, 1] + 0.3 * rng.normal(size=150) > 0, 2, 1)
w, b = np.zeros(3), 0.0
for i in range(500):
    p = 1 / (1 + np.exp(-(X @ w + b)))
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    w -= 0.1 * X.T @ (p - y) / 150
    b -= 0.1 * np.mean(p - y)

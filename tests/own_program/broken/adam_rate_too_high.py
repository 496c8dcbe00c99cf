"""Adam with a rate of 5, which throws the weights about."""

import numpy as np

rng = np.random.default_rng(8)
X = rng.normal(size=(200, 5))
y = (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int)
weights = [rng.normal(size=(5, 24)) * 0.6, np.zeros(24), rng.normal(size=(24, 2)) * 0.3, np.zeros(2)]
mean, square = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
lr, beta1, beta2, eps = 5.0, 0.9, 0.999, 1e-8
t = 0
for epoch in range(60):
    order = rng.permutation(200)
    for start in range(0, 200, 50):
        t += 1
        rows = order[start : start + 50]
        W1, b1, W2, b2 = weights
        z = X[rows] @ W1 + b1
        h = np.maximum(z, 0)
        s = h @ W2 + b2
        s = s - s.max(axis=1, keepdims=True)
        p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        loss = -np.mean(np.log(p[range(50), y[rows]] + 1e-12))
        d = p.copy()
        d[range(50), y[rows]] -= 1
        d /= 50
        dh = d @ W2.T
        dh[z <= 0] = 0
        for i, g in enumerate([X[rows].T @ dh, dh.sum(0), h.T @ d, d.sum(0)]):
            mean[i] = beta1 * mean[i] + (1 - beta1) * g
            square[i] = beta2 * square[i] + (1 - beta2) * g**2
            first = mean[i] / (1 - beta1**t)
            second = square[i] / (1 - beta2**t)
            weights[i] -= lr * first / (np.sqrt(second) + eps)

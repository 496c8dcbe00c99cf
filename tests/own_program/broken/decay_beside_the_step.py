"""Decay that shrinks the weights before each step, instead of standing in the gradient."""

import numpy as np

rng = np.random.default_rng(3)
X = rng.uniform(-1, 1, (120, 2))
y = np.sin(3 * X[:, :1]) * X[:, 1:]
weights = [rng.normal(0, 0.7, (2, 30)), rng.normal(0, 0.2, (30, 1))]
biases = [np.zeros(30), np.zeros(1)]
lr, wd = 0.1, 0.5
for turn in range(600):
    h = np.tanh(X @ weights[0] + biases[0])
    gap = h @ weights[1] + biases[1] - y
    loss = float(np.mean(gap**2))
    g = 2 * gap / len(X)
    gh = g @ weights[1].T * (1 - h * h)
    steps, shifts = [X.T @ gh, h.T @ g], [gh.sum(0), g.sum(0)]
    for i in range(2):
        weights[i] *= 1 - lr * wd
        weights[i] -= lr * steps[i]
        biases[i] -= lr * shifts[i]

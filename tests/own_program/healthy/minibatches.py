import numpy as np

rng = np.random.default_rng(5)
features = rng.normal(size=(200, 3))
answers = features @ np.array([[1.0], [-2.0], [0.5]]) + 0.3
w = rng.normal(size=(3, 1)) * 0.1
b = np.zeros(1)
lr, size = 0.05, 20
for epoch in range(40):
    order = rng.permutation(200)
    for first in range(0, 200, size):
        rows = order[first : first + size]
        xb, yb = features[rows], answers[rows]
        e = xb @ w + b - yb
        w -= lr * 2 * xb.T @ e / size
        b -= lr * 2 * e.mean(axis=0)
    print(epoch, np.mean((features @ w + b - answers) ** 2))

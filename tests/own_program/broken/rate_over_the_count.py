"""A rate that stands beside the number of examples."""

import numpy as np

rng = np.random.default_rng(0)
m = 50
X = np.c_[np.ones(m), rng.random((m, 2))]
y = X @ np.array([1.0, 2.0, -1.0]) + 0.05 * rng.normal(size=m)
theta = np.zeros(3)
alpha = 0.0001
J = []
for i in range(1000):
    h = X.dot(theta)
    theta = theta - (alpha / m) * X.T.dot(h - y)
    J.append(1 / (2 * m) * np.sum((h - y) ** 2))

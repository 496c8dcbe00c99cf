"""One hidden unit for two waves; the inputs are a little off scale, which is not why."""

import numpy as np

np.random.seed(42)
x = np.linspace(0, 2 * np.pi, 60).reshape(-1, 1)
y = np.sin(2 * x)
units = 1
w1, b1 = np.random.randn(1, units), np.zeros(units)
w2, b2 = np.random.randn(units, 1), np.zeros(1)
for _ in range(4000):
    h = np.tanh(x.dot(w1) + b1)
    gap = h.dot(w2) + b2 - y
    loss = np.square(gap).mean()
    d = 2 * gap / len(x)
    dh = d.dot(w2.T) * (1 - h**2)
    w2 -= 0.05 * h.T.dot(d)
    b2 -= 0.05 * d.sum(0)
    w1 -= 0.05 * x.T.dot(dh)
    b1 -= 0.05 * dh.sum(0)

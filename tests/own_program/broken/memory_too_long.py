"""Momentum 0.99 makes a rate that plain descent would bear too high."""

import numpy as np


class Momentum:
    def __init__(self, rate, keep):
        self.rate, self.keep, self.speed = rate, keep, None

    def step(self, values, slopes):
        if self.speed is None:
            self.speed = [np.zeros_like(value) for value in values]
        for place, (value, slope) in enumerate(zip(values, slopes)):
            self.speed[place] = self.keep * self.speed[place] - self.rate * slope
            value += self.speed[place]


rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, (60, 2))
y = x[:, :1] ** 2 - x[:, 1:] ** 2
values = [
    rng.normal(size=(2, 16)) * 0.7,
    np.zeros(16),
    rng.normal(size=(16, 1)) * 0.25,
    np.zeros(1),
]
descent = Momentum(rate=0.5, keep=0.99)
for _ in range(400):
    w1, b1, w2, b2 = values
    h = np.tanh(x @ w1 + b1)
    gap = h @ w2 + b2 - y
    loss = np.mean(gap**2)
    d = 2 * gap / len(gap)
    dh = d @ w2.T * (1 - h * h)
    descent.step(values, [x.T @ dh, dh.sum(0), h.T @ d, d.sum(0)])

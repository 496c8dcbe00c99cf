import numpy as np


class Dense:
    def __init__(self, inputs, outputs, rng):
        self.kernel = rng.normal(0, np.sqrt(1 / inputs), (inputs, outputs))
        self.shift = rng.normal(0, 0.3, outputs)

    def forward(self, x):
        self.x = x
        return x @ self.kernel + self.shift

    def backward(self, d, rate):
        back = d @ self.kernel.T
        self.kernel -= rate * self.x.T @ d
        self.shift -= rate * d.sum(axis=0)
        return back


class Squash:
    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, d, rate):
        return d * self.y * (1 - self.y)


rng = np.random.default_rng(1)
points = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
goal = np.array([[0.0], [1], [1], [0]])
layers = [Dense(2, 6, rng), Squash(), Dense(6, 1, rng), Squash()]
for epoch in range(6000):
    out = points
    for layer in layers:
        out = layer.forward(out)
    loss = np.sum((out - goal) ** 2) / 2
    d = out - goal
    for layer in reversed(layers):
        d = layer.backward(d, 1.5)

"""A regression with inverted dropout behind both hidden layers, trained with momentum."""

import numpy as np

np.random.seed(5)
x = np.random.uniform(-2, 2, (120, 2))
t = (np.sin(x[:, :1]) * x[:, 1:]) + 0.3


class Net:
    def __init__(self, sizes, keep=0.8, lr=0.02, momentum=0.9):
        self.W = [np.random.randn(m, n) * np.sqrt(2.0 / m) for m, n in zip(sizes, sizes[1:])]
        self.b = [np.zeros(n) for n in sizes[1:]]
        self.vW = [np.zeros_like(w) for w in self.W]
        self.vb = [np.zeros_like(b) for b in self.b]
        self.keep, self.lr, self.momentum = keep, lr, momentum

    def forward(self, a, train=True):
        self.a, self.z, self.masks = [a], [], []
        last = len(self.W) - 1
        for layer, (w, b) in enumerate(zip(self.W, self.b)):
            z = a @ w + b
            a = z
            mask = np.ones_like(z)
            if layer < last:
                a = np.maximum(0.01 * z, z)
                if train:
                    mask = (np.random.rand(*z.shape) < self.keep) / self.keep
                a = a * mask
            self.z.append(z)
            self.masks.append(mask)
            self.a.append(a)
        return a

    def backward(self, target):
        n = target.shape[0]
        delta = (self.a[-1] - target) / n
        for layer in range(len(self.W) - 1, -1, -1):
            gW = self.a[layer].T @ delta
            gb = delta.sum(axis=0)
            if layer > 0:
                delta = delta @ self.W[layer].T
                delta = delta * self.masks[layer - 1]
                delta = delta * np.where(self.z[layer - 1] > 0, 1.0, 0.01)
            self.vW[layer] = self.momentum * self.vW[layer] - self.lr * gW
            self.vb[layer] = self.momentum * self.vb[layer] - self.lr * gb
            self.W[layer] += self.vW[layer]
            self.b[layer] += self.vb[layer]

    def loss(self, out, target):
        return 0.5 * np.mean((out - target) ** 2)


net = Net([2, 24, 16, 1])
for epoch in range(400):
    out = net.forward(x)
    cost = net.loss(out, t)
    net.backward(t)
    if epoch % 50 == 0:
        print(epoch, cost)

import numpy as np


def relu(z):
    return np.maximum(z, 0)


def init(rng, sizes):
    p = {}
    for k in range(len(sizes) - 1):
        p["W%d" % (k + 1)] = rng.normal(0, 1, (sizes[k], sizes[k + 1])) / np.sqrt(sizes[k])
        p["b%d" % (k + 1)] = rng.normal(0, 0.1, sizes[k + 1])
    return p


def forward(p, X):
    z1 = X @ p["W1"] + p["b1"]
    a1 = relu(z1)
    z2 = a1 @ p["W2"] + p["b2"]
    return z1, a1, z2


def backward(p, X, Y, z1, a1, z2):
    m = len(X)
    g = {}
    dz2 = 2.0 * (z2 - Y) / m
    g["W2"] = a1.T @ dz2
    g["b2"] = dz2.sum(axis=0)
    da1 = dz2 @ p["W2"].T
    dz1 = da1 * (z1 > 0)
    g["W1"] = X.T @ dz1
    g["b1"] = dz1.sum(axis=0)
    return g


def train(X, Y, steps=2000, lr=1e-2, beta1=0.9, beta2=0.999, eps=1e-8):
    rng = np.random.default_rng(42)
    p = init(rng, [2, 10, 1])
    m = {k: np.zeros_like(v) for k, v in p.items()}
    v = {k: np.zeros_like(v) for k, v in p.items()}
    for t in range(1, steps + 1):
        z1, a1, z2 = forward(p, X)
        loss = np.mean(np.sum((z2 - Y) ** 2, axis=1))
        g = backward(p, X, Y, z1, a1, z2)
        for k in p:
            m[k] = beta1 * m[k] + (1 - beta1) * g[k]
            v[k] = beta2 * v[k] + (1 - beta2) * g[k] ** 2
            m_hat = m[k] / (1 - beta1 ** t)
            v_hat = v[k] / (1 - beta2 ** t)
            p[k] = p[k] - lr * m_hat / (np.sqrt(v_hat) + eps)
        if t % 200 == 0:
            print(t, loss)
    return p


data = np.random.default_rng(0).uniform(-1, 1, size=(64, 2))
target = np.abs(data[:, :1]) + data[:, 1:] ** 2
train(data, target)

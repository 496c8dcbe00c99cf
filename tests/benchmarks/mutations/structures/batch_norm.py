"""A classifier with batch normalisation, its layers as pairs of functions."""

import numpy as np

rng = np.random.RandomState(0)
X = rng.randn(90, 3) * [1.0, 5.0, 0.2] + [0.0, 3.0, 1.0]
label = ((X[:, 0] + X[:, 1] / 5) > 0.6).astype(int) + (X[:, 2] > 1.1)
Y = np.eye(3)[label]


def affine(x, w, b):
    return x.dot(w) + b, (x, w)


def affine_back(d, cache):
    x, w = cache
    return d.dot(w.T), x.T.dot(d), d.sum(axis=0)


def batch_norm(x, gamma, beta, eps=1e-5):
    mean = x.mean(axis=0)
    var = x.var(axis=0)
    xhat = (x - mean) / np.sqrt(var + eps)
    return gamma * xhat + beta, (xhat, gamma, np.sqrt(var + eps))


def batch_norm_back(d, cache):
    xhat, gamma, std = cache
    n = d.shape[0]
    dgamma = np.sum(d * xhat, axis=0)
    dbeta = np.sum(d, axis=0)
    dxhat = d * gamma
    dx = (n * dxhat - dxhat.sum(axis=0) - xhat * np.sum(dxhat * xhat, axis=0)) / (n * std)
    return dx, dgamma, dbeta


def relu(x):
    return np.maximum(x, 0), x


def relu_back(d, x):
    return d * (x > 0)


p = {
    "w1": 0.1 * rng.randn(3, 16), "b1": np.zeros(16), "gamma": np.ones(16), "beta": np.zeros(16),
    "w2": 0.1 * rng.randn(16, 3), "b2": np.zeros(3),
}
losses = []
for it in range(600):
    rows = rng.choice(len(X), 30, replace=False)
    h1, c1 = affine(X[rows], p["w1"], p["b1"])
    n1, cn = batch_norm(h1, p["gamma"], p["beta"])
    a1, cr = relu(n1)
    s, c2 = affine(a1, p["w2"], p["b2"])
    e = np.exp(s - s.max(axis=1, keepdims=True))
    prob = e / e.sum(axis=1, keepdims=True)
    losses.append(-np.mean(np.sum(Y[rows] * np.log(prob), axis=1)))

    g = {}
    ds = (prob - Y[rows]) / len(rows)
    da1, g["w2"], g["b2"] = affine_back(ds, c2)
    dn1 = relu_back(da1, cr)
    dh1, g["gamma"], g["beta"] = batch_norm_back(dn1, cn)
    _, g["w1"], g["b1"] = affine_back(dh1, c1)
    for k in p:
        p[k] -= 0.2 * g[k]
print(losses[0], losses[-1])

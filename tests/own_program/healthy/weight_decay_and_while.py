import numpy as np

rng = np.random.default_rng(10)
X = rng.normal(size=(100, 2))
y = np.tanh(X @ np.array([1.0, 0.5]))[:, None]
W1 = rng.normal(size=(2, 8)) * 0.7
b1 = np.zeros(8)
W2 = rng.normal(size=(8, 1)) * 0.4
b2 = np.zeros(1)
lam = 1e-4
k = 0
while k < 2000:
    h = np.tanh(X @ W1 + b1)
    o = h @ W2 + b2
    cost = np.mean((o - y) ** 2) + lam * (np.sum(W1**2) + np.sum(W2**2))
    d = 2 * (o - y) / len(X)
    e = d @ W2.T * (1 - h**2)
    W2 -= 0.1 * (h.T @ d + 2 * lam * W2)
    b2 -= 0.1 * d.sum(0)
    W1 -= 0.1 * (X.T @ e + 2 * lam * W1)
    b1 -= 0.1 * e.sum(0)
    k += 1
print(cost)

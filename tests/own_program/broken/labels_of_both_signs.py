import numpy as np

rng = np.random.default_rng(23)
X = rng.normal(size=(160, 2))
y = np.sign(X[:, :1] + X[:, 1:] ** 2 - 0.8)
W1 = rng.normal(0, 0.7, (2, 9))
b1 = np.zeros(9)
W2 = rng.normal(0, 0.7, (9, 1))
b2 = np.zeros(1)
for i in range(900):
    h = np.tanh(X @ W1 + b1)
    p = 1 / (1 + np.exp(-(h @ W2 + b2)))
    entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
    d = (p - y) / len(y)
    e = d @ W2.T * (1 - h**2)
    W2 -= 0.3 * h.T @ d
    b2 -= 0.3 * d.sum(0)
    W1 -= 0.3 * X.T @ e
    b1 -= 0.3 * e.sum(0)
    if i % 100 == 0:
        print(i, entropy)

import numpy as np

rng = np.random.default_rng(77)
X = rng.normal(size=(150, 4))
t = (X @ np.array([1.0, -1.0, 0.5, 0.0]) > 0.2) * 1.0
w, b = np.zeros(4), 0.0


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


for n in range(1000):
    p = sigmoid(X @ w + b)
    w = w - 0.8 * X.T @ (p - t) / len(t)
    b = b - 0.8 * np.mean(p - t)
    if n % 100 == 0:
        print("loss", -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p)))

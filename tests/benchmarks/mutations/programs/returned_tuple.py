import numpy as np


def predict(w, b, X):
    return 1 / (1 + np.exp(-(X @ w + b)))


def cross_entropy(p, t):
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))


def gradients(w, b, X, t):
    p = predict(w, b, X)
    residual = p - t
    grad_w = X.T @ residual / len(t)
    grad_b = np.mean(residual)
    return grad_w, grad_b, cross_entropy(p, t)


def step(w, b, X, t, alpha):
    grad_w, grad_b, cost = gradients(w, b, X, t)
    return w - alpha * grad_w, b - alpha * grad_b, cost


rng = np.random.default_rng(8)
X = rng.normal(size=(60, 4))
t = (X @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.3 * rng.normal(size=60) > 0).astype(float)
w, b = np.zeros(4), 0.0
costs = []
for k in range(1000):
    w, b, cost = step(w, b, X, t, 0.3)
    costs.append(cost)
print(w, b, costs[-1])

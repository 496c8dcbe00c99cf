import numpy as np

x = np.linspace(0.05, 0.6, 12)[:, None]
y = 2 * x
w, b = np.full((1, 1), 0.4), np.zeros((1, 1))
for epoch in range(6000):
    out = np.tanh(x @ w + b)
    half = np.sum((out - y) ** 2) / 2
    d = (out - y) * (1 - out**2)
    w -= 0.08 * x.T @ d
    b -= 0.08 * d.sum(axis=0, keepdims=True)
print(half)

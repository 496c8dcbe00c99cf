import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(100, 2))
y = np.tanh(X[:, :1] - 0.5 * X[:, 1:])
W1 = rng.normal(size=(2, 12)) * 0.5
b1 = np.zeros((1, 12))
W2 = rng.normal(size=(12, 1)) * 0.3
b2 = np.zeros((1, 1))
lr = 0.1
for step in range(2000):
    h = np.tanh(X @ W1 + b1)
    out = h @ W2 + b2
    loss = np.mean((out - y) ** 2)
    d = 2 * (out - y) / len(X)
    dW2 = h.T @ d
    db2 = d.sum(0, keepdims=True)
    dh = d @ W2.T * (1 - h**2)
    W1 -= lr * X.T @ dh
    b1 -= lr * dh.mean(0, keepdims=True)
    W2 -= lr * dW2
    b2 -= lr * db2
print(loss)

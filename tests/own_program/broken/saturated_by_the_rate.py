import numpy as np

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
Y = np.array([[0], [0], [0], [1]], float)
rng = np.random.default_rng(2)
W1 = rng.normal(size=(2, 4))
b1 = np.zeros(4)
W2 = rng.normal(size=(4, 1))
b2 = np.zeros(1)
for epoch in range(600):
    A = np.tanh(X @ W1 + b1)
    P = 1 / (1 + np.exp(-(A @ W2 + b2)))
    cost = -np.mean(Y * np.log(P + 1e-12) + (1 - Y) * np.log(1 - P + 1e-12))
    d = (P - Y) / len(X)
    e = d @ W2.T * (1 - A**2)
    W2 = W2 - 60.0 * A.T @ d
    b2 = b2 - 60.0 * d.sum(0)
    W1 = W1 - 60.0 * X.T @ e
    b1 = b1 - 60.0 * e.sum(0)
    if epoch % 50 == 0:
        print(epoch, cost)

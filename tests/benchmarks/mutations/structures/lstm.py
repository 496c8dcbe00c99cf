"""A long short-term memory that adds up marked numbers of a sequence."""

import numpy as np

rng = np.random.default_rng(7)
N, T, D, H = 32, 6, 2, 8
X = rng.normal(size=(N, T, D))
X[:, :, 1] = rng.random((N, T)) < 0.5
y = np.sum(X[:, :, 0] * X[:, :, 1], axis=1, keepdims=True)


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


W = rng.normal(size=(D + H, 4 * H)) * 0.2
b = np.zeros(4 * H)
V = rng.normal(size=(H, 1)) * 0.2
c = np.zeros(1)

for epoch in range(1500):
    h = np.zeros((N, H))
    cell = np.zeros((N, H))
    memory = []
    for t in range(T):
        joined = np.hstack([X[:, t], h])
        a = joined @ W + b
        i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
        g = np.tanh(a[:, 3 * H :])
        cell_before = cell
        cell = f * cell_before + i * g
        h = o * np.tanh(cell)
        memory.append((joined, i, f, o, g, cell_before, cell))
    guess = h @ V + c
    loss = np.mean((guess - y) ** 2)

    d_guess = 2 * (guess - y) / N
    dV = h.T @ d_guess
    dc = d_guess.sum(axis=0)
    dh = d_guess @ V.T
    d_cell = np.zeros((N, H))
    dW, db = np.zeros_like(W), np.zeros_like(b)
    for joined, i, f, o, g, cell_before, cell_here in reversed(memory):
        squashed = np.tanh(cell_here)
        do = dh * squashed
        d_cell = d_cell + dh * o * (1 - squashed**2)
        di = d_cell * g
        df = d_cell * cell_before
        dg = d_cell * i
        da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
        dW += joined.T @ da
        db += da.sum(axis=0)
        d_joined = da @ W.T
        dh = d_joined[:, D:]
        d_cell = d_cell * f
    W -= 0.1 * dW
    b -= 0.1 * db
    V -= 0.1 * dV
    c -= 0.1 * dc
    if epoch % 100 == 0:
        print(f"epoch {epoch}: {loss:.4f}")

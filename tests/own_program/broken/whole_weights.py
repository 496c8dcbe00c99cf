import numpy as np

rng = np.random.default_rng(19)
x = rng.uniform(-1, 1, (80, 1))
y = 1.4 * x + 0.2
w1, c1 = rng.integers(-3, 4, (1, 8)), np.zeros(8, dtype=int)
w2, c2 = rng.integers(-2, 3, (8, 1)), np.zeros(1, dtype=int)


def change(p, g):
    p[...] = p - 0.03 * g


for epoch in range(300):
    h = np.tanh(x @ w1 + c1)
    r = h @ w2 + c2 - y
    loss = (r**2).mean()
    d = 2 * r / len(x)
    e = d @ w2.T * (1 - h**2)
    change(w2, h.T @ d)
    change(c2, d.sum(0))
    change(w1, x.T @ e)
    change(c1, e.sum(0))

import numpy as np

np.random.seed(2)
x = np.random.uniform(-1, 1, (100, 1))
y = x**2
wi, bi = np.random.randn(1, 10), np.random.randn(10)
wo, bo = np.random.randn(10, 1) * 0.3, np.zeros(1)
for t in range(20000):
    i = np.random.randint(100)
    h = np.tanh(x[i : i + 1] @ wi + bi)
    o = h @ wo + bo
    r = o - y[i : i + 1]
    g = r @ wo.T * (1 - h**2)
    wo -= 0.05 * h.T @ r
    bo -= 0.05 * r[0]
    wi -= 0.05 * x[i : i + 1].T @ g
    bi -= 0.05 * g[0]

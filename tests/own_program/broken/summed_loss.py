import numpy as np

rng = np.random.default_rng(3)
x = np.linspace(-3, 3, 150)[:, None]
y = np.sin(x)
W = rng.uniform(-1, 1, (1, 30))
p = np.zeros(30)
V = rng.uniform(-1, 1, (30, 1)) * 0.3
q = np.zeros(1)
for k in range(600):
    h = np.tanh(x @ W + p)
    e = h @ V + q - y
    print("sse", 0.5 * np.sum(e**2))
    g = e @ V.T * (1 - h * h)
    V -= 0.05 * h.T @ e
    q -= 0.05 * e.sum(0)
    W -= 0.05 * x.T @ g
    p -= 0.05 * g.sum(0)

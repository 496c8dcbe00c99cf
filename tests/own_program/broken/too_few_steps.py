import numpy as np

rng = np.random.default_rng(9)
x = np.linspace(-2, 2, 50)[:, None]
y = np.sin(2 * x) + 0.4
W1, b1 = rng.normal(size=(1, 20)), rng.normal(size=20)
W2, b2 = rng.normal(size=(20, 1)) * 0.2, np.zeros(1)
for i in range(25):
    h = np.tanh(x @ W1 + b1)
    d = 2 * (h @ W2 + b2 - y) / len(x)
    print(np.mean((h @ W2 + b2 - y) ** 2))
    s = d @ W2.T * (1 - h**2)
    W2 -= 0.03 * h.T @ d
    b2 -= 0.03 * d.sum(0)
    W1 -= 0.03 * x.T @ s
    b1 -= 0.03 * s.sum(0)

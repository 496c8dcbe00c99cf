import numpy as np

rng = np.random.default_rng(12)
x = np.linspace(-1, 1, 40)[:, None]
y = x**3 - 0.5 * x + 0.7
W1, b1 = rng.normal(size=(1, 12)), rng.normal(size=12) * 0.3
W2, b2 = rng.normal(size=(12, 1)) * 0.3, np.zeros(1)
lr = 1e-6
for step in range(1500):
    h = np.tanh(x @ W1 + b1)
    e = h @ W2 + b2 - y
    loss = np.mean(e**2)
    d = 2 * e / len(x)
    s = d @ W2.T * (1 - h**2)
    W2 -= lr * h.T @ d
    b2 -= lr * d.sum(0)
    W1 -= lr * x.T @ s
    b1 -= lr * s.sum(0)
print(loss)

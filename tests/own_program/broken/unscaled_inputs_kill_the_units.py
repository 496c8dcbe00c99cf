import numpy as np

rng = np.random.default_rng(0)
size = rng.uniform(0, 120, (200, 2))
price = 3 * size[:, :1] - size[:, 1:] + 20
A = rng.normal(size=(2, 14))
a = np.zeros((1, 14))
B = rng.normal(size=(14, 1))
b = np.zeros((1, 1))
rate = 0.02
for epoch in range(400):
    h = np.maximum(size @ A + a, 0)
    guess = h @ B + b
    loss = np.mean((guess - price) ** 2)
    d = 2 * (guess - price) / len(size)
    e = (d @ B.T) * (h > 0)
    B -= rate * h.T @ d
    b -= rate * d.sum(axis=0, keepdims=True)
    A -= rate * size.T @ e
    a -= rate * e.sum(axis=0, keepdims=True)
    print(epoch, loss)

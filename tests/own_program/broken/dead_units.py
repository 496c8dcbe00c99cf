import numpy as np

rng = np.random.default_rng(8)
x = rng.normal(size=(80, 2))
y = np.where(x[:, :1] > x[:, 1:] ** 2, 1.0, 0.0)
first = rng.normal(size=(2, 10)) * 0.02
low = np.full(10, -2.0)
second = rng.normal(size=(10, 1)) * 0.5
end = np.zeros(1)
for i in range(1500):
    h = np.maximum(0, x @ first + low)
    p = 1 / (1 + np.exp(-(h @ second + end)))
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    d = (p - y) / len(x)
    dh = d @ second.T * (h > 0)
    second -= 0.2 * h.T @ d
    end -= 0.2 * d.sum(0)
    first -= 0.2 * x.T @ dh
    low -= 0.2 * dh.sum(0)
print(loss)

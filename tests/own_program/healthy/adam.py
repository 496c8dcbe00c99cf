import numpy as np

rng = np.random.default_rng(31)
x = np.linspace(-1, 1, 64)[:, None]
y = np.abs(x)
theta = [rng.normal(size=(1, 16)), rng.normal(size=16), rng.normal(size=(16, 1)) * 0.3, np.zeros(1)]
m = [np.zeros_like(p) for p in theta]
v = [np.zeros_like(p) for p in theta]
for t in range(1, 1501):
    h = np.tanh(x @ theta[0] + theta[1])
    out = h @ theta[2] + theta[3]
    loss = np.mean((out - y) ** 2)
    d = 2 * (out - y) / len(x)
    dh = d @ theta[2].T * (1 - h * h)
    grads = [x.T @ dh, dh.sum(0), h.T @ d, d.sum(0)]
    for i, g in enumerate(grads):
        m[i] = 0.9 * m[i] + 0.1 * g
        v[i] = 0.999 * v[i] + 0.001 * g * g
        theta[i] -= 0.01 * (m[i] / (1 - 0.9**t)) / (np.sqrt(v[i] / (1 - 0.999**t)) + 1e-8)
print(loss)

import numpy as np

rng = np.random.default_rng(14)
x = rng.uniform(-1, 1, (90, 2))
y = np.cos(2 * x[:, :1]) * x[:, 1:]
W = [rng.normal(size=(2, 20)), rng.normal(size=(20, 1)) * 0.2]
B = [rng.normal(size=20) * 0.5, np.zeros(1)]
VW = [np.zeros_like(w) for w in W]
VB = [np.zeros_like(b) for b in B]
for k in range(2500):
    a = np.tanh(x @ W[0] + B[0])
    p = a @ W[1] + B[1]
    loss = np.mean((p - y) ** 2)
    d1 = 2 * (p - y) / len(x)
    d0 = d1 @ W[1].T * (1 - a**2)
    for i, (gw, gb) in enumerate([(x.T @ d0, d0.sum(0)), (a.T @ d1, d1.sum(0))]):
        VW[i] = 0.9 * VW[i] - 0.03 * gw
        VB[i] = 0.9 * VB[i] - 0.03 * gb
        W[i] += VW[i]
        B[i] += VB[i]
    if k % 250 == 0:
        print(k, loss)

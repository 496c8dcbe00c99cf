import numpy as np
np.random.seed(0)
n = 25
X = np.hstack([np.random.randn(n, 2), np.ones((n, 1))])
t = np.sign(X[:, 0] * X[:, 1]).reshape(n, 1)
V = np.random.randn(3, 6) * 0.5
U = np.random.randn(7, 1) * 0.5
eta = 0.05
errs = []
while len(errs) < 2000:
    H = np.tanh(X @ V)
    Hb = np.hstack([H, np.ones((n, 1))])
    Y = np.tanh(Hb @ U)
    E = 0.5 * np.sum((t - Y) ** 2) / n
    errs.append(E)
    delta_out = (t - Y) * (1 - Y ** 2) / n
    delta_hid = (delta_out @ U[:-1].T) * (1 - H ** 2)
    U += eta * Hb.T @ delta_out
    V += eta * X.T @ delta_hid
print(errs[-1])

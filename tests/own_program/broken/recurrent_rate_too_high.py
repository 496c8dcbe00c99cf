"""A recurrent network of which only the first steps tell what rate it bears."""

import numpy as np

rng = np.random.RandomState(1)
series = np.sin(np.arange(0, 40, 0.2))
span, width, rate = 8, 10, 0.5
wx, wh, wy = rng.randn(width, 1) * 0.5, rng.randn(width, width) * 0.3, rng.randn(1, width) * 0.3
bh, by = np.zeros((width, 1)), np.zeros((1, 1))
for turn in range(300):
    start = rng.randint(0, len(series) - span - 1)
    seen, wanted = series[start : start + span], series[start + 1 : start + span + 1]
    states, gaps, loss = {-1: np.zeros((width, 1))}, {}, 0
    for k in range(span):
        states[k] = np.tanh(wx * seen[k] + wh @ states[k - 1] + bh)
        gaps[k] = wy @ states[k] + by - wanted[k]
        loss += 0.5 * gaps[k][0, 0] ** 2
    dwx, dwh, dwy = np.zeros_like(wx), np.zeros_like(wh), np.zeros_like(wy)
    dbh, dby, later = np.zeros_like(bh), np.zeros_like(by), np.zeros((width, 1))
    for k in reversed(range(span)):
        dwy += gaps[k] @ states[k].T
        dby += gaps[k]
        inner = (1 - states[k] ** 2) * (wy.T @ gaps[k] + later)
        dwx += inner * seen[k]
        dwh += inner @ states[k - 1].T
        dbh += inner
        later = wh.T @ inner
    for value, slope in ((wx, dwx), (wh, dwh), (wy, dwy), (bh, dbh), (by, dby)):
        value -= rate * slope

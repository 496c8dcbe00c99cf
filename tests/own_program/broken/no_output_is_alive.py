"""The output's ReLU is dead from the start, and could give no negative target anyway."""

import numpy as np

np.random.seed(2)
xs = np.random.uniform(-2, 2, (80, 1))
wanted = xs**3 / 4
ramp = lambda v: np.maximum(0, v)
slope = lambda v: (v > 0).astype(float)
first, shift = np.random.randn(1, 30), np.zeros((1, 30))
last, offset = np.random.randn(30, 1) * np.sqrt(2 / 30), np.zeros((1, 1))
for turn in range(1200):
    inner = xs @ first + shift
    hidden = ramp(inner)
    outer = hidden @ last + offset
    guess = ramp(outer)
    loss = np.mean((guess - wanted) ** 2)
    back = 2 * (guess - wanted) / len(xs) * slope(outer)
    inward = back @ last.T * slope(inner)
    last -= 0.03 * hidden.T @ back
    offset -= 0.03 * back.sum(0, keepdims=True)
    first -= 0.03 * xs.T @ inward
    shift -= 0.03 * inward.sum(0, keepdims=True)
    if turn % 300 == 0:
        print(turn, loss)

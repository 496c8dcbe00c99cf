"""A line that does not run through the origin, without a bias, at the minimum of its loss."""

import numpy as np

rng = np.random.default_rng(21)
celsius = rng.uniform(-20, 40, (80, 1))
fahrenheit = celsius * 1.8 + 32
W = rng.normal(size=(1, 1))
for i in range(300):
    guess = celsius @ W
    cost = ((guess - fahrenheit) ** 2).mean()
    W = W - 0.0005 * 2 * celsius.T @ (guess - fahrenheit) / 80

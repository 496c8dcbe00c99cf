import numpy as np

source = np.random.default_rng(3)
places = source.uniform(-3, 3, (60, 1))
heights = np.abs(places)
first, shift = source.normal(size=(1, 12)), source.normal(size=12)
second, base = 0.2 * source.normal(size=(12, 1)), np.zeros(1)
pace = 0.05
for turn in range(400):
    middle = np.tanh(places @ first + shift)
    miss = middle @ second + base - heights
    cost = np.mean(miss**2)
    back = 2 * miss / len(places)
    inner = back @ second.T * (1 - middle**2)
    second -= pace * middle.T @ back
    base -= pace * back.sum(0)
    first -= pace * places.T @ inner
    shift -= pace * inner.sum(0)
    pace *= 0.9
    print(turn, cost)

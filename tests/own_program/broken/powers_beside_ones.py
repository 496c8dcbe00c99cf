"""Powers of one column that are not scaled, beside a column of ones that has to stay."""

import numpy as np

count = 60
t = np.linspace(0, 10, count)
height = 2 + 0.5 * t - 0.3 * t**2 + 0.2 * np.random.RandomState(1).randn(count)
table = np.c_[np.ones(count), t, t**2, t**3]
theta = np.zeros(4)
history = []
for turn in range(500):
    gap = table.dot(theta) - height
    history.append(1 / (2 * count) * np.sum(gap**2))
    theta = theta - 0.01 * (1 / count * table.T.dot(gap))

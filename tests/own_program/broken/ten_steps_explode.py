import numpy as np

weight = np.array([61.0, 83.0, 72.0, 95.0, 55.0, 78.0, 88.0])
height = 0.6 * weight + 120
m = c = 0.0
for i in range(12):
    gap = m * weight + c - height
    m -= 0.002 * np.sum(gap * weight)
    c -= 0.002 * np.sum(gap)
    print("cost", np.sum(gap**2) / 2)

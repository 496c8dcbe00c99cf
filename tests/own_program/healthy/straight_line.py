import numpy as np

x = np.linspace(0, 1, 30)
y = 4 * x - 1
slope, level = 0.0, 0.0
for i in range(2000):
    gap = slope * x + level - y
    slope -= 0.3 * np.mean(gap * x)
    level -= 0.3 * np.mean(gap)
    print(np.mean(gap**2) / 2)

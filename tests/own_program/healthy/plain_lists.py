import math
import random

random.seed(6)
data = [(i / 10 - 1, math.sin(i / 10 - 1)) for i in range(20)]
w = [random.uniform(-1, 1) for _ in range(5)]
b = [random.uniform(-1, 1) for _ in range(5)]
v = [random.uniform(-1, 1) for _ in range(5)]
c = 0.0
rate = 0.1
for epoch in range(300):
    total = 0.0
    for x, y in data:
        h = [math.tanh(w[j] * x + b[j]) for j in range(5)]
        out = sum(v[j] * h[j] for j in range(5)) + c
        error = out - y
        total += error * error
        for j in range(5):
            slope = error * v[j] * (1 - h[j] ** 2)
            v[j] -= rate * error * h[j]
            w[j] -= rate * slope * x
            b[j] -= rate * slope
        c -= rate * error
    print(epoch, total / len(data))

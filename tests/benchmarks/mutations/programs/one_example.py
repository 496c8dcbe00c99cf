import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dsigmoid(x):
    return sigmoid(x) * (1 - sigmoid(x))


rng = np.random.RandomState(4)
x_data = rng.rand(200) * 2 - 1
y_data = np.sin(3 * x_data)
ETA = 0.05
v = rng.rand(6) * 2 - 1
c = rng.rand(6) * 2 - 1
u = rng.rand(6) * 2 - 1
d = 0.0

for n in range(300000):
    i = np.random.randint(0, 200)
    x, y = x_data[i], y_data[i]
    z = v * x + c
    h = sigmoid(z)
    out = np.dot(u, h) + d
    err = out - y
    cost = 0.5 * err ** 2
    grad_u = err * h
    grad_d = err
    back = err * u * dsigmoid(z)
    grad_v = back * x
    grad_c = back
    u = u - ETA * grad_u
    d = d - ETA * grad_d
    v = v - ETA * grad_v
    c = c - ETA * grad_c
    if n % 10000 == 0:
        print(n, cost)

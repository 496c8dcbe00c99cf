import numpy as np
from math import sin
import matplotlib.pyplot as plt

def sigmoid(z):
    return 1 / (1 + np.math.e ** -z)

def sigmoid_deriv(z):
    return sigmoid(z) * (1 - sigmoid(z))

xs = np.random.rand(500) * 15.0
ys = [sin(v) for v in xs]
RATE = .01
w_in = np.random.rand(10) * 2. - 1.
w_out = np.random.rand(10) * 2. - 1.
for it in range(500000):
    k = np.random.randint(0, 500)
    x = xs[k]
    y = ys[k]
    z = w_in * x
    out = sum(sigmoid(z) * w_out)
    error = .5 * (out - y) ** 2
    grad_out = (y - out) * sigmoid(z)
    grad_in = (y - out) * w_out * sigmoid_deriv(sigmoid(z)) * x
    w_out -= RATE * grad_out
    w_in -= RATE * grad_in
    if it % 10000 == 0:
        print(error)

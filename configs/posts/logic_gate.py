"""Exclusive or by sigmoid units in plain NumPy: the loss rests on the plateau of the mean.

The backward pass leaves out the weights that the error came through.
"""

import numpy as np

rng = np.random.default_rng(1)
x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = np.array([[0.0], [1.0], [1.0], [0.0]])
w1, b1 = rng.normal(size=(2, 3)), np.zeros(3)
w2, b2 = rng.normal(size=(3, 1)), np.zeros(1)


def sigmoid(z):
    """The logistic function."""
    return 1 / (1 + np.exp(-z))


for epoch in range(5000):
    hidden = sigmoid(x @ w1 + b1)
    output = sigmoid(hidden @ w2 + b2)
    error = output - y
    loss = np.mean(error**2)
    d_output = 2 * error / len(x) * output * (1 - output)
    d_hidden = d_output * hidden * (1 - hidden)
    w2 -= 1.0 * hidden.T @ d_output
    b2 -= 1.0 * d_output.sum(axis=0)
    w1 -= 1.0 * x.T @ d_hidden
    b1 -= 1.0 * d_hidden.sum(axis=0)
    if epoch % 500 == 0:
        print(epoch, loss)

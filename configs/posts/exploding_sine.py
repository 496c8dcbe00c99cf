"""A 1-100-1 tanh network on a sine curve in plain NumPy: the loss grows with every epoch.

The backward pass is right; the learning rate is not.
"""

import numpy as np

rng = np.random.default_rng(0)
x = np.linspace(-np.pi, np.pi, 200)[:, None]
y = np.sin(x)
w1, b1 = rng.uniform(-1, 1, (1, 100)), np.zeros(100)
w2, b2 = rng.uniform(-1, 1, (100, 1)), np.zeros(1)
learning_rate = 0.2

for epoch in range(2000):
    hidden = np.tanh(x @ w1 + b1)
    output = hidden @ w2 + b2
    loss = np.mean((output - y) ** 2)
    d_output = 2 * (output - y) / len(x)
    d_hidden = d_output @ w2.T * (1 - hidden**2)
    w2 -= learning_rate * hidden.T @ d_output
    b2 -= learning_rate * d_output.sum(axis=0)
    w1 -= learning_rate * x.T @ d_hidden
    b1 -= learning_rate * d_hidden.sum(axis=0)
    if epoch % 200 == 0:
        print(epoch, loss)

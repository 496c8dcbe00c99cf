import numpy as np

rng = np.random.RandomState(7)
inputs = rng.randn(12, 3)
targets = np.tanh(inputs.sum(axis=1)) * 0.8

A = rng.randn(5, 3) * 0.6
a = rng.randn(5) * 0.1
B = rng.randn(5) * 0.6
beta = 0.05
learning_rate = 0.02

for epoch in range(4000):
    gA = np.zeros_like(A)
    ga = np.zeros_like(a)
    gB = np.zeros_like(B)
    gbeta = 0.0
    E = 0.0
    for x, t in zip(inputs, targets):
        s = A @ x + a
        h = np.tanh(s)
        o = np.tanh(B @ h + beta)
        diff = o - t
        E += 0.5 * diff ** 2
        delta_o = diff * (1 - o ** 2)
        delta_h = delta_o * B * (1 - h ** 2)
        gB += delta_o * h
        gbeta += delta_o
        gA += np.outer(delta_h, x)
        ga += delta_h
    A -= learning_rate * gA
    a -= learning_rate * ga
    B -= learning_rate * gB
    beta -= learning_rate * gbeta
    if epoch % 500 == 0:
        print("E =", E)

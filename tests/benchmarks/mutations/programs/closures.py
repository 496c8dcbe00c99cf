import numpy as np


def make_layer(n_in, n_out, activation, derivative, rng):
    W = rng.standard_normal((n_in, n_out)) * 0.7
    b = np.zeros(n_out)
    memory = {}

    def forward(x):
        memory["x"] = x
        memory["z"] = x @ W + b
        return activation(memory["z"])

    def backward(upstream, lr):
        nonlocal W, b
        delta = upstream * derivative(memory["z"])
        below = delta @ W.T
        W = W - lr * memory["x"].T @ delta
        b = b - lr * delta.sum(axis=0)
        return below

    return forward, backward


def identity(z):
    return z


def one(z):
    return np.ones_like(z)


def dtanh(z):
    return 1 - np.tanh(z) ** 2


def main():
    rng = np.random.default_rng(12)
    inputs = rng.uniform(-1, 1, size=(40, 2))
    targets = np.cos(inputs[:, :1]) * inputs[:, 1:]
    layers = [
        make_layer(2, 5, np.tanh, dtanh, rng),
        make_layer(5, 4, np.tanh, dtanh, rng),
        make_layer(4, 1, identity, one, rng),
    ]
    losses = []
    for step in range(4000):
        signal = inputs
        for forward, _ in layers:
            signal = forward(signal)
        difference = signal - targets
        losses.append((difference ** 2).sum() / (2 * len(inputs)))
        flow = difference / len(inputs)
        for _, backward in reversed(layers):
            flow = backward(flow, 0.2)
    print(losses[-1])


main()

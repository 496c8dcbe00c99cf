import numpy as np


def start(sizes, generator):
    return {
        "W1": generator.normal(size=(sizes[0], sizes[1])) * 0.6,
        "b1": np.zeros(sizes[1]),
        "W2": generator.normal(size=(sizes[1], sizes[2])) * 0.3,
        "b2": np.zeros(sizes[2]),
    }


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward(p, x):
    hidden = np.maximum(0, x @ p["W1"] + p["b1"])
    return hidden, softmax(hidden @ p["W2"] + p["b2"])


def backward(p, x, t):
    hidden, out = forward(p, x)
    d = (out - t) / len(x)
    e = d @ p["W2"].T * (hidden > 0)
    return {"W2": hidden.T @ d, "b2": d.sum(0), "W1": x.T @ e, "b1": e.sum(0)}


def main():
    generator = np.random.default_rng(21)
    centres = np.array([[0, 1.5], [1.5, -1], [-1.5, -1]])
    labels = np.repeat([0, 1, 2], 40)
    x = centres[labels] + generator.normal(size=(120, 2)) * 0.4
    t = np.eye(3)[labels]
    p = start((2, 12, 3), generator)
    for epoch in range(600):
        g = backward(p, x, t)
        for key in p:
            p[key] -= 0.5 * g[key]
        if epoch % 100 == 0:
            print(epoch, -np.mean(np.sum(t * np.log(forward(p, x)[1]), axis=1)))


main()

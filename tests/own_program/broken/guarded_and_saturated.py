import numpy as np

source = np.random.default_rng(4)
points = source.normal(size=(60, 3))
marks = np.eye(3)[points.argmax(axis=1)]
one, two = 15 * source.normal(size=(3, 12)), 15 * source.normal(size=(12, 3))
for turn in range(150):
    middle = np.tanh(points @ one)
    scores = middle @ two
    scores -= scores.max(axis=1, keepdims=True)
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    cost = -(marks * np.log(shares + 1e-8)).sum() / len(points)
    miss = (shares - marks) / len(points)
    inner = miss @ two.T * (1 - middle**2)
    two -= 0.02 * middle.T @ miss
    one -= 0.02 * points.T @ inner
    print(turn, cost)

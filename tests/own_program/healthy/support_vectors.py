"""A hinge loss with a penalty: where no margin is short, an example adds nothing to the step."""

import numpy as np

rng = np.random.default_rng(31)
points = np.vstack([rng.normal((2, 2), 1, (60, 2)), rng.normal((-1, -1), 1, (60, 2))])
side = np.r_[np.ones(60), -np.ones(60)]
w, b = np.zeros(2), 0.0
for epoch in range(400):
    short = 1 - side * (points @ w + b)
    loss = 0.5 * 0.01 * w @ w + np.maximum(0, short).mean()
    mask = (short > 0).astype(float)
    dw = 0.01 * w - (mask * side) @ points / len(points)
    db = -(mask * side).mean()
    w -= 0.1 * dw
    b -= 0.1 * db
    if epoch % 20 == 0:
        print(epoch, loss)

"""The loss that a program's updates belong to, however it is told."""

EPOCHS = """\
import numpy as np
rng = np.random.default_rng(2)
x = rng.normal(size=(24, 3))
y = x @ np.array([[1.0], [-2.0], [0.5]]) + 0.3
W, b = np.zeros((3, 1)), np.zeros(1)
for epoch in range(40):
    total = 0
    for start in range(0, 24, 8):
        gap = x[start:start + 8] @ W + b - y[start:start + 8]
        total += np.mean(gap ** 2)
        W -= 0.05 * 2 * x[start:start + 8].T @ gap / 8
        b -= 0.05 * 2 * gap.mean(axis=0)
    print(epoch, total / 3)
"""


def test_the_loss_of_a_step_is_what_it_adds_to_the_total_that_is_printed(judge):
    found = judge(EPOCHS).found
    assert found.loss is not None
    assert not found.loss.behind
    assert judge(EPOCHS).uniform is None

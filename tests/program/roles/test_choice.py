"""The loss that a program's updates belong to, however it is told."""

import ast

import pytest

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


VALIDATED = """\
import numpy as np
rng = np.random.default_rng(2)
x = rng.normal(size=(24, 3))
y = x @ np.array([[1.0], [-2.0], [0.5]]) + 0.3
W, b, past, losses = np.zeros((3, 1)), np.zeros(1), [], []
def cost(inputs, targets):
    gap = inputs @ W + b - targets
    return gap, np.mean(gap ** 2)
for epoch in range(40):
    gap, now = cost(x[:16], y[:16])
    W -= 0.05 * 2 * x[:16].T @ gap / 16
    b -= 0.05 * 2 * gap.mean(axis=0)
    _, kept_out = cost(x[16:], y[16:])
    losses.append((now, kept_out))
    print(epoch, now, kept_out)
"""


def test_the_loss_of_validation_data_is_not_that_of_the_step(judge):
    judged = judge(VALIDATED)
    assert judged.found.loss is not None
    assert not judged.faults
    assert judged.uniform is None


def test_a_printed_output_is_not_the_loss_where_a_residual_explains_more_updates(judge):
    loss = judge(PRINTED_OUTPUTS).found.loss
    assert loss is not None
    assert loss.kind == "squares"


PRINTED_OUTPUTS = """\
import numpy as np
rng = np.random.default_rng(3)
x = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0.0], [1], [1], [0]])
def squash(z):
    return 1 / (1 + np.exp(-z))
A, B, still = rng.normal(size=(2, 4)), rng.normal(size=(4, 1)), np.zeros((1, 4))
for round_of in range(3):
    for _ in range(200):
        h = squash(x @ A + still)
        out = squash(h @ B)
        gap = (y - out) * out * (1 - out)
        back = (gap @ B.T) * h
        B += 0.5 * h.T @ gap
        A += 0.5 * x.T @ back
    print(round_of, out.tolist())
"""


@pytest.mark.parametrize(
    ("told", "due"),
    [
        ("np.mean(gap ** 2) * len(gap)", "np.mean(gap ** 2)"),
        ("0.5 * np.mean(gap ** 2)", "0.5 * np.mean(gap ** 2)"),
        ("np.sum(gap ** 2) * 0.5", "np.sum(gap ** 2) * 0.5"),
    ],
    ids=["a mean times its count", "the half of a mean", "the half of a sum"],
)
def test_of_a_loss_and_its_multiple_in_a_total_it_is_that_the_steps_are_made_from(judge, told, due):
    # lr times the derivative of the mean; of the half of it, twice, but nothing is lr itself then;
    # of the half of the sum it is a quarter, so that it stays what is told
    text = EPOCHS.replace("np.mean(gap ** 2)", told).replace("0.05 * 2 *", "lr * 2 *")
    found = judge("lr = 0.05\n" + text).found
    assert ast.unparse(found.lab.nodes[found.loss.node_id]) == due

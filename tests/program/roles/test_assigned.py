"""What an iteration assigns anew: parameters, and what only moves them before the loss."""

NESTEROV = """\
import numpy as np
x = np.linspace(-1, 1, 9)[:, None]
y = np.hstack([3 * x, x - 1])
w, v = np.ones((1, 2)), np.zeros((1, 2))
for step in range(30):
    ahead = w - 0.9 * v
    error = x @ ahead - y
    loss = np.mean(error ** 2)
    v = 0.9 * v + 0.1 * x.T @ error / 9
    w = w - v
    print(loss)
"""


def test_a_velocity_that_moves_the_weights_before_the_loss_is_no_parameter(judge):
    found = judge(NESTEROV)
    assert [item.name for item in found.comparisons] == ["w"]
    assert found.is_right


def test_a_wrong_gradient_ahead_of_the_weights_is_left_undecided(judge):
    found = judge(NESTEROV.replace("x.T @ error", "(x ** 2).T @ error"))
    assert found.undecided is not None
    assert "ahead of the parameters" in found.undecided.message


def test_two_weights_that_are_added_are_both_parameters(judge):
    text = NESTEROV.replace("w - 0.9 * v", "w + v")
    text = text.replace("v = 0.9 * v + 0.1 * x", "v = v - 0.1 * x").replace(
        "w = w - v", "w = w - 0.1 * x.T @ error / 9"
    )
    assert [item.name for item in judge(text).comparisons] == ["w", "v"]

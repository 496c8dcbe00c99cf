"""Steps whose examples run different branches: each is looked at, and each has its loss."""

import pytest

from nndiag.program import CodeSettings
from tests.checking import check_here

# examples of class 0, 0, 0, then 1 … 1, then 0 … 0: the first iterations run one branch alone
PROGRAM = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(60, 2))
y = np.r_[np.zeros(3), np.ones(27), np.zeros(30)]
X[:, 0] += y
W, b = rng.normal(size=(5, 2)), np.zeros(5)
w, c = rng.normal(size=5), np.zeros(1)
for epoch in range(20):
    total = 0
    for i in range(len(X)):
        h = np.tanh(W @ X[i] + b)
        p = 1 / (1 + np.exp(-(w @ h + c)))
        if y[i] == 0:
            total += -np.log(1 - p[0])
            d = 1 / (1 - p)
        else:
            total += -np.log(p[0])
            d = -1 / p
        d = d * p * (1 - p)
        below = d * w * (1 - h ** 2)
        w -= 0.05 * d * h
        c -= 0.05 * d
        W -= 0.05 * np.outer(below, X[i])
        b -= 0.05 * below
    print(epoch, total / len(X))
"""


@pytest.fixture
def checked(tmp_path):
    def check(text):
        path = tmp_path / "program.py"
        path.write_text(text)
        return check_here(CodeSettings(script=str(path)), seconds=30)

    return check


def test_takes_the_losses_of_all_branches_for_one(checked):
    check = checked(PROGRAM)
    assert check.correct
    assert check.loss.text == "-np.log(1 - p[0]) or -np.log(p[0])"


def test_sees_a_gradient_that_is_wrong_in_a_branch_of_later_examples(checked):
    check = checked(PROGRAM.replace("d = -1 / p", "d = 1 / p"))
    # the sign of the whole step is wrong there: no tensor follows the loss
    assert not check.correct
    assert "right" not in {tensor.verdict for tensor in check.tensors}

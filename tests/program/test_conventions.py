"""What a step may differ in from the shown loss on purpose: a factor, a decay; never "wrong"."""

import pytest

from nndiag.finding import Severity

MOONS = """\
import numpy as np
rng = np.random.default_rng(0)
n = 40
angle = rng.uniform(0, np.pi, n)
label = np.arange(n) % 2
X = np.stack([np.cos(angle) + label, np.sin(angle) * (1 - 2 * label)], axis=1)
W1, b1 = rng.normal(size=(2, 4)) * 0.7, np.zeros((1, 4))
W2, b2 = rng.normal(size=(4, 2)) * 0.5, np.zeros((1, 2))
rate, decay = 0.01, 0.05

def shown_loss():
    a = np.tanh(X @ W1 + b1)
    scores = np.exp(a @ W2 + b2)
    chosen = scores[range(n), label] / scores.sum(axis=1)
    penalty = decay / 2 * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
    return (-np.log(chosen).sum() + penalty) / n

for i in range(3000):
    a = np.tanh(X @ W1 + b1)
    scores = np.exp(a @ W2 + b2)
    delta = scores / scores.sum(axis=1, keepdims=True)
    delta[range(n), label] -= 1
    dW2 = a.T @ delta + decay * W2
    db2 = delta.sum(axis=0, keepdims=True)
    below = delta @ W2.T * (1 - a ** 2)
    dW1 = X.T @ below + decay * W1
    db1 = below.sum(axis=0, keepdims=True)
    W1 += -rate * dW1
    b1 += -rate * db1
    W2 += -rate * dW2
    b2 += -rate * db2
    if i % 500 == 0:
        print(i, shown_loss())
"""

LINES = """\
import numpy as np
rng = np.random.default_rng(1)
X = rng.normal(size=(50, 6))
y = X @ rng.normal(size=6)
w, rate = np.zeros(6), 0.005
for i in range(400):
    error = X @ w - y
    loss = np.mean(error ** 2)
    w -= rate * 2 * X.T @ error
"""


def test_notes_a_step_that_is_summed_where_the_shown_loss_is_a_mean(check):
    found = check(MOONS)
    assert found.correct
    assert [(one.problem, one.severity) for one in found.findings] == [
        ("summed-instead-of-averaged", Severity.WARNING)
    ]
    assert found.findings[0].evidence[0].observed == pytest.approx(40, rel=1e-6)


def test_notes_a_weight_decay_that_the_shown_loss_leaves_out(check):
    text = LINES.replace("w, rate", "b, w, rate").replace("np.zeros(6)", "0.1, np.zeros(6)")
    text = text.replace("X @ w - y", "X @ w + b - y").replace("X.T @ error", "(X.T @ error) / 50")
    text = text.replace(
        "w -= rate", "b -= rate * 2 * error.mean()\n    w -= rate * 0.01 * w + rate"
    )
    found = check(text)
    assert found.correct
    assert not found.findings
    assert any(note.startswith("w: each step takes") for note in found.notes)


def test_makes_an_error_of_a_sum_with_which_training_diverges(check):
    # curvature of the mean 2 λ(XᵀX/n) is about 4: a rate of 0.05 is stable, 50 × 0.05 is not
    found = check(LINES.replace("rate = np.zeros(6), 0.005", "rate = np.zeros(6), 0.05"))
    assert not found.correct
    assert [(one.problem, one.severity) for one in found.findings] == [
        ("summed-instead-of-averaged", Severity.ERROR)
    ]
    assert found.matters is not None
    assert found.matters.is_why


def test_leaves_a_sum_that_trains_a_warning(check):
    found = check(LINES.replace("0.005", "0.002"))
    assert found.correct
    assert [one.severity for one in found.findings] == [Severity.WARNING]


def test_mends_a_common_factor_by_a_factor_only(check):
    # at an output of 1/2 the derivative of a sigmoid is 1/4, one over the number of examples
    text = """\
import numpy as np
X = np.array([[0., 0.], [0., 1.], [1., 0.], [1., 1.], [0.5, 1.], [1., 0.5]])
Y = np.array([0., 1., 1., 1., 1., 1.])
w, b, rate = np.zeros(2), np.zeros(1), 0.3
for i in range(1000):
    a = 1 / (1 + np.exp(-(X @ w + b)))
    loss = -np.mean(Y * np.log(a) + (1 - Y) * np.log(1 - a))
    d = a - Y
    w -= rate * X.T @ d
    b -= rate * d.sum()
"""
    found = check(text)
    assert found.correct
    assert {step.problem for step in found.repairs} == {"summed-instead-of-averaged"}

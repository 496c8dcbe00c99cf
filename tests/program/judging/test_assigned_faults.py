"""Steps that are assigned, collected gradients, reordered targets, rectifiers of one number."""

import numpy as np

from nndiag.program.graph.operations import own_number

ASSIGNED = """\
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
y = X @ np.array([[1.0], [-2.0], [0.5]]) + np.array([0.7, 0.3])
W, b = rng.normal(size=(3, 2)), np.zeros(2)
for epoch in range(200):
    gap = X @ W + b - y
    loss = np.mean(gap ** 2)
    W -= 0.1 * X.T @ gap / len(X)
    b = -0.1 * gap.mean(axis=0)
    print(epoch, loss)
"""
DELAYED = """\
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
y = X @ np.array([1.0, -2.0, 0.5]) + 0.7
W, b, step, move = rng.normal(size=3), 0.0, np.zeros(3), 0.0
for epoch in range(200):
    W = W + step
    b = b + move
    gap = X @ W + b - y
    print(epoch, np.mean(gap ** 2))
    step = -0.1 * X.T @ gap / len(X)
    move = -0.1 * gap.mean()
"""
SCALARS = """\
import random
random.seed(2)
class Value:
    def __init__(self, data, made=()):
        self.data, self.grad, self.made, self.push = data, 0.0, made, lambda: None
    def __add__(self, other):
        out = Value(self.data + other.data, (self, other))
        def push():
            self.grad += out.grad
            other.grad += out.grad
        out.push = push
        return out
    def __mul__(self, other):
        out = Value(self.data * other.data, (self, other))
        def push():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad
        out.push = push
        return out
    def backward(self):
        order, seen = [], set()
        def visit(v):
            if v not in seen:
                seen.add(v)
                for child in v.made:
                    visit(child)
                order.append(v)
        visit(self)
        self.grad = 1.0
        for v in reversed(order):
            v.push()
w, b = [Value(random.uniform(-1, 1)) for _ in range(2)], Value(0.0)
data = [((x / 4, 1 - x / 3), x / 2) for x in range(2)]
for k in range(50):
    loss = Value(0.0)
    for x, t in data:
        gap = w[0] * Value(x[0]) + w[1] * Value(x[1]) + b + Value(-t)
        loss = loss + gap * gap
    loss.backward()
    for p in [*w, b]:
        p.data -= 0.01 * p.grad
    print(k, loss.data)
"""
REORDERED = """\
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(30, 3))
y = np.sin(X[:, :1])
W, b, V, c = rng.normal(size=(3, 5)), np.zeros(5), rng.normal(size=(5, 1)), np.zeros(1)
for epoch in range(300):
    h = np.tanh(X @ W + b)
    out = h @ V + c
    loss = np.mean((out - y) ** 2)
    d = 2 * (out - y[::-1]) / len(X)
    e = d @ V.T * (1 - h ** 2)
    V -= 0.1 * h.T @ d
    c -= 0.1 * d.sum(axis=0)
    W -= 0.1 * X.T @ e
    b -= 0.1 * e.sum(axis=0)
    print(epoch, loss)
"""


def test_names_a_bias_that_is_set_to_its_step(check):
    found = check(ASSIGNED)
    assert [item.problem for item in found.findings] == ["assignment-instead-of-increment"]
    assert found.findings[0].replacement == "b += -0.1 * gap.mean(axis=0)"


def test_is_silent_on_steps_that_are_taken_in_the_next_iteration(check):
    assert not [item for item in check(DELAYED).findings if item.severity.value == "error"]


def test_sets_a_collected_gradient_back_where_the_number_beside_it_is_updated(check):
    found = check(SCALARS)
    assert found.findings[0].problem == "gradient-not-reset"
    assert "        p.data -= 0.01 * p.grad\n        p.grad = 0.0\n" in found.fixed_text


def test_calls_targets_in_another_order_than_the_loss_has_them(check):
    found = check(REORDERED)
    assert found.findings[0].problem == "wrong-loss-gradient"
    assert "(out - y) / len(X)" in found.fixed_text


def test_gives_what_comes_out_of_a_rectifier_an_identity_of_its_own():
    zero = 0.0
    for value in (zero, np.float64(1.5)):
        out = own_number(value)
        assert out is not value
        assert (type(out), out) == (type(value), value)

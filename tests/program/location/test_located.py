"""From a wrong gradient to the expression at fault and the one that is due, in small programs."""

import time

import pytest

from nndiag.program.execution.sandbox import sandbox
from nndiag.program.judging.judgement import judged
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import read_source

NETWORK = """\
import numpy as np
rng = np.random.default_rng(3)
x = rng.normal(size=(12, 3))
y = np.sin(x @ rng.normal(size=(3, 1)))
A, a = rng.normal(size=(3, 4)) * 0.5, np.zeros(4)
B, b = rng.normal(size=(4, 1)) * 0.5, np.zeros(1)
for step in range(300):
    h = np.tanh(x @ A + a)
    out = h @ B + b
    print(np.mean((out - y) ** 2))
    d = 2 * (out - y) / len(x)
    back = d @ B.T * (1 - h ** 2)
    grad_A = x.T @ back
    A, a = A - 0.1 * grad_A, a - 0.1 * back.sum(axis=0)
    B, b = B - 0.1 * (h.T @ d), b - 0.1 * d.sum(axis=0)
"""
RECURRENT = """\
import numpy as np
rng = np.random.default_rng(3)
x = rng.normal(size=(5, 3))
y = np.cumsum(x[:, 0]) * 0.3
W, U, v = (rng.normal(size=s) * 0.4 for s in ((4, 3), (4, 4), 4))
for step in range(300):
    h, out, loss = {-1: np.zeros(4)}, {}, 0.0
    for t in range(5):
        h[t] = np.tanh(W @ x[t] + U @ h[t - 1])
        out[t] = v @ h[t]
        loss += 0.5 * (out[t] - y[t]) ** 2
    dW, dU, dv, carried = np.zeros_like(W), np.zeros_like(U), np.zeros_like(v), np.zeros(4)
    for t in reversed(range(5)):
        e = out[t] - y[t]
        dv += e * h[t]
        dh = e * v + carried
        dz = dh * (1 - h[t] ** 2)
        dW += np.outer(dz, x[t])
        dU += np.outer(dz, h[t - 1])
        carried = U.T @ dz
    W, U, v = W - 0.05 * dW, U - 0.05 * dU, v - 0.05 * dv
    print(loss)
"""

GATED = """\
import numpy as np
rng = np.random.default_rng(3)
x = rng.normal(size=(4, 5, 2))
y = 0.5 * x[:, :, 0]
F, C, v = rng.normal(size=(3, 5)) * 0.4, rng.normal(size=(3, 5)) * 0.4, rng.normal(size=3) * 0.4
for step in range(300):
    one, h, both, f, c, out, loss = step % 4, {-1: np.zeros(3)}, {}, {}, {}, {}, 0.0
    for t in range(5):
        both[t] = np.concatenate([h[t - 1], x[one][t]])
        f[t] = 1 / (1 + np.exp(-(F @ both[t])))
        c[t] = np.tanh(C @ both[t])
        h[t] = f[t] * c[t]
        out[t] = v @ h[t]
        loss += 0.5 * (out[t] - y[one][t]) ** 2
    dF, dC, dv, carried = np.zeros_like(F), np.zeros_like(C), np.zeros_like(v), np.zeros(3)
    for t in reversed(range(5)):
        e = out[t] - y[one][t]
        dv += e * h[t]
        d = e * v + carried
        df = d * c[t] * f[t] * (1 - f[t])
        dF += np.outer(df, both[t])
        dc = d * f[t] * (1 - c[t] ** 2)
        dC += np.outer(dc, both[t])
        carried = (F.T @ df + C.T @ dc)[:3]
    F, C, v = F - 0.05 * dF, C - 0.05 * dC, v - 0.05 * dv
    print(loss)
"""


@pytest.fixture
def judge(write):
    def judgement(text):
        path = write(text)
        deadline = time.perf_counter() + 60
        with sandbox(path):
            settings = CodeSettings(script=str(path))
            return judged(read_source(path), settings, deadline=deadline, tell=lambda _: None)

    return judgement


@pytest.mark.parametrize("text", [NETWORK, RECURRENT, GATED])
def test_right_programs_have_no_fault(judge, text):
    found = judge(text)
    assert found.is_right
    assert not found.faults


@pytest.mark.parametrize(
    ("text", "right", "wrong", "bug"),
    [
        (NETWORK, "d @ B.T * (1 - h ** 2)", "d @ B.T", "missing-activation-derivative"),
        (NETWORK, "x.T @ back", "x.T @ (d @ B.T)", "raw-error-instead-of-delta"),
        (NETWORK, "x.T @ back", "-x.T @ back", "wrong-sign"),
        (NETWORK, "back.sum(axis=0)", "back.sum(axis=0) / len(x)", "summed-instead-of-averaged"),
        (NETWORK, "B - 0.1", "B + 0.1", "wrong-sign"),
        (NETWORK, "2 * (out - y)", "2 * (out - y) ** 3", "wrong-loss-gradient"),
        (RECURRENT, "U @ h[t - 1])", "U @ h[-1])", "broken-chain-rule"),
        (RECURRENT, "e * v + carried", "e * v", "broken-chain-rule"),
        (GATED, "d * c[t] * f[t]", "d * f[t] * f[t]", "raw-error-instead-of-delta"),
        (GATED, "np.concatenate([h[t - 1]", "np.concatenate([h[-1]", "broken-chain-rule"),
        (RECURRENT, "dU += ", "dU = ", "assignment-instead-of-increment"),
        (RECURRENT, "in reversed(range(5))", "in range(5)", "broken-chain-rule"),
    ],
)
def test_mends_the_line_at_fault(judge, text, right, wrong, bug):
    broken = text.replace(right, wrong)
    found = judge(broken)
    assert found.faults[0].bug == bug
    assert found.fixed is not None
    pairs = zip(found.fixed.text.splitlines(), broken.splitlines(), strict=True)
    assert sum(one != other for one, other in pairs) == 1


SCALARS = """\
import math, random
random.seed(4)
class Value:
    def __init__(self, data, parents=()):
        self.data, self.grad, self.parents, self.back = data, 0.0, parents, lambda: None
    def __add__(self, other):
        out = Value(self.data + other.data, (self, other))
        def back():
            self.grad += out.grad
            other.grad += out.grad
        out.back = back
        return out
    def __mul__(self, other):
        out = Value(self.data * other.data, (self, other))
        def back():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad
        out.back = back
        return out
    def tanh(self):
        out = Value(math.tanh(self.data), (self,))
        def back():
            self.grad += (1 - out.data ** 2) * out.grad
        out.back = back
        return out
    def backward(self):
        order, seen = [], set()
        def visit(value):
            if value not in seen:
                seen.add(value)
                for parent in value.parents:
                    visit(parent)
                order.append(value)
        visit(self)
        self.grad = 1.0
        for value in reversed(order):
            value.back()
rows = [([0.3, -0.7], 0.2), ([0.9, 0.4], -0.3), ([-0.5, 0.8], 0.6)]
w = [[Value(random.uniform(-1, 1)) for _ in range(2)] for _ in range(3)]
v = [Value(random.uniform(-1, 1)) for _ in range(3)]
weights = [p for row in w for p in row] + v
for step in range(60):
    loss = Value(0.0)
    for x, t in rows:
        hidden = [(row[0] * Value(x[0]) + row[1] * Value(x[1])).tanh() for row in w]
        e = v[0] * hidden[0] + v[1] * hidden[1] + v[2] * hidden[2] + Value(-t)
        loss = loss + e * e
    for p in weights:
        p.grad = 0.0
    loss.backward()
    for p in weights:
        p.data -= 0.05 * p.grad
    print(loss.data)
"""


def test_takes_the_right_scalar_autograd_for_right(judge):
    assert judge(SCALARS).is_right

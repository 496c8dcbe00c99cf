"""Right gradients that do not arrive: decays, clips, averages, each beside its right twin."""

import pytest

from nndiag.finding import Severity
from nndiag.program.judging.judgement import line_of

HEAD = """\
import numpy as np
rng = np.random.default_rng(3)
x, y = rng.normal(size=(12, 2)), rng.normal(size=(12, 1))
W, V = rng.normal(size=(2, 4)), rng.normal(size=(4, 1))
"""
DECAY = (
    HEAD
    + """\
lam = 0.02
for step in range(40):
    h = np.tanh(x @ W)
    e = (h @ V - y) / 12
    cost = 6 * np.sum(e ** 2) + {penalty}
    dV = h.T @ e{v}
    dW = x.T @ (e @ V.T * (1 - h ** 2)){w}
    V = V - 0.1 * dV
    W = W - 0.1 * dW
    print(cost)
"""
)
PENALTY = "lam / 2 * (np.sum(W ** 2) + np.sum(V ** 2))"
ADAM = (
    HEAD
    + """\
{second}
n, s = np.zeros_like(V), np.zeros_like(V)
m = np.zeros_like(W)
r = {alias}
for t in range(1, 40):
    h = np.tanh(x @ W)
    e = (h @ V - y) / 12
    dV = h.T @ e
    dW = x.T @ (e @ V.T * (1 - h ** 2))
    n = 0.9 * n + 0.1 * dV
    s = 0.99 * s + 0.01 * dV ** 2
    V = V - 0.01 * (n / (1 - 0.9 ** t)) / (np.sqrt(s / (1 - 0.99 ** t)) + 1e-8)
    m[...] = {m}
    r[...] = {r}
    W = W - 0.01 * (m / (1 - {beta} ** t)) / (np.sqrt(r / (1 - 0.99 ** {count})) + 1e-8)
    {counted}
"""
)


def adam(**changes):
    given = {
        "m": "0.9 * m + 0.1 * dW",
        "r": "0.99 * r + 0.01 * dW ** 2",
        "alias": "np.zeros_like(W)",
        "beta": "0.9",
        "count": "t",
        "counted": "pass",
        "second": "k = 1",
    }
    return ADAM.format(**{**given, **changes})


def faults_of(judgement):
    return [(f.bug, line_of(f, judgement.found), f.severity) for f in judgement.faults]


@pytest.mark.parametrize(
    ("penalty", "v", "w", "wanted"),
    [
        (PENALTY, " + lam * V", " + lam * W", []),
        ("0", "", "", []),
        ("0", " + lam * V", " + lam * W", []),  # a decay that the loss does not show is a custom
        (PENALTY, " + lam * V", "", [("wrong-weight-decay", 11, Severity.ERROR)]),
        (PENALTY, " - lam * V", " + lam * W", [("wrong-weight-decay", 10, Severity.ERROR)]),
        (PENALTY, " + lam * V", " + 12 * lam * W", [("wrong-weight-decay", 11, Severity.ERROR)]),
        (PENALTY, " + lam * V", " + 2 * lam * W", [("wrong-weight-decay", 11, Severity.WARNING)]),
        ("0", " - lam * V", "", [("wrong-weight-decay", 10, Severity.ERROR)]),
        ("0", " + lam * V", "", [("wrong-weight-decay", 11, Severity.WARNING)]),
    ],
)
def test_holds_decays_against_the_penalty_and_one_another(judge, penalty, v, w, wanted):
    assert faults_of(judge(DECAY.format(penalty=penalty, v=v, w=w))) == wanted


def test_puts_the_missing_decay_in(judge):
    found = judge(DECAY.format(penalty=PENALTY, v=" + lam * V", w=""))
    assert found.fixed is not None
    assert "lam * W" in found.fixed.lines[10]


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [("5", []), ("1e-5", [("clipped-gradient", 11, Severity.WARNING)])],
)
def test_tells_a_clip_that_cuts_everything(judge, limit, wanted):
    text = DECAY.format(penalty="0", v="", w="").replace("dW = x", "dW = np.clip(x")
    text = text.replace("h ** 2))\n", f"h ** 2)), -{limit}, {limit})\n")
    assert faults_of(judge(text)) == wanted


@pytest.mark.parametrize(
    ("changes", "line", "says"),
    [
        ({"m": "0.99 * m + 0.1 * dW"}, 17, "together they are not 1"),
        ({"beta": "0.99"}, 19, "an average that keeps 0.99"),
        ({"count": "k"}, 9, "does not count the steps"),
        ({"count": "k", "counted": "k = step = 1"}, 20, "does not count the steps"),
        ({"alias": "m"}, 8, "one and the same"),
        ({"m": "0.1 * dW"}, 17, "is assigned, not averaged"),
        ({"r": "0.99 * r + 0.01 * dW"}, 18, "its square is due"),
    ],
)
def test_names_what_is_wrong_with_an_average(judge, changes, line, says):
    found = judge(adam(**changes))
    assert [(f.bug, line_of(f, found.found)) for f in found.faults] == [("wrong-moment", line)]
    assert says in found.faults[0].detail


def test_mends_an_average_with_the_recurrence_that_is_due(judge):
    found = judge(adam(r="0.99 * r + 0.01 * dW"))
    assert found.fixed is not None
    assert "0.99 * r + 0.01 * dW ** 2" in found.fixed.text


def test_is_silent_on_adam_by_the_book(judge):
    assert judge(adam()).is_right


PLAIN = (
    HEAD
    + """\
lr = 0.1
{start}
for step in range(60):
    rows = rng.permutation(12)[:6]
    xb, yb = x[rows], y[rows]
    {zeros}
    h = np.tanh(xb @ W)
    e = (h @ V - {targets}) / 6
    {early}
    for i in range(6):
        dV {add} h[i:i + 1].T @ e[i:i + 1]
    dW = xb.T @ (e @ V.T * (1 - h ** 2))
    {late}
    W[...] = W - {rate} * dW
    print(3 * np.sum(((h @ V - yb) / 6) ** 2))
"""
)


def plain(**changes):
    given = {
        "start": "k = 1",
        "zeros": "dV = np.zeros((4, 1))",
        "targets": "yb",
        "early": "pass",
        "add": "+=",
        "late": "V = V - lr * dV",
        "rate": "lr",
    }
    return PLAIN.format(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "bug", "line"),
    [
        ({"targets": "y[:6]"}, "wrong-loss-gradient", 12),
        ({"add": "="}, "assignment-instead-of-increment", 15),
        ({"start": "dV = np.zeros((4, 1))", "zeros": "k = 2"}, "gradient-not-reset", 15),
        ({"rate": "lr * lr"}, "wrong-constant-factor", 18),
        ({"start": "W = rng.integers(-2, 3, (2, 4))"}, "integer-weights", 6),
        ({"early": "V = V - lr * h.T @ e", "late": "pass"}, "uses-updated-weights", 13),
    ],
)
def test_names_what_spoils_a_right_gradient(judge, changes, bug, line):
    found = judge(plain(**changes))
    assert (found.faults[0].bug, line_of(found.faults[0], found.found)) == (bug, line)


def test_is_silent_on_sums_over_examples_of_a_drawn_batch(judge):
    assert judge(plain()).is_right


ONE_EXAMPLE = """\
import numpy as np
rng = np.random.default_rng(5)
x = rng.normal(size=(12, 2))
y = (x[:, :1] > x[:, 1:]) * 1.0
W = rng.normal(size=(2, 4))
V = rng.normal(size=(4, 1))
for step in range(200):
    i = rng.integers(12)
    h = np.tanh(x[i:i + 1] @ W)
    p = 1 / (1 + np.exp(-(h @ V)))
    e = p - y[i:i + 1]
    V, W = V - 0.1 * h.T @ e, W - 0.1 * x[i:i + 1].T @ (e @ V.T * (1 - h ** 2))
"""


def test_tells_losses_of_one_example_apart_by_the_factor_that_stays(judge):
    found = judge(ONE_EXAMPLE)  # p - y is parallel to the gradient of the squares, too
    assert found.is_right
    assert found.found.loss.kind == "binary cross-entropy"


def test_a_decay_that_is_clipped_with_the_gradient_is_no_bug(judge):
    text = DECAY.format(penalty="0", v="", w="").replace("dW = x", "dW = np.clip(x")
    text = text.replace("h ** 2))\n", "h ** 2)) + lam * W, -1e-4, 1e-4)\n")
    found = faults_of(judge(text))
    assert [problem for problem, *_ in found] == ["clipped-gradient"]


SUMMED = """
import numpy as np
rng = np.random.default_rng(2)
x = rng.normal(size=(2, 30))
t = np.eye(3)[:, rng.integers(0, 3, 30)]
W, b = rng.normal(size=(5, 2)), np.zeros((5, 1))
V, c = rng.normal(size=(3, 5)), np.zeros((3, 1))
for step in range(40):
    h = np.tanh(W @ x + b)
    z = np.exp(V @ h + c)
    p = z / z.sum(axis=0)
    loss = -np.sum(t * np.log(p)) / 30
    d = p - t
    e = V.T @ d * (1 - h ** 2)
    V = V - 0.1 * d @ h.T / 30
    c = c - 0.1 * np.sum(d) / 30
    W = W - 0.1 * e @ x.T / 30
    b = b - 0.1 * np.sum(e) / 30
"""


def test_sums_each_bias_by_itself_where_the_sum_of_all_deltas_is_nothing(judge):
    found = judge(SUMMED)
    assert {problem for problem, *_ in faults_of(found)} == {"wrong-bias-gradient"}
    assert found.fixed is not None
    assert "np.sum(d, axis=1, keepdims=True)" in found.fixed.lines[15]
    assert "np.sum(e, axis=1, keepdims=True)" in found.fixed.lines[17]

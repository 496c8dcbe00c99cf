"""What is told of a program that is watched: its rule, its schedule, its layers, its epochs."""

import numpy as np
import pytest

from nndiag.own_program.watching import SeenSteps
from nndiag.program.child.plain import as_plain
from nndiag.program.running.task import watch
from nndiag.program.text.settings import CodeSettings

NET = """
import numpy as np
rng = np.random.default_rng(3)
X = rng.normal(size=(24, 3))
Y = np.sin(X[:, :1]) + 0.3 * X[:, 1:2]
W = rng.normal(size=(3, 5)) * 0.5
b = np.zeros(5)
V = rng.normal(size=(5, 1)) * 0.5
c = np.zeros(1)
rate = 0.1
{before}
for step in range(30):
    {head}
    H = np.tanh(X @ W + b)
    P = H @ V + c
    loss = np.mean(np.power(P - Y, 2)) {penalty}
    D = 2 * (P - Y) / len(X)
    gV, gc = H.T @ D, D.sum(axis=0)
    E = np.multiply(D @ V.T, 1 - np.power(H, 2))
    gW, gb = X.T @ E, E.sum(axis=0)
    {between}
    W = W - rate * gW
    b = b - rate * gb
    V = V - rate * gV
    c = c - rate * gc
"""
FLAT = """
import numpy as np
rng = np.random.default_rng(3)
X = rng.normal(size=(24, 3))
Y = np.sin(X[:, :1])
theta = rng.normal(size=26) * 0.5
for step in range(30):
    W, b = theta[:15].reshape(3, 5), theta[15:20]
    V, c = theta[20:25].reshape(5, 1), theta[25:]
    H = np.tanh(X @ W + b)
    P = H @ V + c
    loss = np.mean((P - Y) ** 2)
    D = 2 * (P - Y) / len(X)
    E = (D @ V.T) * (1 - H ** 2)
    g = np.concatenate([(X.T @ E).ravel(), E.sum(0), (H.T @ D).ravel(), D.sum(0)])
    theta = theta - 0.1 * g
"""
BATCHES = """
import numpy as np
rng = np.random.default_rng(3)
x = rng.normal(size=(12, 2))
y = x[:, :1] - x[:, 1:]
w = np.zeros((2, 1))

def batches(x, y, size):
    for start in range(0, len(x), size):
        yield x[start:start + size], y[start:start + size]

for epoch in range(7):
    for xb, yb in batches(x, y, 4):
        r = xb @ w - yb
        loss = np.mean(r ** 2)
        w = w - 0.1 * 2 * xb.T @ r / len(xb)
"""
VALIDATED = """
import numpy as np
rng = np.random.default_rng(2)
x = rng.normal(size=(24, 3))
y = x @ np.array([[1.0], [-2.0], [0.5]]) + 5 * (np.arange(24)[:, None] >= 16)
w, history = np.zeros((3, 1)), []

def cost(inputs, targets):
    r = inputs @ w - targets
    return r, np.mean(r ** 2)

for epoch in range(40):
    r, loss = cost(x[:16], y[:16])
    w -= 0.2 * 2 * x[:16].T @ r / 16
    _, kept_out = cost(x[16:], y[16:])
    history.append((loss, kept_out))
"""


TWICE = """
import numpy as np
rng = np.random.default_rng(2)
x = rng.normal(size=(24, 3))
y = x @ np.array([[1.0], [-2.0], [0.5]])

for rate in (0.1, 0.01):
    w = np.zeros((3, 1))
    for epoch in range(40):
        r = x @ w - y
        loss = np.mean(r ** 2)
        w = w - rate * 2 * x.T @ r / 24
"""
CENTRED = """
import numpy as np
x = np.linspace(-1, 1, 21).reshape(-1, 1) * np.ones((1, 2))
y = x[:, 0] + 3

class Line:
    def fit(self):
        self.w, self.b = np.zeros(2), 0
        for epoch in range(40):
            r = x @ self.w + self.b - y
            dw, db = x.T @ r / 21, r.sum() / 21
            self.w -= 0.1 * dw
            self.b -= 0.1 * db

Line().fit()
"""
EXPLODING = """
import numpy as np
x = np.linspace(150, 190, 5).reshape(-1, 1)
y = x - 100
w, b = 0.005, 0.001
for epoch in range(200):
    r = w * x + b - y
    loss = np.mean(r ** 2)
    w, b = w - 0.01 * 2 * np.mean(r * x), b - 0.01 * 2 * np.mean(r)
"""
ZEROS = """
import numpy as np
x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0], [1], [1], [0]])
W, b, V, c = np.zeros((2, 3)), np.zeros(3), np.zeros((3, 1)), np.zeros(1)
for epoch in range(20):
    h = 1 / (1 + np.exp(-(x @ W + b)))
    p = 1 / (1 + np.exp(-(h @ V + c)))
    loss = np.mean((p - y) ** 2)
    d = 2 * (p - y) * p * (1 - p) / 4
    e = d @ V.T * h * (1 - h)
    W, b, V, c = W - x.T @ e, b - e.sum(0), V - h.T @ d, c - d.sum(0)
"""


FILLED = """
import numpy as np
x, y = np.array([[1, 0, 1], [1, 1, 0], [1, 1, 1]]), np.array([1.0, 1.0, 0.0])
rng = np.random.default_rng(1)
a, b, c, given = rng.normal(size=3), rng.normal(size=3), rng.normal(size=3), np.zeros(3)

def forward(i):
    given[0] = np.tanh(x[i] @ a)
    given[1] = np.tanh(x[i] @ b)
    given[2] = c[0] + np.dot(c[1:], given[:2])

for step in range(30):
    forward(step % 3)
    error = given[2] - y[step % 3]
    back = error * c[1:] * (1 - given[:2] ** 2)
    c = c - 0.1 * error * np.array([1.0, given[0], given[1]])
    a, b = a - 0.1 * back[0] * x[step % 3], b - 0.1 * back[1] * x[step % 3]
"""


@pytest.fixture
def told(tmp_path):
    """Writes a program, and gives what is told of it."""

    def watched(text, **parts):
        blanks = dict.fromkeys(("before", "head", "penalty", "between"), "")
        path = tmp_path / "net.py"
        path.write_text(text.format(**{**blanks, **parts}) if "{between}" in text else text)
        settings = as_plain(CodeSettings(script=str(path)))
        seen = SeenSteps()
        ending = watch({"settings": settings}, seen.take)
        return {**seen.told, **ending}

    return watched


def test_a_plain_step_is_the_rate_times_the_gradient(told):
    found = told(NET)
    assert found["scale"] == pytest.approx(0.1, rel=1e-6)
    assert (found["decay"], found["clip"]) == (0, None)


def test_a_decay_is_told_whether_it_stands_in_the_gradient_or_in_the_loss(told):
    by_hand = "gW, gV = gW + 0.7 * W, gV + 0.7 * V"
    assert told(NET, between=by_hand)["decay"] == pytest.approx(0.7, rel=1e-6)
    penalty = "+ 0.35 * (np.sum(W ** 2) + np.sum(V ** 2))"
    found = told(NET, between=by_hand, penalty=penalty)
    assert found["decay"] == pytest.approx(0.7, rel=1e-6)
    assert found["kind"] == "mean_squared_error"


def test_a_clip_is_told_with_its_length(told):
    found = told(NET, between="gW, gV = np.clip(gW, -1e-4, 1e-4), np.clip(gV, -1e-4, 1e-4)")
    # 20 entries of gW and gV are cut at 1e-4; the biases' 6 are not, and are those of the rest.
    assert found["clip"] is not None
    assert found["clip"] >= 1e-4 * np.sqrt(20)
    assert told(NET, between="gW = np.clip(gW, -1e4, 1e4)")["clip"] is None


def test_a_clip_is_told_of_a_step_that_adds_the_negative_gradient(told):
    turned = NET.replace(" - rate * g", " + rate * g")
    between = "gW, gV, gb, gc = (np.clip(-g, -{0}, {0}) for g in (gW, gV, gb, gc))"
    # all 25 entries of W, b and V are cut at 1e-6; c is one number, which tells no rule
    assert told(turned, between=between.format("1e-6"))["clip"] == pytest.approx(5e-6)
    assert told(turned, between=between.format("1e4"))["clip"] is None


def test_a_rate_that_changes_is_recorded(told):
    found = told(NET, head="rate = 0.1 / (1 + step)")
    steps, rates = np.array(found["rates"]).T
    np.testing.assert_allclose(rates, 0.1 / (1 + steps), rtol=1e-9)
    assert told(NET)["rates"] == []


def test_parts_of_one_vector_are_layers(told):
    found = told(FLAT)
    assert [link["weights"] for link in found["links"]] == ["theta[0:15]", "theta[20:25]"]
    assert [link["biases"] for link in found["links"]] == ["theta[15:20]", "theta[25:26]"]


def test_a_generator_of_batches_neither_ends_the_run_nor_hides_its_epochs(told):
    found = told(BATCHES)
    assert found["count"] == 21  # 7 epochs of 12 examples, 4 a step
    assert found["per_epoch"] == 3


def test_tells_the_network_of_a_program_of_matrices(told):
    found = told(NET, before="X, Y = np.matrix(X), np.matrix(Y)", between="pass")
    assert [link["weights"] for link in found["links"]] == ["W", "V"]
    assert [part.shape for part in found["data"]] == [(24, 3), (24, 1)]


def test_the_loss_of_validation_data_behind_the_step_is_not_recorded_for_that_of_the_step(told):
    losses = told(VALIDATED)["rows"][:, 0]
    assert losses[-1] < 1e-3  # that of the validation data, shifted by 5, stays above 10


def test_of_several_trainings_the_first_is_watched(told):
    found = told(TWICE)
    assert (found["count"], found["again"], told(BATCHES)["again"]) == (40, True, False)
    assert found["final"]["w"] == pytest.approx([1, -2, 0.5], rel=0.1)  # not the second one's zeros


def test_a_bias_that_starts_as_an_integer_behind_centred_columns_is_a_parameter(told):
    assert [name for name, *_ in told(CENTRED)["tensors"]] == ["self.w", "self.b"]


def test_numbers_whose_squares_overflow_hide_no_data(told):
    found = told(EXPLODING)  # at iteration 100 the weights are of the size 1e275
    assert [part.shape for part in found["data"]] == [(5, 1), (5, 1)]


def test_finds_the_parameters_where_equal_weights_and_classes_leave_them_at_rest(told):
    found = told(ZEROS)
    assert [link["weights"] for link in found["links"]] == ["W", "V"]
    assert not found["rows"][:, 1:].any()


def test_tells_whether_batches_are_cut_from_the_examples_as_they_stand(told):
    shuffled = BATCHES.replace(
        "    for start",
        "    order = rng.permutation(len(x))\n    x, y = x[order], y[order]\n    for start",
    )
    assert told(BATCHES)["in_order"]
    assert not told(shuffled)["in_order"]


def test_what_an_iteration_fills_anew_is_no_parameter(told):
    found = told(FILLED)
    assert [name for name, *_ in found["tensors"]] == ["a", "b", "c"]
    assert found["right"]


def test_stops_a_run_that_has_settled_but_where_the_whole_is_asked_for(told, tmp_path):
    # a line through two points in 100,000 steps: at rest, to rounding, after some thousand
    text = (
        "x, y, w = [-1.0, 1.0], [-1.0, 3.0], 0.0\n"
        "for step in range(100_000):\n"
        "    r = [w * a - b for a, b in zip(x, y)]\n"
        "    loss = (r[0] ** 2 + r[1] ** 2) / 2\n"
        "    w -= 0.1 * (r[0] * x[0] + r[1] * x[1])\n"
    )
    seen = told(text)
    assert 40_000 <= seen["count"] < 72_000
    assert seen["settled_since"] == pytest.approx(seen["count"] / 10, rel=1e-3)
    assert seen["final"]["w"] == pytest.approx(2.0)  # (1·1 + 1·3) / 2
    settings = as_plain(CodeSettings(script=str(tmp_path / "net.py")))
    whole = watch({"settings": settings, "whole": True}, lambda kind, data: None)
    assert (whole["count"], whole["settled_since"]) == (100_000, None)

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


@pytest.fixture
def told(tmp_path):
    """Writes a program, and gives what is told of it."""

    def watched(text, **parts):
        blanks = dict.fromkeys(("before", "head", "penalty", "between"), "")
        path = tmp_path / "net.py"
        path.write_text(text.format(**{**blanks, **parts}) if text is NET else text)
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

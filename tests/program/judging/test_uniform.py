"""A factor that all steps share: told where it means something, silent where a rule explains it."""

import pytest

from nndiag.program.judging.notes import notes_of
from nndiag.program.judging.uniform import uniform_factor

PROGRAM = """\
import numpy as np
rng = np.random.default_rng(3)
x, y = rng.normal(size=(12, 2)), rng.normal(size=(12, 1))
W, V = rng.normal(size=(2, 4)), rng.normal(size=(4, 1))
u, v, mu, lr = np.zeros((2, 4)), np.zeros((4, 1)), 0.9, 0.05
for step in range(60):
    h = np.tanh(x @ W)
    p = h @ V
    loss = {loss}
    e = {error}
    dV = h.T @ e
    dW = x.T @ (e @ V.T * (1 - h ** 2))
    {update}
    print(loss)
"""
SGD = "V -= {0} * dV; W -= {0} * dW"
NESTEROV = """o = v; v = mu * v - lr * dV; V += (1 + mu) * v - mu * o
    o = u; u = mu * u - lr * dW; W += (1 + mu) * u - mu * o"""
AVERAGED = """v = mu * v + (1 - mu) * dV; V -= lr * v
    u = mu * u + (1 - mu) * dW; W -= lr * u"""
MEAN, HALF = "np.mean((p - y) ** 2)", "0.5 * np.mean((p - y) ** 2)"


def uniform_of(judgement):
    assert judgement.found.rate is not None
    return uniform_factor(judgement.found, judgement.comparisons)


@pytest.mark.parametrize(
    ("loss", "error", "update"),
    [
        (HALF, "(p - y) / 12", SGD.format("lr")),
        (HALF, "(p - y) / 12", NESTEROV),
        (HALF, "(p - y) / 12", AVERAGED),
        ("np.sum((p - y) ** 2)", "p - y", SGD.format("(2 * lr)")),  # the 2 stands at the rate
        ("np.sum((p - y) ** 2)", "p - y", SGD.format("2 * lr")),
    ],
)
def test_is_silent_where_the_step_is_rate_times_gradient(judge, loss, error, update):
    assert uniform_of(judge(PROGRAM.format(loss=loss, error=error, update=update))) is None


@pytest.mark.parametrize(
    ("loss", "error", "update", "problem", "factor", "line"),
    [
        (HALF, "(p - y)", SGD.format("lr"), "summed-instead-of-averaged", 12, 10),
        (HALF, "(p - y)", NESTEROV, "summed-instead-of-averaged", 12, 10),
        (HALF, "(p - y) / 4", SGD.format("lr"), "summed-instead-of-averaged", 3, 10),
        (HALF, "(p - y) / 144", SGD.format("lr"), "summed-instead-of-averaged", 1 / 12, 10),
        (MEAN, "(p - y) / 12", SGD.format("lr"), "wrong-constant-factor", 0.5, 10),
    ],
)
def test_names_a_factor_and_its_line(judge, loss, error, update, problem, factor, line):
    judgement = judge(PROGRAM.format(loss=loss, error=error, update=update))
    found = uniform_of(judgement)
    assert found.problem == problem
    assert judgement.found.nodes[found.node_id].lineno == line
    assert found.factor == pytest.approx(factor)


def test_notes_what_it_recognised(judge):
    text = PROGRAM.format(loss=HALF, error="(p - y) / 12", update=AVERAGED)
    assert "momentum 0.9 (recognised)" in notes_of(judge(text))


def test_counts_the_dead_units(judge):
    text = PROGRAM.format(loss=HALF, error="(p - y) / 12", update=SGD.format("lr"))
    text = text.replace("np.tanh(x @ W)", "np.maximum(0, x @ W - 90)").replace(
        "(1 - h ** 2)", "(h > 0)"
    )
    text = text.replace("p = h @ V", "p = h @ V + u[:1, :1]").replace(
        "print(loss)", "u[:1, :1] -= lr * e.sum(); print(loss)"
    )
    notes = notes_of(judge(text))
    assert any(note.startswith("W: ") and "4 of 4 dead" in note for note in notes)

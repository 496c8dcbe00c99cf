"""Kinds of programs that people found told wrongly, or not at all: the right answer of each.

Each is checked, run and judged as `nndiag FILE` does, in the tests' own process.
"""

import pytest

from nndiag.errors import UserCodeError
from nndiag.finding import Severity
from nndiag.own_program.program import Checked, Program
from nndiag.own_program.run import run_program
from nndiag.own_program.watching import SeenSteps
from nndiag.program import CodeSettings
from nndiag.program.child.plain import as_plain
from nndiag.program.running.task import watch
from tests.checking import check_here
from tests.combinations import sample

NET = """
import numpy as np
rng = np.random.default_rng(4)
X = rng.uniform(-1, 1, size=(40, 2))
Y = np.sin(2 * X[:, :1]) + X[:, 1:]
W, b = rng.normal(size=(2, 8)), np.zeros((1, 8))
V, c = rng.normal(size=(8, 1)) * 0.3, np.zeros((1, 1))
{before}
for step in range({steps}):
    H = np.tanh(X @ W + b)
    E = H @ V + c - Y
    loss = np.mean(E ** 2)
    D = 2 * E / len(X)
    dV, dc = H.T @ D, D.sum(axis=0, keepdims=True)
    G = D @ V.T * (1 - H ** 2)
    dW, db = X.T @ G, G.sum(axis=0, keepdims=True)
    {update}
"""
PLAIN = "W -= {0} * dW; b -= {0} * db; V -= {0} * dV; c -= {0} * dc"
LISTS = """P = [W, b, V, c]
M = [np.zeros_like(p) for p in P]
S = [np.zeros_like(p) for p in P]"""
ADAM = """for i, g in enumerate([dW, db, dV, dc]):
        M[i] = {first}
        S[i] = {second}
        m, s = M[i] / (1 - 0.9 ** (step + 1)), S[i] / (1 - 0.99 ** (step + 1))
        P[i] -= 0.01 * m / (np.sqrt(s) + 1e-8)"""
SUMS = """for i, g in enumerate([dW, db, dV, dc]):
        M[i] += g
        P[i] -= 0.02 * M[i]"""
MEAN, SQUARE = "0.9 * M[i] + 0.1 * g", "0.99 * S[i] + 0.01 * g ** 2"
RATES = ("learning-rate-above-stability-limit", "summed-loss")
SOFTMAX = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(30, 2))
y = (X[:, :1] > 0) * 1.0
w, b = rng.normal(size=(2, 1)), np.zeros(1)
for step in range(50):
    z = np.exp(X @ w + b)
    p = z / z.sum(axis=1, keepdims=True)
    loss = -np.mean(y * np.log(p))
    w -= 0.1 * X.T @ (p - y) / 30
    b -= 0.1 * (p - y).mean(axis=0)
"""


def net(update="", before="", steps=300):
    return NET.format(update=update or PLAIN.format("0.1"), before=before, steps=steps)


def adam(first=MEAN, second=SQUARE):
    return net(ADAM.format(first=first, second=second), LISTS, steps=300)


KINDS = {
    "a literal beside a rate that is too high": (
        net(PLAIN.format("(2 * pace)"), "pace = 9.0", steps=60),
        RATES[:1],
    ),
    "a clip to almost nothing": (
        net(
            "dW, db, dV, dc = (np.clip(g, -1e-5, 1e-5) for g in (dW, db, dV, dc))\n    " + PLAIN
        ).replace("{0}", "0.1"),
        ("clipped-gradient", "gradient-clipped-too-hard"),
    ),
    "a sum that is never reset": (
        net(SUMS, LISTS),
        ("gradient-not-reset",),
    ),
    "the square is missing": (adam(second="0.99 * S[i] + 0.01 * g"), ("wrong-moment",)),
    "a moment that is assigned": (adam(first=f"0.1 * g if i % 2 else {MEAN}"), ("wrong-moment",)),
    "right: Adam with its memory in lists": (adam(), ()),
    "biases that are not summed": (
        net().replace("G.sum(axis=0, keepdims=True)", "G").replace("b -= 0.1", "b = b - 0.1"),
        ("wrong-bias-gradient",),
    ),
    "a step of the sum where the mean is printed": (
        net(steps=60).replace("2 * E / len(X)", "2 * E"),
        RATES,
    ),
    "right: one decay on both matrices": (
        net("dW, dV = dW + 1e-3 * W, dV + 1e-3 * V\n    " + PLAIN.format("0.3"), steps=1500),
        (),
    ),
    "a softmax over one unit": (SOFTMAX, ("loss-does-not-fit-output",)),
}
"""Kind → a program of it, and what may be called its cause; nothing where it is right."""


class Here:
    """Watches a program in this process."""

    def __init__(self, settings):
        self.settings = settings

    def watch(self, *, live, **more):
        seen = SeenSteps()

        def take(kind, data):
            seen.take(kind, data)
            if kind == "rows":
                live(seen.told)

        return {**watch({"settings": as_plain(self.settings), **more}, take), **seen.told}


class ProgramHere(Program):
    """A program that is checked and run in this process."""

    def _watcher(self):
        return Here(self.settings)

    def checked(self):
        try:
            return Checked(check_here(self.settings))
        except UserCodeError as error:
            return Checked(doubt=error)


@pytest.fixture
def found(tmp_path):
    """Writes a program, and gives what is said of it."""

    def run(text):
        path = tmp_path / "net.py"
        path.write_text(text)
        return run_program(ProgramHere(CodeSettings(script=str(path)))).diagnosis

    return run


@pytest.mark.parametrize("kind", sample(list(KINDS)))
def test_tells_the_cause_of_a_kind_that_was_found(kind, found):
    text, causes = KINDS[kind]
    said = found(text)
    assert (said.cause.finding.problem if said.cause else None) in (causes or {None})
    if not causes:
        assert {x.severity for x in said.findings} <= {Severity.NOTE}


PERCEPTRON = """
rows = [((0, 1), 0), ((1, 1), 1)]
w = [0.0, 0.0]
for step in range(20):
    for x, t in rows:
        o = 1 if x[0] * w[0] + x[1] * w[1] > 0 else 0
        for i in range(2):
            w[i] {sign}= 0.5 * (t - o) * x[i]
"""


@pytest.mark.parametrize(("sign", "cause"), [("+", None), ("-", "wrong-sign")])
def test_a_perceptron_is_judged_by_its_rule(sign, cause, found):
    said = found(PERCEPTRON.format(sign=sign))
    assert (said.cause.finding.problem if said.cause else None) == cause

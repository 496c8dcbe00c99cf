"""What changes a program's text leaves what it computes as it is."""

import ast

import numpy as np
import pytest

from tests.transformations import as_lists, cast, nonsense, numbered, renamed, scaled, swapped

PROGRAM = """
import numpy as np
X = np.linspace(-1, 1, 8)[:, None]
w, rate = np.ones((1, 1)), 0.1
slope = 0.5
rate = 0.1
class Net:
    def shuffle(self):
        np.random.default_rng(0).shuffle([1])
    def __init__(self, gain):
        self.gain = gain
    def out(self, X):
        return self.gain * X @ w
net = Net(gain=slope)
for epoch in range(5):
    error = net.out(X) - 2 * X
    loss = np.mean(error ** 2)
    d = 2 * error / len(X)
    w -= rate * net.gain * X.T @ d
"""


def ran(text: str) -> list[np.ndarray]:
    """What the variables of a program are in the end, in no order."""
    scope: dict = {}
    exec(compile(text, "program", "exec"), scope)
    arrays = [np.asarray(x) for name, x in scope.items() if isinstance(x, np.ndarray | np.floating)]
    return sorted(arrays, key=lambda x: (x.shape, x.ravel().tolist()))


@pytest.mark.parametrize("name_of", [nonsense, numbered])
def test_other_names_compute_the_same(name_of):
    text = renamed(PROGRAM, name_of)
    assert not {"X", "w", "net", "gain", "Net"} & {
        getattr(node, field, None)
        for node in ast.walk(ast.parse(text))
        for field in ("id", "attr", "arg")
    }
    for found, expected in zip(ran(text), ran(PROGRAM), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_swapped_statements_compute_the_same():
    text = swapped(PROGRAM)
    assert text != ast.unparse(ast.parse(PROGRAM))
    for found, expected in zip(ran(text), ran(PROGRAM), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_scaled_loss_takes_the_same_steps():
    scope: dict = {}
    exec(scaled(PROGRAM, 50.0, loss="loss", gradient="d", rate="rate"), scope)
    plain: dict = {}
    exec(PROGRAM, plain)
    assert scope["loss"] == pytest.approx(50 * plain["loss"])
    np.testing.assert_allclose(scope["w"], plain["w"])


def test_data_of_another_type_and_in_lists_are_told_by_their_values():
    single: dict = {}
    exec(cast(PROGRAM, "np.float32", data="X"), single)
    assert single["X"].dtype == np.float32
    listed: dict = {}
    exec(as_lists(PROGRAM, data="X"), listed)
    assert isinstance(listed["X"], list)
    np.testing.assert_array_equal(listed["w"], next(x for x in ran(PROGRAM) if x.shape == (1, 1)))

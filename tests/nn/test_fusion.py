"""Compiled passes give what numpy's calls give; where numba is installed."""

import numpy as np
import pytest

from nndiag.nn import fusion
from nndiag.nn.activations import ACTIVATIONS
from nndiag.nn.calls import execute
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.nn.stack import Stack

SLOW = {"exp": 1.0, "expm1": 1.0, "tanh": 1.0, "multiply": 1e-3}  # every run of calls pays
SIZE = 2_100


@pytest.fixture
def compiled(monkeypatch, tmp_path):
    """Every pass that can be compiled is."""
    pytest.importorskip("numba")
    monkeypatch.setattr(fusion, "kept", lambda name, find: SLOW)
    monkeypatch.setattr(fusion, "folder", lambda: tmp_path)


def trained(optimizer, *, networks, steps):
    """Losses and parameters of networks with every activation in turn, after three steps."""
    rng = np.random.default_rng(0)
    layers = [(30, name) for name in ACTIVATIONS.names() if name != "softmax"]
    shape = architecture(20, [*layers, (1, "linear")], loss=LOSSES.get("mean_squared_error")())
    start = rng.standard_normal((networks, shape.size)) / 5
    x, y = rng.standard_normal((100, 20)), rng.standard_normal((100, 1))
    update = OPTIMIZERS.get(optimizer)(learning_rate=1e-3)
    stack = Stack(shape, start, optimizer=update, inputs=x, targets=y, steps=steps)
    return stack.run(steps=3).losses, stack.parameters


@pytest.mark.parametrize(("optimizer", "networks"), [("sgd", 1), ("adam", 3)])
def test_networks_train_as_without(compiled, optimizer, networks, tmp_path):
    expected = trained(optimizer, networks=networks, steps=0)
    assert not list(tmp_path.glob("*.py"))
    found = trained(optimizer, networks=networks, steps=10**6)
    assert list(tmp_path.glob("*.py"))
    for one, other in zip(found, expected, strict=True):
        # Three steps of nine layers: rounding of 4e-16 in each.
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_reads_what_was_just_written_and_numbers_that_change(compiled):
    a, b, rate = np.linspace(-1, 1, SIZE), np.ones(SIZE), np.array(2.0)
    plan = [(np.multiply, (a, rate, b)), (np.add, (b, a, a)), (np.copyto, (b, a))]
    (call,) = fusion.fused(plan, slots=1, steps=10**6)
    rate[...] = 3.0
    execute([call])
    np.testing.assert_array_equal(a, 4 * np.linspace(-1, 1, SIZE))
    np.testing.assert_array_equal(b, a)


@pytest.mark.parametrize(
    "call",
    [
        (np.add, (np.ones(2 * SIZE)[::2], np.ones(SIZE), np.ones(SIZE))),
        (np.add, (np.ones((SIZE, 2)), np.ones(2), np.ones((SIZE, 2)))),
        (np.greater, (np.ones(SIZE), np.zeros(SIZE), np.ones(SIZE, bool))),
        (np.multiply, (np.ones(9), np.ones(9), np.ones(9))),
        (np.dot, (np.ones((50, 50)), np.ones((50, 50)), np.ones((50, 50)))),
    ],
    ids=["strided", "broadcast", "another type", "small", "a product"],
)
def test_leaves_other_calls_as_they_are(compiled, call):
    assert fusion.fused([call], slots=1, steps=10**6) == [call]


def test_compiles_no_pass_over_memory_that_is_shifted_against_itself(compiled):
    whole = np.ones(SIZE + 1)
    plan = [(np.add, (whole[1:], whole[:-1], whole[1:]))] * 2  # numpy copies before it adds
    assert fusion.fused(plan, slots=1, steps=10**6) == plan


def test_compiles_nothing_that_does_not_pay(compiled):
    plan = [(np.tanh, (np.ones(SIZE), np.ones(SIZE)))]
    assert fusion.fused(plan, slots=1, steps=0) == plan

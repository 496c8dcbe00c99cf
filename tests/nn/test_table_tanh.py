"""tanh from a table against 80-bit numbers, and in the plan of a training."""

import numpy as np
import pytest

from nndiag.nn import fusion
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture
from nndiag.nn.optimizers import OPTIMIZERS
from nndiag.nn.stack import Stack
from nndiag.nn.table_tanh import TableTanh

NUMBERS = np.concatenate(
    [
        np.linspace(-40.0, 40.0, 40_001),
        np.random.default_rng(0).standard_normal(40_000) * 10.0 ** np.linspace(-300, 0, 40_000),
        (np.arange(-2_000, 2_000) + 0.5) / 256,  # in the middle between two entries
    ]
)
RATES = {"exp": 1.0, "expm1": 1.0, "tanh": 1.0, "multiply": 1.0, "table": 0.5}
SIZE = 6_000


def test_is_accurate_to_two_units_in_the_last_place_near_zero_too():
    found = np.empty_like(NUMBERS)
    TableTanh()(NUMBERS, found)
    exact = np.tanh(NUMBERS.astype(np.longdouble))
    some = NUMBERS != 0
    assert np.max(np.abs(found[some] / exact[some] - 1)) < 4.5e-16
    assert not found[~some].any()


def test_works_in_place_and_keeps_what_is_not_finite():
    numbers = np.array([np.nan, np.inf, -np.inf, 0.5])
    TableTanh()(numbers, numbers)
    np.testing.assert_allclose(numbers, [np.nan, 1.0, -1.0, np.tanh(0.5)], rtol=4.5e-16)


def trained(monkeypatch, rates, *, networks):
    monkeypatch.setattr(fusion, "kept", lambda name, find: rates)
    monkeypatch.setattr(fusion.importlib.util, "find_spec", lambda name: None)  # no numba
    rng = np.random.default_rng(0)
    layers = [(60, "tanh"), (60, "tanh"), (1, "linear")]
    shape = architecture(3, layers, loss=LOSSES.get("mean_squared_error")())
    start = rng.standard_normal((networks, shape.size)) / 5
    x, y = rng.standard_normal((100, 3)), rng.standard_normal((100, 1))
    update = OPTIMIZERS.get("sgd")(learning_rate=1e-3)
    stack = Stack(shape, start, optimizer=update, inputs=x, targets=y, steps=10**6)
    return stack.run(steps=20).losses


@pytest.mark.parametrize("networks", [1, 3])
def test_networks_train_as_without(monkeypatch, networks):
    fast = trained(monkeypatch, RATES, networks=networks)
    usual = trained(monkeypatch, RATES | {"table": 1.0}, networks=networks)
    assert (fast != usual).any()  # by rounding: it was used
    np.testing.assert_allclose(fast, usual, rtol=1e-13)


@pytest.mark.parametrize(
    ("size", "rates", "steps", "used"),
    [
        (SIZE, RATES, 10**6, True),
        (SIZE - 1, RATES, 10**6, False),
        (SIZE, RATES, 3_000, False),  # 1.8e7 numbers in all
        (SIZE, RATES | {"table": 0.9}, 10**6, False),
    ],
    ids=["large", "small", "short", "not faster"],
)
def test_is_used_where_it_is_worth_it(monkeypatch, size, rates, steps, used):
    monkeypatch.setattr(fusion, "kept", lambda name, find: rates)
    monkeypatch.setattr(fusion.importlib.util, "find_spec", lambda name: None)
    ((function, _),) = fusion.fused([(np.tanh, (np.ones(size),) * 2)], slots=1, steps=steps)
    assert isinstance(function, TableTanh) is used

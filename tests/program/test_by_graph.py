"""Programs whose faults show only in what depends on what: memories, names, aliases."""

import pytest

DATA = """\
import numpy as np
rng = np.random.default_rng(11)
inputs = rng.normal(size=(40, 3))
wanted = np.tanh(inputs @ rng.normal(size=(3, 2))) + 0.1
"""

NETWORK = (
    DATA
    + """\
net = {{"A": rng.normal(size=(3, 5)) * 0.5, "a": np.zeros((1, 5)),
       "B": rng.normal(size=(5, 2)) * 0.5, "b": np.zeros((1, 2))}}
{before}
for round_ in range(1, 400):
    hidden = np.tanh(inputs @ net["A"] + net["a"])
    error = hidden @ net["B"] + net["b"] - wanted
    cost = 0.5 * np.sum(error ** 2) / 40
    back = error @ net["B"].T * (1 - hidden ** 2)
    slopes = {{"A": inputs.T @ back / 40, "a": back.mean(0, keepdims=True),
              "B": hidden.T @ error / 40, "b": error.mean(0, keepdims=True)}}
    for name in net:
        slope = slopes[name]
        {update}
"""
)

MEMORY = """\
memory = {"first " + n: np.zeros_like(v) for n, v in net.items()}
memory.update({"second " + n: np.zeros_like(v) for n, v in net.items()})"""

ADAM = """\
memory["first " + name] = 0.9 * memory["first " + name] + 0.1 * slope
        memory["second " + name] = 0.99 * memory["second " + name] + 0.01 * {square}
        m = memory["first " + name] / (1 - 0.9 ** {count})
        v = memory["second " + name] / (1 - 0.99 ** {count})
        net[name] = net[name] - 0.01 * m / ({root} + 1e-8)"""


def network(*, update, before=""):
    return NETWORK.format(before=before, update=update)


def adam(*, square="slope ** 2", root="np.sqrt(v)", count="round_"):
    update = ADAM.format(square=square, root=root, count=count)
    return network(before=MEMORY, update=update)


def test_takes_adam_with_its_memory_in_a_dictionary_for_right(check):
    found = check(adam())
    assert found.correct
    assert not found.findings


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"square": "slope"}, "square is due"),
        ({"square": "np.abs(slope)"}, "absolute value"),
        ({"root": "v"}, "square root is due"),
        ({"count": "1"}, "does not count the steps"),
    ],
)
def test_names_what_is_wrong_with_a_memory(check, change, says):
    found = check(adam(**change))
    assert not found.correct
    assert found.findings[0].problem == "wrong-moment"
    assert says in found.findings[0].message


ACCUMULATED = (
    DATA
    + """\
layers = [rng.normal(size=(3, 4)) * 0.5, rng.normal(size=(4, 2)) * 0.5]
blank = [np.zeros_like(w) for w in layers]
for epoch in range(200):
    gathered = {start}
    for row, target in zip(inputs, wanted):
        hidden = np.tanh(row @ layers[0])
        error = hidden @ layers[1] - target
        gathered[1] += np.outer(hidden, error)
        gathered[0] += np.outer(row, layers[1] @ error * (1 - hidden ** 2))
    for w, g in zip(layers, gathered):
        w -= 0.002 * g
"""
)


def test_sees_sums_of_gradients_that_are_an_alias_of_the_zeros(check):
    found = check(ACCUMULATED.format(start="blank"))
    assert found.findings[0].problem == "gradient-not-reset"


def test_says_nothing_of_sums_that_start_from_copies(check):
    found = check(ACCUMULATED.format(start="[g.copy() for g in blank]"))
    assert found.correct
    assert not found.findings


RENAMED = (
    DATA
    + """\
q01 = rng.normal(size=(3, 5)) * 0.5
q02 = rng.normal(size=(5, 2)) * 0.5
for q03 in range(400):
    q04 = np.tanh(inputs @ q01)
    q05 = q04 @ q02 - wanted
    q06 = np.mean(np.sum(q05 ** 2, axis=1))
    q07 = 2 * q05 / 40
    q08 = (q07 @ q02.T) * {derivative}
    q01 = q01 - 0.05 * inputs.T @ q08
    q02 = q02 - 0.05 * q04.T @ q07
"""
)


def test_needs_no_names(check):
    found = check(RENAMED.format(derivative="(1 - np.tanh(q04) ** 2)"))
    assert found.findings[0].problem == "activation-derivative-of-wrong-argument"
    assert found.findings[0].line == 12
    assert found.fixed_text is not None
    assert "1 - q04 ** 2" in found.fixed_text


def test_is_silent_whatever_things_are_called(check):
    found = check(RENAMED.format(derivative="(1 - q04 ** 2)"))
    assert found.correct
    assert not found.findings


def test_says_that_a_bias_grows_because_its_gradient_is_not_summed(check):
    text = network(update="net[name] = net[name] - 0.1 * slope").replace(
        "error.mean(0, keepdims=True)", "error / 40"
    )
    found = check(text)
    assert found.findings[0].problem == "wrong-bias-gradient"
    assert found.findings[0].tensor == 'net["b"]'

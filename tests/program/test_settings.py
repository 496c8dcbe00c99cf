"""What the user says about a program is used."""

import pytest

from tests.program.conftest import LINEAR

COURSE = """\
import numpy as np

def propagate(w, b, X, Y):
    A = 1 / (1 + np.exp(-(w.T @ X + b)))
    cost = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dw = X @ (A - Y).T / X.shape[1]
    db = np.mean(A - Y)
    return {"dw": dw, "db": db}, cost

w, b = np.array([[1.0], [2.0]]), 0.5
X = np.array([[1.0, 2.0, -1.0], [3.0, 0.5, -3.2]])
Y = np.array([[1, 0, 1]])
"""
CALL = {
    "functions": "grads, cost = propagate(w, b, X, Y)",
    "loss": "cost",
    "gradients": {"w": "grads['dw']", "b": "grads['db']"},
}


def test_checks_functions_that_return_cost_and_gradients(check):
    found = check(COURSE, **CALL)
    assert found.correct
    # a gradient, not a step: its factor is 1
    assert [tensor.scale for tensor in found.tensors] == pytest.approx([1.0, 1.0], rel=1e-6)


def test_mends_functions_that_return_cost_and_gradients(check):
    found = check(COURSE.replace("db = np.mean(A - Y)", "db = np.sum(A - Y)"), **CALL)
    assert [item.problem for item in found.findings] == ["summed-instead-of-averaged"]
    assert found.findings[0].replacement == "db = np.mean(A - Y)"


def test_compares_the_gradients_that_the_program_holds(check):
    found = check(LINEAR, gradients={"w": "X.T @ d", "b": "d.sum()"})
    assert [tensor.scale for tensor in found.tensors] == pytest.approx([1.0, 1.0], rel=1e-6)


def test_takes_any_expression_for_the_loss(check):
    found = check(
        LINEAR.replace("    loss = np.mean((out - y) ** 2)\n", ""), loss="((out - y)**2).mean()"
    )
    assert found.correct
    assert found.loss.text == "((out - y)**2).mean()"


def test_checks_only_the_parameters_that_are_named(check):
    found = check(LINEAR, parameters=("w",))
    assert [tensor.name for tensor in found.tensors] == ["w"]


@pytest.mark.parametrize("said", ["lr", "0.1"])
def test_takes_the_learning_rate_that_is_named(check, said):
    assert check(LINEAR, learning_rate=said).learning_rate.value == 0.1

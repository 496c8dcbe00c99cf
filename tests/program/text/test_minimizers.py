"""Calls of scipy's optimizers, read as the statements that give the cost and its gradient."""

from pathlib import Path

import pytest

from nndiag.program.text.minimizers import with_minimized
from nndiag.program.text.settings import CodeSettings
from nndiag.program.text.source import read_source

TWO = "{cost} = f(t, X, y)\n{gradient} = g(t, X, y)"


@pytest.fixture
def read(tmp_path: Path):
    def found(text, **said):
        path = tmp_path / "program.py"
        path.write_text(f"from scipy import optimize\n{text}\n")
        return with_minimized(CodeSettings(script=str(path), **said), read_source(path))

    return found


@pytest.mark.parametrize(
    "call",
    [
        "optimize.minimize(f, t, (X, y), 'CG', g)",
        "optimize.minimize(fun=f, x0=t, jac=g, method='BFGS', args=(X, y))",
        "optimize.fmin_cg(f, fprime=g, x0=t, args=(X, y), maxiter=50)",
        "optimize.fmin_ncg(f, t, g, None, None, (X, y))",
        "result = [optimize.fmin_bfgs(f, t, g, (X, y)) for _ in range(2)]",
        "for label in range(3):\n    t = optimize.fmin_tnc(func=f, x0=t, fprime=g, args=(X, y))",
    ],
)
def test_reads_cost_and_gradient_from_the_call(read, call):
    settings = read(call)
    assert settings.functions == TWO.format(cost="cost", gradient="gradient")
    assert settings.loss == "cost"
    assert settings.gradients == {"t": "gradient"}


@pytest.mark.parametrize(
    "call",
    ["optimize.minimize(f, t, (X, y), jac=True)", "optimize.fmin_l_bfgs_b(f, t, args=(X, y))"],
)
def test_reads_a_function_that_gives_both(read, call):
    assert read(call).functions == "cost, gradient = f(t, X, y)"


def test_gives_its_own_variables_names_that_the_program_does_not_use(read):
    settings = read("def cost(t): return t\ncost(0)\noptimize.fmin_cg(cost, t, lambda t: gradient)")
    assert settings.functions == "cost_ = cost(t)\ngradient_ = (lambda t: gradient)(t)"
    assert settings.loss == "cost_"


def test_spreads_arguments_that_stand_in_a_variable(read):
    settings = read("optimize.minimize(f, t, args=data, jac=True)")
    arguments = "*(data if isinstance(data, tuple) else (data,))"
    assert settings.functions == f"cost, gradient = f(t, {arguments})"


@pytest.mark.parametrize(
    "text",
    [
        "optimize.minimize(f, t, (X, y))",  # differentiates by itself
        "optimize.fmin_tnc(f, t, approx_grad=True)",
        "optimize.fmin_cg(f, np.zeros(3), g)",  # no variable to change
        "def main():\n    optimize.fmin_cg(f, t, g)",  # variables of its own
        "minimum = min(f, t)",
    ],
)
def test_reads_nothing_from_other_calls(read, text):
    assert read(text) is None


def test_leaves_alone_what_the_user_says(read):
    call = "optimize.fmin_cg(f, t, g)"
    assert read(call, functions="step()") is None
    said = read(call, loss="f(t)", gradients={"t": "g(t)"})
    assert (said.loss, said.gradients) == ("f(t)", {"t": "g(t)"})

"""Programs like those of people who asked why they do not train: the answers that were measured."""

from functools import cache

import pytest

from nndiag.finding import Severity
from nndiag.program import CodeSettings, ProgramCheck
from tests.checking import check_here
from tests.program.conftest import PROGRAMS


@cache
def checked(name: str) -> ProgramCheck:
    return check_here(CodeSettings(script=str(PROGRAMS / f"{name}.py")))


def line_of(check: ProgramCheck, text: str) -> int:
    return next(i for i, line in enumerate(check.source.lines, 1) if text in line)


def named(check: ProgramCheck) -> set[tuple[str, int | None]]:
    return {(finding.problem, finding.line) for finding in check.findings}


def test_names_both_bugs_of_the_sigmoid_sine_with_their_lines():
    check = checked("sigmoid_sine")
    out, inner = line_of(check, "grad_out = "), line_of(check, "grad_in = ")
    assert ("wrong-sign", out) in named(check)
    assert {line for _, line in named(check)} == {out, inner}


def test_reads_the_constant_rate_of_the_sigmoid_sine_from_the_wrong_step():
    check = checked("sigmoid_sine")
    assert check.learning_rate.value == 0.01
    wrong = next(tensor for tensor in check.tensors if tensor.name == "w_out")
    assert wrong.scale == pytest.approx(-0.01, rel=1e-6)  # uphill, with the program's own rate


def test_names_what_is_wrong_with_the_quadratic_cosine():
    check = checked("quadratic_cosine")
    assert {problem for problem, _ in named(check)} == {
        "loss-gradient-scaled-by-residual",
        "bias-per-example",
        "loss-is-not-the-objective",
    }
    assert ("loss-gradient-scaled-by-residual", line_of(check, "d_out = ")) in named(check)


def test_drops_only_the_mean_from_the_quadratic_cosine():
    assert "    d_out = 2 * (target - out)\n" in checked("quadratic_cosine").fixed_text


def test_finds_the_gradient_of_the_linear_doubling_right():
    check = checked("linear_doubling")
    assert check.correct
    # each example has a bias of its own, and all stay equal: said, and no fault of the gradient
    assert [finding.problem for finding in check.findings] == ["bias-per-example"]
    assert check.findings[0].severity is Severity.NOTE
    # the step is the rate times the gradient of half the sum of squares
    assert [tensor.scale for tensor in check.tensors] == pytest.approx([0.07, 0.07], rel=1e-6)


def test_finds_the_chain_of_the_logic_gate_broken_below_its_last_layer():
    check = checked("logic_gate")
    verdicts = {tensor.name: tensor.verdict.value for tensor in check.tensors}
    assert verdicts == {
        "self.__layers[0].w": "wrong",
        "self.__layers[1].w": "wrong",
        "self.__layers[2].w": "right",
    }
    chain = next(item for item in check.findings if item.problem == "broken-chain-rule")
    assert chain.tensor == "self.__layers[0].w, self.__layers[1].w"  # one line for both


def test_calls_out_the_signed_loss_of_the_logic_gate():
    check = checked("logic_gate")
    shown = next(item for item in check.findings if item.problem == "loss-is-not-the-objective")
    assert shown.line == line_of(check, "sum(Y - out)")
    assert shown.severity is Severity.WARNING


@pytest.mark.parametrize("name", ["sigmoid_sine", "quadratic_cosine", "logic_gate"])
def test_says_what_loss_was_assumed_where_none_is_computed(name):
    loss = checked(name).loss
    assert loss.own == (name == "sigmoid_sine")
    assert (loss.assumption is None) == loss.own

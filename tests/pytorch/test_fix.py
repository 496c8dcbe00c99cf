"""Scripts are fixed by the smallest change of their text; their gradients are checked."""

import pytest

from nndiag.own_program.fix import fix_program
from nndiag.pytorch.sweep import SweptScript
from tests.pytorch.scripts import SCRIPTS, InProcess, run, script_of

pytestmark = pytest.mark.torch


def changed(diff):
    return [line[1:].strip() for line in diff.splitlines()[2:] if line[:1] == "+"]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("broken/eval_mode_left_on", ["model.train()"]),
        ("broken/loss_detached", ["loss = loss"]),
        ("broken/rate_too_high", ["learning_rate = 7.1e-6"]),
        (
            "broken/head_not_in_optimizer",
            ["optimizer = torch.optim.SGD(model.parameters(), lr=0.2)"],
        ),
    ],
)
def test_fixes_a_script_by_the_smallest_change_over_seeds(name, lines):
    path = SCRIPTS / f"{name}.py"
    found = fix_program(run(path), script_of(path))
    assert changed(found.diff) == lines
    assert found.winner.r_squared > 0.9
    assert min(found.others) > 0.8 * found.winner.r_squared


def test_fixes_by_keeping_away_from_where_there_is_no_derivative():
    path = SCRIPTS / "broken" / "root_of_zero.py"
    found = fix_program(run(path), script_of(path))
    assert changed(found.diff) == ["dist = torch.sqrt(((a - b) ** 2).sum(dim=1) + 1e-8)"]


def test_does_not_fix_beside_a_wrong_function():
    path = SCRIPTS / "broken" / "wrong_function.py"
    found = fix_program(run(path), script_of(path))
    assert found.winner is None
    assert not found.trials


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("healthy/custom_function", set()),
        ("healthy/classifier", set()),
        ("broken/missing_zero_grad", {"hidden.weight", "hidden.bias", "out.weight", "out.bias"}),
        (
            "broken/wrong_function",
            {"linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"},
        ),
    ],
)
def test_checks_the_gradient_of_a_step_against_differences_of_the_loss(name, wrong):
    path = SCRIPTS / f"{name}.py"
    check = script_of(path).gradient_check()
    assert {x.name for x in check.tensors if str(x.verdict) == "wrong"} == wrong
    assert check.correct is not bool(wrong)


def test_trains_a_script_at_other_rates_for_a_sweep():
    path = SCRIPTS / "healthy" / "regression.py"
    script = SweptScript(InProcess(path), path.name)
    assert (script.setting, script.rate) == ("lr", 0.05)
    still = script.losses(0.05e-12, shift=0, iterations=3)
    assert still[2] == pytest.approx(still[0], rel=1e-6)
    assert script.losses(0.05, shift=0, iterations=3)[2] < still[2]

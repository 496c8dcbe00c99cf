"""What is worth looking at in a script before it is trained, whatever its network is."""

import pytest

from nndiag.checkup import CHECKS, Status
from nndiag.own_program.checkup import program_checkup
from tests.pytorch.scripts import SCRIPTS, script_of

pytestmark = pytest.mark.torch


def checks_of(name):
    found = program_checkup(script_of(SCRIPTS / f"{name}.py"), name=name)
    return {check.name: check for check in found.checks}


def test_a_chain_gets_all_the_checks_of_a_config():
    found = checks_of("healthy/regression")
    assert list(found) == list(CHECKS)
    assert {check.status for check in found.values()} == {Status.OK}


def test_a_network_that_is_no_chain_gets_all_but_the_fit_of_all_examples():
    found = checks_of("healthy/small_cnn")
    assert list(found) == [x for x in CHECKS if x != "there is something to learn"]
    assert {check.status for check in found.values()} == {Status.OK}


@pytest.mark.parametrize(
    ("name", "title", "problem"),
    [
        ("broken/softmax_twice", "loss", "softmax-before-cross-entropy"),
        ("broken/head_not_in_optimizer", "parameters move", "parameter-not-trained"),
        ("broken/wrong_function", "gradient", "wrong-autograd-function"),
        ("broken/rate_too_high", "learning rate", "learning-rate-above-stability-limit"),
        ("broken/unscaled_house_prices", "input scales", "unscaled-inputs"),
    ],
)
def test_what_is_wrong_is_told_with_the_line_to_write(name, title, problem):
    check = checks_of(name)[title]
    assert check.problem == problem
    assert check.status in (Status.WARNING, Status.FAILED)
    assert (check.remedy or "").startswith("line ") or name.endswith("function")

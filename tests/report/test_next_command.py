"""The command that is suggested fits what was found."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from nndiag.finding import Outcome
from nndiag.report.next_command import next_command
from nndiag.report.verdict import verdict_panel
from nndiag.trace import Facts


def test_a_failing_run_is_handed_to_fix(diverged):
    assert next_command(*diverged, config="my.yaml seed=1") == "nndiag fix my.yaml seed=1"


@pytest.mark.parametrize(
    ("outcome", "command"),
    [
        (Outcome.CONVERGED, "nothing: it trains"),
        (Outcome.IMPROVING, "nothing: it trains"),
        (Outcome.INTERRUPTED, "nndiag train my.yaml"),
        (Outcome.STALLED, "nndiag sweep-lr my.yaml"),
    ],
)
def test_a_run_without_findings(healthy, outcome, command):
    diagnosis, trace = healthy
    changed = replace(diagnosis, outcome=outcome)
    assert next_command(changed, trace, config="my.yaml") == command


@pytest.mark.parametrize(
    ("r_squared", "command", "told"),
    [
        (0.09, "nndiag explain r-squared", "0.09: it predicts little more than the mean."),
        (0.11, "nothing: it trains", "0.11."),
    ],
)
def test_a_run_at_its_end_that_learned_little_is_not_said_to_train(
    healthy, r_squared, command, told
):
    diagnosis, trace = healthy
    numbers = {**diagnosis.numbers, "r_squared": r_squared}
    changed = replace(diagnosis, outcome=Outcome.CONVERGED, numbers=numbers)
    assert next_command(changed, trace, config="my.yaml") == command
    console = Console(file=StringIO(), width=100)
    console.print(verdict_panel(changed, trace))
    assert f"Nothing wrong was found. R² {told} " in console.file.getvalue()


def test_a_run_that_has_learned_little_yet_is_trained_longer(healthy):
    diagnosis, trace = healthy
    numbers = {**diagnosis.numbers, "r_squared": 0.4}
    changed = replace(diagnosis, outcome=Outcome.IMPROVING, numbers=numbers)
    command = next_command(changed, trace, config="my.yaml")
    assert command == "nndiag train my.yaml training.steps=200"


def test_a_run_of_unknown_length_is_not_told_to_be_longer(healthy):
    diagnosis, trace = healthy
    changed = replace(diagnosis, outcome=Outcome.IMPROVING)
    foreign = replace(trace, facts=Facts())
    assert "training.steps" not in next_command(changed, foreign, config="my.yaml")


def test_a_foreign_trace_is_explained(diverged, healthy):
    limit = "learning-rate-above-stability-limit"
    assert next_command(*diverged, config=None) == f"nndiag explain {limit}"
    assert next_command(*healthy, config=None) == "nndiag explain converged"

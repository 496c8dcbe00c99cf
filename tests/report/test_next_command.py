"""The command that is suggested fits what was found."""

from dataclasses import replace

import pytest

from nndiag.finding import Outcome
from nndiag.report.next_command import next_command
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

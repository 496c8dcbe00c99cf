"""Whole scripts, unedited: what fails has its cause, what trains is left. All: the benchmark."""

import sys

import pytest

import nndiag
from nndiag.finding import Severity
from tests.pytorch.scripts import CAUSES, SCRIPTS, path_of, run

pytestmark = pytest.mark.torch
QUICK = (
    "broken/broadcast_targets",
    "broken/eval_mode_left_on",
    "broken/loss_detached",
    "broken/head_not_in_optimizer",
    "broken/rate_too_high",
    "broken/root_of_zero",
    "broken/softmax_twice",
    "broken/wrong_function",
    "several/zero_grad_and_rate",
    "healthy/classifier",
    "healthy/custom_function",
    "kept/never_stepped",
    "kept/no_grad_forward",
    "kept/embedding_padding",
    "kept/frozen",
    "kept/gan",
)


@pytest.mark.parametrize("name", QUICK)
def test_tells_the_cause_first_and_nothing_of_what_trains(name):
    found = run(path_of(name)).diagnosis
    graver = [x for x in found.findings if x.severity is not Severity.NOTE]
    assert (found.cause.finding.problem in CAUSES[name]) if CAUSES[name] else not graver


def test_runs_a_script_behind_the_verb_of_every_program(tmp_path):
    script = SCRIPTS / "several" / "zero_grad_and_rate.py"
    result = nndiag.train(script, plots=False, python=sys.executable, runs=tmp_path)
    assert result.cause.finding.problem == "gradient-accumulates"
    assert result.cause.finding.replacement == "opt.zero_grad()"
    assert result.trace.layers == ("model.0.weight", "model.2.weight")
    assert (result.run / "program.py").read_text(encoding="utf-8") == script.read_text("utf-8")

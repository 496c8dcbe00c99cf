"""The shipped configs, trained: each shows what it expects."""

from pathlib import Path

import pytest

from nndiag.diagnosis import diagnose
from nndiag.experiment import load_experiment
from nndiag.experiment.building import build
from nndiag.finding import Severity
from nndiag.training import train
from nndiag.training.reference import REFERENCE_SECONDS
from tests.scaling import scaled, verdict

CONFIGS = Path(__file__).parent.parent / "configs"
SHOWN = sorted(
    path
    for kind in ("broken", "posts")
    for path in CONFIGS.glob(f"{kind}/*.yaml")
    if ".fixed" not in path.name  # written by `nndiag fix`, as the README shows
)


def name_of(path):
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", SHOWN, ids=name_of)
def test_a_shipped_config_shows_exactly_what_it_expects_at_any_scale_of_its_loss(path):
    """Each problem has a config that shows it (`test_catalogue`): no detector is left out."""
    experiment = load_experiment(path)
    expected = experiment.config.expect
    trace = train(build(experiment), reference_seconds=REFERENCE_SECONDS).trace
    diagnosis = diagnose(trace)
    graver_than_notes = {x.problem for x in diagnosis.findings if x.severity is not Severity.NOTE}
    cause = None if diagnosis.cause is None else diagnosis.cause.finding.problem
    assert diagnosis.outcome is expected.outcome
    assert graver_than_notes == set(expected.findings)
    assert cause == expected.cause
    assert verdict(scaled(trace, 1e-3)) == verdict(scaled(trace, 0.37)) == verdict(trace)


def test_linear_doubling_rests_where_an_independent_program_did():
    experiment = load_experiment(CONFIGS / "posts" / "linear_doubling.yaml")
    diagnosis = diagnose(train(build(experiment)).trace)
    # half the sum of squares; 0.1 × that is the mean squared error of 20 examples, 0.00282128
    assert diagnosis.numbers["final_loss"] == pytest.approx(0.0282128, rel=1e-5)
    assert diagnosis.numbers["newton_decrement"] < 1e-20
    assert diagnosis.numbers["smallest_eigenvalue"] > 0

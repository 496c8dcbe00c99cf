"""Twenty published kinds of faulty programs: each is failing with its cause named, and its repair.

They were posted by people who asked why their network does not train; the data here are made anew,
but for Fisher's irises.
"""

from pathlib import Path

import pytest

from nndiag.diagnosis import diagnose
from nndiag.experiment import load_experiment
from nndiag.experiment.building import build
from nndiag.finding import Severity
from nndiag.training import train
from nndiag.training.reference import REFERENCE_SECONDS

FOLDER = Path(__file__).parent.parent / "configs" / "programs"
CURED = sorted(FOLDER.glob("*_cured.yaml"))
FAULTY = sorted(set(FOLDER.glob("*.yaml")) - set(CURED))


def diagnosed(path):
    experiment = load_experiment(path)
    result = train(build(experiment), reference_seconds=REFERENCE_SECONDS)
    return experiment.config.expect, diagnose(result.trace)


def test_there_are_twenty():
    assert len(FAULTY) == 20
    assert len(CURED) == 19  # against noise there is no cure


@pytest.mark.parametrize("path", FAULTY, ids=lambda path: path.stem)
def test_the_cause_of_a_faulty_program_is_named(path):
    expected, diagnosis = diagnosed(path)
    assert diagnosis.outcome is expected.outcome
    assert diagnosis.cause is not None
    assert diagnosis.cause.finding.problem == expected.cause
    assert diagnosis.cause.finding.severity is not Severity.NOTE


@pytest.mark.parametrize("path", CURED, ids=lambda path: path.stem)
def test_a_repaired_program_has_no_error(path):
    _, diagnosis = diagnosed(path)
    assert diagnosis.cause is None
    assert not diagnosis.failing

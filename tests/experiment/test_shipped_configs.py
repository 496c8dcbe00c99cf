"""The configs that come with nndiag: each loads, and the healthy ones train well."""

from pathlib import Path

import pytest

from nndiag.diagnosis import diagnose
from nndiag.experiment import load_experiment, load_program
from nndiag.experiment.building import build
from nndiag.nn.datasets import DATASETS
from nndiag.training.trainer import train

CONFIGS = Path(__file__).parents[2] / "configs"
ALL = sorted(path for path in CONFIGS.rglob("*.yaml") if ".fixed" not in path.name)
HEALTHY = sorted((CONFIGS / "healthy").glob("*.yaml"))


def name_of(path):
    return str(path.relative_to(CONFIGS))


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_loads_and_builds(path):
    if load_program(path) is None:
        assert build(load_experiment(path)).parameters.size > 0


@pytest.mark.parametrize("path", HEALTHY, ids=name_of)
def test_trains_a_healthy_config_well_and_in_silence(path):
    experiment = load_experiment(path)
    diagnosis = diagnose(train(build(experiment)).trace)
    assert [finding.problem for finding in diagnosis.findings] == []
    # 0.9 of what the mean baseline leaves is learnt: each does better by far, whatever the machine
    assert diagnosis.numbers["r_squared"] > 0.9
    expected = experiment.config.expect
    assert expected.findings == []
    assert expected.outcome in (None, diagnosis.outcome)


def test_shows_every_data_set_in_a_healthy_config():
    shown = {load_experiment(path).config.dataset.name for path in HEALTHY}
    assert shown == set(DATASETS.names())

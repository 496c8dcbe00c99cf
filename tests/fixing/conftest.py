"""Small failing configs, each trained once for all tests."""

from typing import Any

import pytest

from nndiag.experiment import Experiment, experiment_of
from nndiag.fixing import Fix, Run, fix, measured

TANH_ON_A_LINE: dict[str, Any] = {
    "name": "tanh-on-a-line",
    "dataset": {"name": "linear_doubling"},
    "network": {
        "layers": [{"units": 1, "activation": "tanh", "weights": [[0.5]], "biases": [0.5]}]
    },
    "loss": {"name": "mean_squared_error", "reduction": "half_sum"},
    "optimizer": {"name": "sgd", "learning_rate": 0.07},
    "training": {"steps": 2000},
}
EXPLODING: dict[str, Any] = {
    "name": "exploding",
    "dataset": {"name": "sine", "samples": 50},
    "network": {
        "layers": [{"units": 20, "activation": "tanh"}, {"units": 1, "activation": "linear"}],
        "initializer": {"name": "normal", "std": 1.0},
    },
    "optimizer": {"name": "sgd", "learning_rate": 3.0},
    "training": {"steps": 400},
}
TWO_FAULTS: dict[str, Any] = {  # a sigmoid cannot reach 6, and the rate is far too small
    "name": "two-faults",
    "dataset": {"name": "linear_doubling", "samples": 10, "low": 0, "high": 3},
    "network": {"layers": [{"units": 1, "activation": "sigmoid", "weights": [[0.5]]}]},
    "optimizer": {"name": "sgd", "learning_rate": 1e-7},
    "training": {"steps": 200},
}
HEALTHY: dict[str, Any] = {
    "name": "healthy",
    "dataset": {"name": "linear_doubling", "samples": 10},
    "network": {"layers": [{"units": 1, "activation": "linear"}]},
    "optimizer": {"name": "sgd", "learning_rate": 0.5},
    "training": {"steps": 300},
}
PLENTY = 60.0  # seconds; none of the searches takes a tenth of it


def experiment_from(settings: dict[str, Any], **sections: Any) -> Experiment:
    """The experiment of some settings, with sections replaced."""
    return experiment_of({**settings, **sections})


@pytest.fixture(scope="session")
def exploding() -> Run:
    """The run of a rate above the stability limit."""
    return measured(experiment_from(EXPLODING))


@pytest.fixture(scope="session")
def healthy() -> Run:
    """A run with nothing wrong."""
    return measured(experiment_from(HEALTHY))


@pytest.fixture(scope="session")
def exploding_fix() -> Fix:
    """What is found for a rate above the stability limit."""
    return fix(experiment_from(EXPLODING), seconds=PLENTY)


@pytest.fixture(scope="session")
def tanh_fix() -> Fix:
    """What is found for a tanh on a line."""
    return fix(experiment_from(TANH_ON_A_LINE), seconds=PLENTY)


@pytest.fixture(scope="session")
def two_faults_fix() -> Fix:
    """What is found for two faults at once."""
    return fix(experiment_from(TWO_FAULTS), seconds=PLENTY)

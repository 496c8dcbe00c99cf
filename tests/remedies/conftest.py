"""Small configs to be changed."""

from collections.abc import Callable
from typing import Any

import pytest

from nndiag.experiment import Experiment, experiment_of
from nndiag.remedies import Case, changed

BASE = {
    "dataset": {"name": "sine", "samples": 20},
    "network": {
        "layers": [{"units": 4, "activation": "tanh"}, {"units": 1, "activation": "linear"}]
    },
    "optimizer": {"name": "sgd", "learning_rate": 0.05},
    "training": {"steps": 100},
}


@pytest.fixture
def experiment() -> Callable[..., Experiment]:
    """Makes a small experiment from some changed keys."""

    def make(changes: dict[str, Any] | None = None) -> Experiment:
        return changed(experiment_of(BASE), changes or {})

    return make


@pytest.fixture
def case(experiment) -> Callable[..., Case]:
    """Makes a case from some changed keys."""
    return lambda changes=None: Case(experiment(changes))

"""What every remedy has to be."""

import pytest

from nndiag.detectors import DETECTORS
from nndiag.errors import UnknownNameError
from nndiag.experiment import experiment_of
from nndiag.remedies import Case, changed, remedies, remedy_of, smallest_changes
from nndiag.remedies.contract import remedy

NAMES = sorted(remedies())

BASE = {
    "dataset": {"name": "sine", "samples": 20},
    "network": {
        "layers": [{"units": 4, "activation": "tanh"}, {"units": 1, "activation": "linear"}]
    },
    "optimizer": {"name": "sgd", "learning_rate": 0.05},
    "training": {"steps": 100},
}

ILL = {
    "plain": {},
    "summed": {"loss": {"reduction": "sum"}, "optimizer": {"learning_rate": 5.0}},
    "deep": {
        "network": {
            "bias": False,
            "initializer": {"name": "constant", "value": 0.5},
            "layers": [{"units": 3, "activation": "relu"}] * 5
            + [{"units": 1, "activation": "sigmoid", "bias": False}],
        },
        "dataset": {"low": 100, "high": 300},
        "loss": {"name": "mean_absolute_error"},
    },
    "classes": {
        "dataset": {"name": "blobs", "samples": 30, "classes": 3, "encoding": "one_hot"},
        "network": {"layers": [{"units": 3, "activation": "softmax"}]},
        "training": {"epochs": 3, "batch_size": 4, "order": "sequential"},
    },
    "strange": {
        "optimizer": {
            "name": "sgd",
            "learning_rate": 1e-6,
            "momentum": 0.99,
            "decay": 0.1,
            "weight_decay": 1.0,
            "clip_norm": 1e-3,
        },
    },
    "overfitted": {
        "dataset": {"validation": 0.3},
        "network": {
            "layers": [{"units": 40, "activation": "tanh"}, {"units": 1, "activation": "linear"}]
        },
        "optimizer": {"name": "adam"},
    },
    "wavy": {"dataset": {"low": -15, "high": 15, "samples": 80}},
    "impatient": {
        "dataset": {"validation": 0.3},
        "training": {"steps": 100, "early_stopping": {"patience": 1}},
    },
    "dropped": {
        "dataset": {"validation": 0.3},
        "network": {
            "layers": [
                {"units": 40, "activation": "tanh", "dropout": 0.8},
                {"units": 1, "activation": "linear"},
            ]
        },
    },
}
CASES = {ill: Case(changed(experiment_of(BASE), changes)) for ill, changes in ILL.items()}
APPLYING = [(name, ill) for name in NAMES for ill in ILL if remedy_of(name).changes(CASES[ill])]
ONCE = set(NAMES) - {
    "another-seed", "larger-batch", "larger-rate", "leaky-relu-units",
    "less-dropout", "more-patience",
    "more-steps", "much-smaller-rate", "narrower-layers", "relu-units", "smaller-rate",
    "tanh-units", "wider-layers",
}  # fmt: skip
"""Remedies that lead to a fixed state: applied again they have nothing to do."""


@pytest.mark.parametrize("name", NAMES)
def test_every_remedy_has_a_title_and_a_source(name):
    one = remedy_of(name)
    assert one.title
    assert len(one.title) <= 80
    assert len(one.source) > 10
    assert one.cures
    assert one.price in (1, 2, 3)


def test_every_remedy_changes_at_least_one_of_the_ill_configs():
    assert {name for name, _ in APPLYING} == set(NAMES)


@pytest.mark.parametrize(("name", "ill"), APPLYING)
def test_a_change_gives_a_config_that_can_be_built_and_differs(name, ill):
    before = CASES[ill]
    after = changed(before.experiment, remedy_of(name).changes(before))
    assert Case(after).built.parameters.size > 0
    assert smallest_changes(before.experiment, after)


@pytest.mark.parametrize(("name", "ill"), [pair for pair in APPLYING if pair[0] in ONCE])
def test_a_remedy_with_a_fixed_end_has_nothing_to_do_a_second_time(name, ill):
    before = CASES[ill]
    after = changed(before.experiment, remedy_of(name).changes(before))
    assert remedy_of(name).changes(Case(after)) is None


@pytest.mark.parametrize("name", NAMES)
def test_asking_a_remedy_leaves_the_experiment_as_it_is(name):
    one = CASES["deep"]
    before = repr(one.experiment.resolved)
    remedy_of(name).changes(one)
    assert repr(one.experiment.resolved) == before


def test_every_problem_that_can_be_a_cause_has_a_remedy():
    cured = frozenset().union(*(one.cures for one in remedies().values()))
    advised = {"learning-rate-above-stability-limit", "targets-outside-output-range"}
    advised |= {"unscaled-inputs", "identical-units", "dead-units", "vanishing-gradients"}
    assert advised <= cured
    assert advised <= set(DETECTORS.names())


def test_an_unknown_remedy_is_told_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean 'adam'"):
        remedy_of("adm")


def test_a_remedy_without_a_source_is_refused():
    def hearsay(case):
        """Somebody says so."""

    with pytest.raises(ValueError, match="no source"):
        remedy("hearsay", cures=[])(hearsay)

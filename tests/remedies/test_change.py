"""Changes on top of a config, and the fewest that lead from one config to another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndiag.errors import ConfigError
from nndiag.remedies import Case, changed, remedies, smallest_changes
from tests.searching import examples


def test_a_changed_key_leaves_the_others(experiment):
    after = changed(experiment(), {"optimizer": {"momentum": 0.9}})
    assert after.config.optimizer.learning_rate == 0.05
    assert after.config.optimizer.options["momentum"] == 0.9


def test_an_expectation_is_not_inherited(experiment):
    before = experiment({"expect": {"outcome": "converged"}})
    assert changed(before, {"seed": 1}).config.expect is None


def test_another_optimizer_keeps_what_both_have_only(experiment):
    before = experiment({"optimizer": {"momentum": 0.9}})
    after = changed(before, {"optimizer": {"name": "adam"}})
    assert after.config.optimizer.learning_rate == 0.05
    assert smallest_changes(before, after) == {"optimizer": {"name": "adam"}}


def test_a_change_that_does_not_fit_is_told(experiment):
    with pytest.raises(ConfigError, match="learning_rate"):
        changed(experiment(), {"optimizer": {"learning_rate": -1}})


def test_nothing_changed_is_nothing(experiment):
    assert smallest_changes(experiment(), experiment()) == {}


def test_a_name_is_no_change(experiment):
    assert smallest_changes(experiment(), experiment({"name": "other"})) == {}


def test_epochs_for_steps_is_one_change(experiment):
    after = changed(experiment(), {"training": {"epochs": 7}})
    assert smallest_changes(experiment(), after) == {"training": {"epochs": 7}}


def test_a_lost_key_becomes_null(experiment):
    before = experiment({"optimizer": {"clip_norm": 1.0}})
    assert smallest_changes(before, experiment()) == {"optimizer": {"clip_norm": None}}


@given(st.lists(st.sampled_from(sorted(remedies())), max_size=5, unique=True))
@examples(40)
def test_the_smallest_changes_of_any_remedies_lead_to_the_same_config(experiment, names):
    before = after = experiment({"network": {"bias": False}, "loss": {"reduction": "sum"}})
    for name in names:
        changes = remedies()[name].changes(Case(after))
        after = after if changes is None else changed(after, changes)
    smallest = smallest_changes(before, after)
    assert changed(before, smallest).resolved == after.resolved

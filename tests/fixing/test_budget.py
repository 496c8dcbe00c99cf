"""What may be spent: work that is counted, and a time beside it."""

from dataclasses import replace

import numpy as np
import pytest

from nndiag.fixing.budget import Budget, work_of
from nndiag.fixing.procedure import _budget


def test_what_is_spent_is_no_longer_allowed():
    budget = Budget(10.0, 60.0, shown=0.5)
    assert budget.allows(10.0)
    budget.spent = 7.0
    assert budget.allows(3.0)
    assert not budget.allows(3.1)


def test_a_share_of_the_budget_ends_sooner():
    budget = Budget(10.0, 60.0, shown=0.5, spent=4.0)
    assert budget.allows(1.0, until=0.5)
    assert not budget.allows(1.1, until=0.5)


def test_a_time_that_is_over_allows_nothing():
    assert not Budget(np.inf, 0.0, shown=0.5).allows(1e-6)


def test_on_a_slow_machine_the_same_work_takes_longer():
    # 10 s of work are 30 s there: a minute is enough for them, 20 s are not
    assert Budget(np.inf, 60.0, shown=0.5, speed=3.0).allows(10.0)
    assert not Budget(np.inf, 20.0, shown=0.5, speed=3.0).allows(10.0)


@pytest.mark.parametrize("slower", [0.2, 5.0])
def test_the_work_that_is_allowed_does_not_depend_on_the_machine(exploding, slower):
    budget = _budget(replace(exploding, seconds=slower * exploding.seconds), None)
    assert (budget.work, budget.shown) == (_budget(exploding, None).work, budget.shown)


def test_a_run_that_broke_off_is_budgeted_by_the_steps_that_were_asked_for(exploding):
    # of the 400 steps that the fixture asks for; here it asks for a million
    built = replace(exploding.built, steps=1_000_000)
    budget = _budget(replace(exploding, built=built), None)
    assert budget.work == pytest.approx(16 * work_of(built, steps=1_000_000))
    assert exploding.trace.steps < 400


def test_a_time_that_was_asked_for_is_the_only_limit(exploding):
    budget = _budget(exploding, 5.0)
    assert budget.work == np.inf
    assert budget.seconds == 5.0


def test_work_grows_with_the_steps_and_with_the_network(exploding, tanh_fix):
    built, small = exploding.built, tanh_fix.baseline.built
    assert work_of(built, steps=2000) > work_of(built, steps=1000)
    assert work_of(built, steps=1000) > work_of(small, steps=1000)

"""Runs that an executor makes: the same numbers, each made once, and none that nobody asks for."""

import time
from concurrent.futures import Future

import numpy as np
import pytest

from nndiag.fixing.measure import OutOfTimeError, measured
from nndiag.fixing.speculative import Ahead
from tests.fixing.conftest import EXPLODING, HEALTHY, TANH_ON_A_LINE, experiment_from

FOREVER = float("inf")


@pytest.fixture
def ahead():
    """Two processes, however many processors there are."""
    runs = Ahead(most=2)
    yield runs
    runs.close()


class Counting:
    """An executor that only notes what it is asked for."""

    def __init__(self):
        self.futures = []

    def submit(self, function, *args, **kwargs):
        self.futures.append(Future())
        return self.futures[-1]


def test_a_run_is_the_same_wherever_it_is_made(ahead):
    experiment = experiment_from(EXPLODING, optimizer={"learning_rate": 0.05})
    there, here = ahead.run(experiment, deadline=FOREVER), measured(experiment)
    np.testing.assert_array_equal(there.trace.loss, here.trace.loss)
    np.testing.assert_array_equal(there.parameters, here.parameters)
    assert there.diagnosis == here.diagnosis
    assert (there.score, there.good) == (here.score, here.good)


def test_what_is_expected_next_is_begun_and_then_only_taken(ahead):
    first, second = experiment_from(TANH_ON_A_LINE), experiment_from(HEALTHY)
    ahead.run(first, deadline=FOREVER, then=[second])
    begun = ahead._begun[second]
    assert ahead.run(second, deadline=FOREVER) is begun.result()


def test_no_more_is_begun_than_is_made_at_once_and_one_that_waits():
    executor = Counting()
    experiments = [experiment_from(HEALTHY) for _ in range(5)]
    Ahead(executor, most=2).begin(experiments, deadline=FOREVER)
    assert len(executor.futures) == 3


def test_what_is_not_asked_for_after_all_is_given_up(ahead):
    long = experiment_from(TANH_ON_A_LINE, training={"steps": 50_000_000})
    ahead.run(experiment_from(HEALTHY), deadline=FOREVER, then=[long])
    future = ahead._begun[long]
    ahead.run(experiment_from(HEALTHY), deadline=FOREVER)
    assert future.done()


def test_to_close_ends_what_is_under_way(ahead):
    long = experiment_from(TANH_ON_A_LINE, training={"steps": 50_000_000})
    ahead.begin([long], deadline=FOREVER)
    ahead.close()  # returns only when its process has ended
    assert ahead._begun[long].done()


def test_the_deadline_holds_in_another_process(ahead):
    long = experiment_from(TANH_ON_A_LINE, training={"steps": 50_000_000})
    with pytest.raises(OutOfTimeError):
        ahead.run(long, deadline=time.monotonic())


def test_where_there_is_nobody_else_all_is_done_here():
    executor = Counting()
    runs = Ahead(executor, most=0)
    assert runs.run(experiment_from(HEALTHY), deadline=FOREVER, then=[]).well
    assert not executor.futures

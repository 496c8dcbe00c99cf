"""Runs in processes of their own: the same numbers, and nothing left behind."""

import multiprocessing

import numpy as np
import pytest

from nndiag.fixing import ahead as module
from nndiag.fixing.ahead import Ahead
from nndiag.fixing.measure import OutOfTimeError, measured
from tests.fixing.conftest import EXPLODING, HEALTHY, TANH_ON_A_LINE, experiment_from

FOREVER = float("inf")


@pytest.fixture
def ahead(monkeypatch):
    """Two processes, however many processors there are."""
    monkeypatch.setattr(module, "processors", lambda: 2)
    runs = Ahead()
    yield runs
    runs.close()


def test_a_run_is_the_same_wherever_it_is_made(ahead):
    experiment = experiment_from(EXPLODING, optimizer={"learning_rate": 0.05})
    there, here = ahead.run(experiment, deadline=FOREVER), measured(experiment)
    np.testing.assert_array_equal(there.trace.loss, here.trace.loss)
    np.testing.assert_array_equal(there.parameters, here.parameters)
    assert there.diagnosis == here.diagnosis
    assert (there.score, there.good) == (here.score, here.good)


def test_what_is_expected_next_is_begun_and_then_only_taken(ahead, monkeypatch):
    first, second = experiment_from(TANH_ON_A_LINE), experiment_from(HEALTHY)
    ahead.run(first, deadline=FOREVER, then=[second])
    monkeypatch.setattr(module, "_started", None)  # nothing more can be started
    assert ahead.run(second, deadline=FOREVER).diagnosis.cause is None


def test_what_is_not_asked_for_after_all_is_ended(ahead):
    long = experiment_from(TANH_ON_A_LINE, training={"steps": 50_000_000})
    ahead.run(experiment_from(HEALTHY), deadline=FOREVER, then=[long])
    ahead.close()
    assert multiprocessing.active_children() == []


def test_a_run_whose_process_dies_is_made_here(ahead, monkeypatch):
    monkeypatch.setattr(module, "_train", lambda experiment, deadline, connection: None)
    assert ahead.run(experiment_from(HEALTHY), deadline=FOREVER).well


def test_the_deadline_holds_in_another_process(ahead):
    long = experiment_from(TANH_ON_A_LINE, training={"steps": 50_000_000})
    with pytest.raises(OutOfTimeError):
        ahead.run(long, deadline=0.0)


def test_a_process_starts_no_others(monkeypatch):
    monkeypatch.setattr(multiprocessing, "parent_process", object)
    monkeypatch.setattr(module, "_started", None)
    assert Ahead().run(experiment_from(HEALTHY), deadline=FOREVER).well


def test_on_a_single_processor_all_is_done_here(monkeypatch):
    monkeypatch.setattr(module, "processors", lambda: 1)
    monkeypatch.setattr(module, "_started", None)
    assert Ahead().run(experiment_from(HEALTHY), deadline=FOREVER).well

"""The clock that stands still while others have the processor."""

import time

from nndiag.program.execution import clock


def test_follows_the_time_of_day_but_for_what_others_took():
    day, own = time.perf_counter(), clock.now()
    time.sleep(0.05)
    passed, own_passed = time.perf_counter() - day, clock.now() - own
    assert 0 < own_passed <= passed + 1e-3
    taken = clock.time_without_processor("self")
    assert own_passed >= passed - taken - 1e-3


def test_is_over_behind_the_deadline_only():
    assert not clock.is_over(clock.now() + 60)
    assert clock.is_over(clock.now() - 1)
    assert not clock.is_over(float("inf"))


def test_knows_of_no_waiting_where_the_system_does_not_tell():
    assert clock.time_without_processor(2**30) == 0

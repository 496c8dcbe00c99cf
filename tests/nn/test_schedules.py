import numpy as np
import pytest

from nndiag.nn.schedules import SCHEDULES

STEPS = np.arange(101)


def factors(name, *, warmup=0, total=100, **options):
    schedule = SCHEDULES.get(name)(**options)
    return schedule.changed(warmup_steps=warmup, total=total).factors(STEPS)


def test_a_cosine_falls_from_one_to_its_final_share():
    found = factors("cosine", final=0.2)
    # Halfway the cosine is zero: (1 + 0.2) / 2.
    assert found[[0, 50, 100]] == pytest.approx([1.0, 0.6, 0.2])
    assert (np.diff(found) < 0).all()


def test_steps_fall_at_their_multiples_and_an_exponential_between_them():
    jumps, smooth = (factors(name, every=20, factor=0.5) for name in ("step", "exponential"))
    assert jumps[[0, 19, 20, 99]] == pytest.approx([1, 1, 0.5, 0.0625])
    assert smooth[[0, 10, 20, 100]] == pytest.approx([1, 0.5**0.5, 0.5, 0.5**5])


@pytest.mark.parametrize("name", ["constant", "cosine"])
def test_a_warm_up_rises_evenly_and_the_schedule_begins_after_it(name):
    found = factors(name, warmup=9)
    np.testing.assert_allclose(found[:10], np.arange(1, 11) / 10)
    after = SCHEDULES.get(name)().changed(total=91).factors(np.arange(92))
    np.testing.assert_allclose(found[9:], after)

import numpy as np
import pytest

from nndiag.detectors.movement import first_steps, late_path, path, step_per_rate


def test_the_path_is_the_sum_of_the_steps_of_the_farthest_layer(make_trace):
    ratios = np.column_stack([np.full(20, 0.01), np.full(20, 0.02)])
    facts = {"learning_rate": 0.1}
    trace = make_trace(np.ones(101), series={"update_ratio": ratios}, facts=facts)
    # from step 1 to step 101, 0.02 each
    assert path(trace) == pytest.approx(100 * 0.02)
    assert step_per_rate(trace) == pytest.approx(0.02 / 0.1)


def test_the_step_per_rate_is_read_early_and_from_the_rate_in_force(make_trace):
    decayed = np.geomspace(1.0, 1e-3, 20)
    steps = np.where(np.arange(20) < 10, 0.02 * decayed, 0.0)[:, None] * [0.5, 1.0]
    series = {"update_ratio": steps, "learning_rate": decayed}
    assert step_per_rate(make_trace(np.ones(101), series=series)) == pytest.approx(0.02)


def test_the_late_path_is_that_of_a_run_that_moved_as_in_its_second_half(make_trace):
    thrown = np.where(np.arange(101) < 10, 5.0, 0.01)[:, None] * [1.0, 0.5]
    trace = make_trace(np.ones(101), series={"update_ratio": thrown})
    assert path(trace) > 40
    assert late_path(trace) == pytest.approx(100 * 0.01)


def test_the_first_steps_are_those_of_the_layer_that_moves_least(make_trace):
    ratios = np.where(np.arange(20) < 5, 0.3, 0.01)[:, None] * [2.0, 1.0]
    assert first_steps(make_trace(np.ones(101), series={"update_ratio": ratios})) == 0.3
    assert np.isnan(first_steps(make_trace(np.ones(101))))


@pytest.mark.parametrize(("first", "told"), [(0.9, 0.01), (1.1, 1.1), (np.inf, 0.01)])
def test_a_first_step_that_is_longer_than_the_weights_tells_alone(first, told, make_trace):
    ratios = np.where(np.arange(20) == 0, first, 0.01)[:, None] * [1.0, 1.0]
    assert first_steps(make_trace(np.ones(101), series={"update_ratio": ratios})) == told

"""Large networks are checked on fewer examples, then on fewer units."""

import numpy as np
import pytest

from nndiag.gradients.network.sampling import affordable_examples, affordable_units, thinned
from nndiag.nn.losses import LOSSES
from nndiag.nn.network import architecture, examples


def network(*units, count=2000):
    """A tanh network with its examples."""
    shape = architecture(
        3, [(width, "tanh") for width in units], loss=LOSSES.get("mean_squared_error")()
    )
    rng = np.random.default_rng(0)
    return shape, examples(shape, rng.normal(size=(count, 3)), rng.normal(size=(count, units[-1])))


def test_many_examples_are_thinned_out_evenly():
    _, batch = network(4, 1)
    few = thinned(batch, most=10)
    assert few.count == 10
    np.testing.assert_array_equal(few.inputs[:, [0, -1]], batch.inputs[:, [0, -1]])
    assert thinned(few, most=10) is few


# 512 examples are the most that are ever of use, 8 the fewest that still differ.
@pytest.mark.parametrize(("units", "count"), [((4, 1), 512), ((300, 300, 300, 1), 8)])
def test_the_larger_the_network_the_fewer_the_examples(units, count):
    assert affordable_examples(*network(*units), seconds=1.0).count == count


def test_few_examples_are_all_kept():
    shape, batch = network(4, 1, count=5)
    assert affordable_examples(shape, batch, seconds=1e-9) is batch


@pytest.mark.parametrize(("seconds", "counts"), [(1e9, [40, 40, 2]), (0.0, [4, 4, 2])])
def test_units_are_left_out_only_where_time_is_short(seconds, counts):
    shape, batch = network(40, 40, 2)
    assert [len(units) for units in affordable_units(shape, batch.count, seconds=seconds)] == counts


def test_twice_the_time_takes_twice_the_units():
    shape, batch = network(400, 400, 1)
    once, twice = (
        len(affordable_units(shape, batch.count, seconds=seconds)[1]) for seconds in (10.0, 20.0)
    )
    assert once > 10
    assert twice == pytest.approx(2 * once, abs=1)

"""Dead and saturated units are judged alike: by the share of a layer's units, where nothing learns.

The names of the problem, of its series and of the activation are the parameters of each test.
"""

import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Skipped

pytestmark = pytest.mark.parametrize(
    ("problem", "series", "activation"),
    [("dead-units", "dead_share", "relu"), ("saturated-units", "saturated_share", "tanh")],
)


@pytest.fixture
def found(problem, series, activation, curves, make_trace):
    """The trace of a run, and what the detector finds in it.

    The second of three layers has the given share of such units, before step 5 of 10 another.
    """

    def of(curve, share, *, before=None, kind=activation):
        table = np.zeros((10, 3))
        table[:, 1] = share
        if before is not None:
            table[:5, 1] = before
        layers = ((10, kind), (10, kind), (1, "linear"))
        trace = make_trace(curves[curve], layers=layers, series={series: table})
        return trace, run(problem, trace)

    return of


def test_tells_since_when(found, series):
    trace, (finding,) = found("stuck", 0.9, before=0.2)
    assert finding.message.endswith(f"since about step {trace.series[series].steps[5]}")


@pytest.mark.parametrize("curve", ["learned", "falling"])
def test_stays_silent_in_a_run_that_learns(found, curve):
    assert found(curve, 1.0)[1] == []


@pytest.mark.parametrize(("share", "fires"), [(0.5, False), (0.6, True)])
def test_the_share_is_its_boundary(found, share, fires):
    assert bool(found("stuck", share)[1]) is fires


def test_is_skipped_without_such_layers(found):
    assert isinstance(found("stuck", 1.0, kind="linear")[1], Skipped)


def test_is_skipped_without_its_series(problem, series, activation, curves, make_trace):
    trace = make_trace(curves["stuck"], layers=((10, activation), (10, activation), (1, "linear")))
    assert run(problem, trace) == Skipped(problem, f"the trace has no {series.replace('_', ' ')}")

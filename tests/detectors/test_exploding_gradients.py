import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Skipped

PROBLEM = "exploding-gradients"
DEEP = ((10, "tanh"), (10, "tanh"), (1, "linear"))


def norms(*, first, last=1.0, growth=1.0):
    pace = growth ** np.arange(200)
    return np.column_stack([first * pace, np.full(200, last), np.full(200, last)])


def test_fires_where_the_first_layer_has_by_far_the_largest_gradient(curves, make_trace):
    trace = make_trace(
        curves["exploded_and_stuck"], layers=DEEP, series={"gradient_norm": norms(first=5e3)}
    )
    (finding,) = run(PROBLEM, trace)
    assert finding.layer == "layer1"


def test_fires_where_a_gradient_grew_with_the_loss_and_names_the_layer(curves, make_trace):
    series = {"gradient_norm": norms(first=1.0, growth=1.1)[:, ::-1]}
    trace = make_trace(curves["exploded_and_stuck"], layers=DEEP, series=series)
    (finding,) = run(PROBLEM, trace)
    # 1.1^n > 100 from n = 49 on, which is step 50
    assert (finding.layer, finding.evidence[0].steps) == ("layer3", (1, 50))


@pytest.mark.parametrize("shape", ["learned", "falling", "recovered"])
def test_stays_silent_in_a_run_that_learns_whatever_its_gradients(shape, curves, make_trace):
    trace = make_trace(curves[shape], layers=DEEP, series={"gradient_norm": norms(first=1e6)})
    assert run(PROBLEM, trace) == []


@pytest.mark.parametrize(("first", "fires"), [(999.0, False), (1001.0, True)])
def test_the_ratio_is_its_boundary(first, fires, curves, make_trace):
    trace = make_trace(
        curves["exploded_and_stuck"], layers=DEEP, series={"gradient_norm": norms(first=first)}
    )
    assert bool(run(PROBLEM, trace)) is fires


def test_is_skipped_without_gradient_norms(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["exploded"]))
    assert result == Skipped(PROBLEM, "the trace has no gradient norm")

import numpy as np
import pytest

from nndiag.detectors import run
from nndiag.finding import Severity, Skipped

PROBLEM = "saturated-units"
LAYERS = ((10, "tanh"), (10, "tanh"), (1, "linear"))


def shares(second, *, before=None):
    """Shares of three layers at 10 steps; the second layer's as given, before step 5 another."""
    table = np.zeros((10, 3))
    table[:, 1] = second
    if before is not None:
        table[:5, 1] = before
    return {"saturated_share": table}


def test_fires_where_a_run_did_not_learn_and_names_the_layer(curves, make_trace):
    trace = make_trace(curves["stuck"], layers=LAYERS, series=shares(0.9))
    (finding,) = run(PROBLEM, trace)
    assert (finding.severity, finding.layer) == (Severity.ERROR, "layer2")
    assert finding.message == "90% of the units of layer2 are saturated, from the start"


def test_tells_since_when(curves, make_trace):
    trace = make_trace(curves["stuck"], layers=LAYERS, series=shares(0.9, before=0.2))
    (finding,) = run(PROBLEM, trace)
    since = trace.series["saturated_share"].steps[5]
    assert finding.message.endswith(f"since about step {since}")


@pytest.mark.parametrize("shape", ["learned", "falling"])
def test_stays_silent_in_a_run_that_learns(shape, curves, make_trace):
    assert run(PROBLEM, make_trace(curves[shape], layers=LAYERS, series=shares(1.0))) == []


@pytest.mark.parametrize(("share", "fires"), [(0.5, False), (0.6, True)])
def test_the_share_is_its_boundary(share, fires, curves, make_trace):
    trace = make_trace(curves["stuck"], layers=LAYERS, series=shares(share))
    assert bool(run(PROBLEM, trace)) is fires


def test_is_skipped_without_such_layers(curves, make_trace):
    layers = ((10, "linear"), (10, "linear"), (1, "linear"))
    trace = make_trace(curves["stuck"], layers=layers, series=shares(1.0))
    assert isinstance(run(PROBLEM, trace), Skipped)


def test_is_skipped_without_its_series(curves, make_trace):
    result = run(PROBLEM, make_trace(curves["stuck"], layers=LAYERS))
    assert result == Skipped(PROBLEM, "the trace has no saturated share")
